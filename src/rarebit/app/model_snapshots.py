"""Model snapshots of jobs: how long they are kept, going back to one, and learning again from one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from rarebit.app.home import Home
from rarebit.core.care import SnapshotNote
from rarebit.core.errors import ConflictError, NotFoundError
from rarebit.core.job import Job
from rarebit.core.time import DAY_US, HOUR_US, iso
from rarebit.detect.stream import JobStream
from rarebit.store import snapshots

RETENTION_DAYS: Final = 10
DAILY_AFTER_DAYS: Final = 1
"""What Elastic keeps where a job does not say."""
CLOSEST_US: Final = 3 * HOUR_US
"""Of the last days, so far apart in event time; a run that ends a minute after another replaces its snapshot."""


def note_of(home: Home, stream: JobStream, version: int, name: str, size: int) -> SnapshotNote:
    """What is noted of a snapshot when a run has written it; what people said of it stays."""
    job_id = stream.plan.job.job_id
    held = next((each for each in home.store.care.list_snapshots(job_id) if each.snapshot_id == name), None)
    return SnapshotNote(
        snapshot_id=name,
        job_id=job_id,
        created_us=time.time_ns() // 1000,
        lake_version=version,
        watermark_us=stream.last_us or 0,
        rows=stream.rows,
        bytes=size,
        description=held.description if held else "",
        retain=held is not None and held.retain,
    )


def expired(notes: Sequence[SnapshotNote], job: Job, current: str) -> list[SnapshotNote]:
    """Snapshots of a job that its retention no longer keeps.

    Age is counted in event time before the newest. All within ``model_snapshot_retention_days`` are kept, but of each
    day older than ``daily_model_snapshot_retention_after_days`` only the first, and of later ones only the last in
    each three hours. Those to be retained, and the one the job stands on, are always kept.
    """
    if not notes:
        return []
    retention, daily = (
        int(job.rest.get(name, default))
        for name, default in (
            ("model_snapshot_retention_days", RETENTION_DAYS),
            ("daily_model_snapshot_retention_after_days", DAILY_AFTER_DAYS),
        )
    )
    newest = max(note.watermark_us for note in notes)
    kept: dict[tuple[str, int], SnapshotNote] = {}
    for note in sorted(notes, key=lambda each: (each.watermark_us, each.lake_version)):
        if note.watermark_us < newest - retention * DAY_US:
            continue
        if note.watermark_us < newest - daily * DAY_US:
            kept.setdefault(("day", note.watermark_us // DAY_US), note)
        else:
            kept["hours", note.watermark_us // CLOSEST_US] = note
    ids = {note.snapshot_id for note in kept.values()} | {current}
    return [note for note in notes if note.snapshot_id not in ids and not note.retain]


def expire(home: Home, jobs: Sequence[Job]) -> None:
    """Drop the snapshots of jobs that their retention no longer keeps, and files that nothing names."""
    current = {position.job_id: position.state_name for position in home.store.list_positions()}
    for job in jobs:
        notes = home.store.care.list_snapshots(job.job_id)
        gone = expired(notes, job, current.get(job.job_id, ""))
        home.store.care.delete_snapshots([note.snapshot_id for note in gone])
    named = [note.snapshot_id for note in home.store.care.list_snapshots()]
    snapshots.prune(home.snapshots, [*current.values(), *named])


def get_snapshot(home: Home, job_id: str, snapshot_id: str) -> SnapshotNote:
    """A snapshot of a job by its id, or by the only beginning or end of one.

    Raises
    ------
    NotFoundError
        If there is none, or there are several.
    """
    notes = home.store.care.list_snapshots(job_id)
    exact = [note for note in notes if note.snapshot_id == snapshot_id]
    short = [note for note in notes if short_id(note).startswith(snapshot_id)] if snapshot_id else []
    found = exact or short
    if len(found) != 1:
        several = "several snapshots" if found else "no snapshot"
        raise NotFoundError(
            f"there is {several} {snapshot_id!r} of the job {job_id!r}", hint=f"See rarebit job snapshot list {job_id}"
        )
    return found[0]


def short_id(note: SnapshotNote) -> str:
    """The part of a snapshot's name that tells it from others of its job."""
    return note.snapshot_id.removeprefix(f"{note.job_id}-").removesuffix(snapshots.SUFFIX)


def revert(home: Home, job_id: str, snapshot_id: str, *, delete_later: bool, actor: str) -> tuple[SnapshotNote, int]:
    """Go back to a snapshot: the next run reads on from where the job stood then.

    Returns
    -------
    SnapshotNote
        The snapshot.
    int
        Records after it that were deleted; none unless ``delete_later``.

    Raises
    ------
    NotFoundError, StateError
        If there is no such snapshot, or it cannot be read.
    """
    note = get_snapshot(home, job_id, snapshot_id)
    snapshots.load(home.snapshots / note.snapshot_id)
    before = home.store.get_position(job_id)
    with home.store.transaction():
        deleted = stand_on(home, job_id, note, delete_later=delete_later)
        home.store.add_audit(
            actor, "job snapshot revert", job_id, before.state_name if before else "", note.snapshot_id
        )
    return note, deleted


def stand_on(home: Home, job_id: str, note: SnapshotNote | None, *, delete_later: bool = False) -> int:
    """Put a job back to a snapshot, or to its beginning; the number of later records deleted, if that is asked."""
    if note is None:
        home.store.care.delete_position(job_id)
    else:
        home.store.put_position(job_id, note.lake_version, note.watermark_us, note.snapshot_id)
    if not delete_later:
        return 0
    return home.store.care.delete_results(job_id, start_us=None if note is None else note.watermark_us + 1)


def last_before(home: Home, job_id: str, moment_us: int) -> SnapshotNote | None:
    """The newest snapshot of a job that has learnt nothing from a moment on; None where there is none."""
    notes = [each for each in home.store.care.list_snapshots(job_id) if each.watermark_us < moment_us]
    return max(notes, key=lambda each: (each.watermark_us, each.lake_version), default=None)


def change(
    home: Home, job_id: str, snapshot_id: str, *, retain: bool | None, description: str | None, actor: str
) -> SnapshotNote:
    """Pin a snapshot or let it go, or say what it is.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    held = get_snapshot(home, job_id, snapshot_id)
    made = msgspec.structs.replace(
        held,
        retain=held.retain if retain is None else retain,
        description=held.description if description is None else description,
    )
    with home.store.transaction():
        home.store.care.put_snapshot(made)
        home.store.add_audit(actor, "job snapshot change", job_id, _shown(held), _shown(made))
    return made


def delete(home: Home, job_id: str, snapshot_id: str, *, actor: str) -> None:
    """Delete a snapshot on which its job does not stand.

    Raises
    ------
    NotFoundError, ConflictError
        If there is none, or the job stands on it.
    """
    held = get_snapshot(home, job_id, snapshot_id)
    position = home.store.get_position(job_id)
    if position is not None and position.state_name == held.snapshot_id:
        raise ConflictError(
            f"the job [{job_id}] stands on its snapshot [{held.snapshot_id}]", hint="Revert to another one first."
        )
    with home.store.transaction():
        home.store.care.delete_snapshots([held.snapshot_id])
        home.store.add_audit(actor, "job snapshot delete", job_id, _shown(held), "")
    expire(home, [])


def snapshot_text(note: SnapshotNote) -> str:
    """A snapshot in words."""
    return f"{short_id(note)}, {note.rows:,} events up to {iso(note.watermark_us)}"


def _shown(note: SnapshotNote) -> str:
    return msgspec.json.encode(note).decode()
