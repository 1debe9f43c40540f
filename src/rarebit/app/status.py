"""How an installation stands: events, sources, jobs, lateness, memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rarebit.app.edr import EdrSummary, standing
from rarebit.app.home import Home
from rarebit.app.jobs import default_jobs, get_job, idle_rules, planned
from rarebit.app.left_out import LeftOut, counts_of, left_out
from rarebit.app.sight import blind_jobs
from rarebit.core.care import Annotation
from rarebit.core.time import iso
from rarebit.detect.standing import Gauge, Standing
from rarebit.store import snapshots

_NOTES: Final = 3


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One job's standing."""

    id: str
    state: str
    """``never ran``, ``blind``, ``learning`` or ``watching``."""
    reached: str | None
    """Time of the last event it has judged."""
    behind: int
    """Versions of the lake it has not read yet."""
    snapshot_bytes: int
    reason: str = ""
    left_out: tuple[LeftOut, ...] = ()
    """What its rules, calendars and exclusions left out."""
    problems: tuple[str, ...] = ()
    """Parts of its definition that are not acted on as written, and change what it finds."""
    memory: dict[str, int] = msgspec.field(default_factory=dict)
    """``memory_bytes``, ``memory_limit_bytes``, ``evicted_pairs`` and ``pruned`` at the last run, if it ran then."""
    annotations: tuple[Annotation, ...] = ()
    """The latest notes beside its results."""
    standing: Standing | None = None
    """Entities by how well they are known, and the health of its probabilities; None before the first run."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One installation's standing."""

    home: str
    events: int
    first: str | None
    last: str | None
    days: int
    bytes: int
    hosts_in_inventory: int
    files_read: int
    files_with_trouble: int
    jobs: tuple[JobStatus, ...]
    indicators: int
    """Values kept of all lists."""
    indicator_lists: tuple[str, ...]
    indicator_matches: dict[str, int]
    """By outcome: ``hit``, ``inbound``, ``attempt``."""
    last_run: dict[str, Any] | None
    edr: EdrSummary | None = None
    """What is kept of sensors' alerts; None where they never sent any."""


def status(home: Home) -> Status:
    """Look at an installation without changing it."""
    lake = home.lake.summary()
    reports = home.store.list_file_reports()
    lists = home.library.sources()
    return Status(
        home=str(home.path),
        events=lake.events,
        first=iso(lake.first_us) if lake.first_us is not None else None,
        last=iso(lake.last_us) if lake.last_us is not None else None,
        days=len(lake.days),
        bytes=lake.bytes,
        hosts_in_inventory=len(home.inventory()),
        files_read=len(reports),
        files_with_trouble=sum(bool(report.error or report.skipped) for report in reports),
        jobs=_jobs(home, lake.version, lake.last_us),
        indicators=sum(source.held for source in lists),
        indicator_lists=tuple(source.name for source in lists),
        indicator_matches=home.store.matches.counts(),
        last_run=home.store.last_run(),
        edr=standing(home) if home.store.sensors.count() else None,
    )


def _ids(home: Home) -> list[str]:
    last = home.store.last_run() or {}
    ran = [job["job_id"] for job in last.get("jobs", [])]
    return list(dict.fromkeys([*ran, *(job.job_id for job in default_jobs(home))]))


def _jobs(home: Home, version: int, last_us: int | None) -> tuple[JobStatus, ...]:
    """Every job; the events are looked at once for all that are blind."""
    found = [_job(home, job_id, version, last_us) for job_id in _ids(home)]
    plans = [planned(home, get_job(home, each.id)) for each in found if each.state == "blind"]
    why = blind_jobs(home, plans)
    return tuple(
        msgspec.structs.replace(each, reason=why[each.id].reason) if each.id in why else each for each in found
    )


def _job(home: Home, job_id: str, version: int, last_us: int | None) -> JobStatus:
    """One job; why it is blind is not said yet."""
    position = home.store.get_position(job_id)
    if position is None:
        return JobStatus(id=job_id, state="never ran", reached=None, behind=version + 1, snapshot_bytes=0)
    path = home.snapshots / position.state_name
    arrays, meta = snapshots.load(path)
    job = get_job(home, job_id)
    rows, learn_until = int(arrays["marks"][1]), int(arrays["marks"][4])
    reason, state = "", "watching"
    if rows == 0:
        state = "blind"
    elif last_us is not None and last_us < learn_until:
        state, reason = "learning", f"until {iso(learn_until)}"
    return JobStatus(
        id=job_id,
        state=state,
        reached=iso(position.watermark_us) if position.watermark_us else None,
        behind=version - position.lake_version,
        snapshot_bytes=path.stat().st_size,
        reason=reason,
        left_out=left_out(home, job, counts_of(arrays)),
        memory=_memory(home, job_id),
        annotations=tuple(home.store.care.list_annotations(job_id)[-_NOTES:]),
        problems=tuple(f"{each.where}: {each.text}" for each in idle_rules(home, job)),
        standing=_standing(meta),
    )


def _memory(home: Home, job_id: str) -> dict[str, int]:
    last = home.store.last_run() or {}
    ran: dict[str, int] = next((job for job in last.get("jobs", []) if job["job_id"] == job_id), {})
    names = ("memory_bytes", "memory_limit_bytes", "evicted_pairs", "pruned")
    return {name: ran[name] for name in names if name in ran}


def _standing(meta: Mapping[str, Any]) -> Standing:
    gauge = msgspec.convert({name: meta[name] for name in Gauge.__struct_fields__}, Gauge)
    counts = {name: int(meta[f"entities_{name}"]) for name in ("learning", "usable", "mature")}
    return Standing(gauge=gauge, **counts)
