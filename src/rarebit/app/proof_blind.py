"""What cannot be seen: hosts that fell silent or never spoke, fields nobody sends, detectors that cannot fire."""

from __future__ import annotations

from typing import Any, Final

from rarebit.app.edr import coverage as sensed
from rarebit.app.exports import coverage
from rarebit.app.home import Home
from rarebit.core.fields import CODED, TIME
from rarebit.core.names import host_key
from rarebit.core.proof import BlindDetector, BlindHost, Blindness
from rarebit.core.time import DAY_US, iso
from rarebit.query import literal

SILENT_US: Final = 3 * DAY_US
"""A host that was heard on most days before, and not for so long, has fallen silent; a weekend is shorter."""
_MOST: Final = 0.6
KINDS: Final = ("process", "authentication", "network", "file", "registry")
"""Categories of events that jobs live on."""


def blindness(home: Home, start_us: int, end_us: int) -> Blindness:
    """Look at the time told of, in microseconds."""
    at, code = literal.identifier(TIME), literal.identifier(CODED["host.name"])
    rows = home.lake.sql(
        f"SELECT max_by({literal.identifier('host.name')}, {at}) AS host, epoch_us(min({at})) AS first, "
        f"epoch_us(max({at})) AS last, count(DISTINCT {literal.identifier('day')}) AS days FROM events "
        f"WHERE {at} >= {literal.time(start_us)} AND {code} <> 0 GROUP BY {code} ORDER BY host"
    ).to_pylist()
    heard = {host_key(row["host"]): row for row in rows}
    hosts = [_silent(row, end_us) for row in rows]
    never = [name for name in sorted(home.inventory().hosts) if name not in heard]
    found = [each for each in hosts if each is not None]
    found += [BlindHost(host=name, reason="in the inventory, and no event of it in this time") for name in never]
    watched = {host_key(each.host) for each in sensed(home) if each.sensors}
    lines = coverage(home)
    rules = [each for each in lines if each.kind == "rule" and each.runs]
    jobs = (home.store.last_run() or {}).get("jobs", [])
    lacking = {each.id: each.missing for each in lines}
    made = [
        BlindDetector(id=job["job_id"], kind="job", reason=_reason(job, lacking.get(job["job_id"], ())))
        for job in jobs
        if _blind(job)
    ]
    made += [
        BlindDetector(id=rule.id, kind="rule", reason=f"no event has {', '.join(rule.missing)}")
        for rule in rules
        if rule.missing
    ]
    fields = {name for job in jobs if _blind(job) for name in lacking.get(job["job_id"], ())}
    return Blindness(
        hosts=tuple(found),
        hosts_heard=len(heard),
        without_sensor=sum(name not in watched for name in heard) if home.store.sensors.count() else 0,
        fields=tuple(sorted(fields.union(*(rule.missing for rule in rules)))),
        detectors=tuple(made),
        able=len(jobs) + len(rules) - len(made),
        idle=sum(not each.runs and not each.missing for each in lines),
        absent=_absent(home, start_us),
    )


def _blind(job: dict[str, Any]) -> bool:
    """Whether a job never had anything to judge."""
    return bool(job["blind"]) or job["observations"] == 0


def _reason(job: dict[str, Any], missing: tuple[str, ...]) -> str:
    if job["blind"]:
        return str(job["blind"]["reason"])
    return f"no event has {', '.join(missing)}" if missing else "no event of its query had what it judges"


def _silent(row: dict[str, Any], end_us: int) -> BlindHost | None:
    first, last, days = (int(row[name]) for name in ("first", "last", "days"))
    lived = max(1.0, (last - first) / DAY_US)
    if end_us - last < SILENT_US or days < 2 or days / (lived + 1.0) < _MOST:  # noqa: PLR2004 one day is no habit
        return None
    gone = (end_us - last) / DAY_US
    return BlindHost(
        host=str(row["host"]), reason=f"silent for {gone:.1f} days, heard on {days} before", last=iso(last)
    )


def _absent(home: Home, start_us: int) -> tuple[str, ...]:
    category = literal.identifier("event.category")
    asked = ", ".join(f"bool_or(contains({category}, {literal.string(kind)})) AS {kind}" for kind in KINDS)
    since = f"{literal.identifier(TIME)} >= {literal.time(start_us)}"
    row = home.lake.sql(f"SELECT {asked} FROM events WHERE {since}").to_pylist()[0]
    return tuple(kind for kind in KINDS if not row[kind])
