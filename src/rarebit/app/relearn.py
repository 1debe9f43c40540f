"""Letting a job run again over what the lake holds: after an exclusion, a reset, or a step back."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from rarebit.app import model_snapshots
from rarebit.app.cases import regroup
from rarebit.app.home import Home
from rarebit.app.jobs import get_job, planned
from rarebit.app.outcome import JobOutcome
from rarebit.app.progress import Progress, silent
from rarebit.app.run import DEFAULT_BUDGET, RunOptions, commit, open_stream, scan
from rarebit.core.care import Exclusion
from rarebit.core.errors import InputError, NotFoundError, StateError
from rarebit.core.time import iso
from rarebit.store import snapshots

_SHORTEST_US: Final = 1_000_000


class Relearnt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of learning again."""

    exclusion: Exclusion
    from_snapshot: str
    """Id of the snapshot from which the job went on; empty if it began anew."""
    events_from: str | None
    """Time of the first event the lake still holds."""
    outcome: JobOutcome | None
    """None where the job had never run."""


def replay(home: Home, job_id: str, *, learn_until_us: int | None = None, progress: Progress = silent) -> JobOutcome:
    """Run one job over the events it has not read, and group what it finds.

    Raises
    ------
    NotFoundError, DefinitionError, StateError
        If there is no such job, it cannot run, or nothing has been read yet.
    """
    job = get_job(home, job_id)
    if home.lake.version() < 0:
        raise StateError("nothing has been read yet", where=str(home.path), hint="Run: rarebit run PATH")
    stream = open_stream(home, planned(home, job), RunOptions(learn_until_us=learn_until_us))
    version = home.lake.version()
    scan(home, [stream], progress, until_version=version)
    (outcome,) = commit(home, [stream], version, progress)
    regroup(home, float((home.store.last_run() or {}).get("budget_per_day", DEFAULT_BUDGET)))
    return outcome


def exclude(
    home: Home,
    job_id: str,
    *,
    start_us: int,
    end_us: int,
    host: str,
    reason: str,
    actor: str,
    progress: Progress = silent,
) -> Relearnt:
    """Take a past stretch of time out of what a job has learnt, by learning again without it.

    What was found in the stretch stays, with the score it was first given. The job goes on from its newest snapshot
    before the stretch, else from the first event the lake holds.

    Raises
    ------
    NotFoundError, InputError
        If there is no such job, the stretch has no length, or no reason is given.
    """
    get_job(home, job_id)
    if end_us - start_us < _SHORTEST_US:
        raise InputError("it ends before it has begun", where=f"{iso(start_us)} to {iso(end_us)}")
    if not reason.strip():
        raise InputError("an exclusion needs a reason", hint="Write for example --reason 'intrusion of March'")
    text = f"{job_id}|{start_us}|{end_us}|{host.lower()}"
    made = Exclusion(
        id=hashlib.blake2b(text.encode(), digest_size=6).hexdigest(),
        job_id=job_id, start_us=start_us, end_us=end_us, host=host, reason=reason.strip(),
    )  # fmt: skip
    home.store.care.put_exclusion(made)
    home.store.add_audit(actor, "job exclude", job_id, "", msgspec.json.encode(made).decode())
    return _relearn(home, made, progress)


def undo_exclusion(home: Home, job_id: str, exclusion_id: str, *, actor: str, progress: Progress = silent) -> Relearnt:
    """Let a job learn from a stretch of time again.

    Raises
    ------
    NotFoundError
        If there is no such exclusion of the job.
    """
    held = next((each for each in home.store.care.list_exclusions(job_id) if each.id == exclusion_id), None)
    if held is None:
        raise NotFoundError(
            f"there is no exclusion {exclusion_id!r} of the job {job_id!r}", hint=f"See rarebit job exclusions {job_id}"
        )
    home.store.care.delete_exclusion(held.id)
    home.store.add_audit(actor, "job exclusion undo", job_id, msgspec.json.encode(held).decode(), "")
    return _relearn(home, held, progress)


def _relearn(home: Home, about: Exclusion, progress: Progress) -> Relearnt:
    first = home.lake.summary().first_us
    position = home.store.get_position(about.job_id)
    if position is None:
        return Relearnt(exclusion=about, from_snapshot="", events_from=None, outcome=None)
    arrays, _ = snapshots.load(home.snapshots / position.state_name)
    span = planned(home, get_job(home, about.job_id)).span_us
    begun = about.start_us - about.start_us % span  # whole buckets are left out
    note = model_snapshots.last_before(home, about.job_id, begun)
    later = position.watermark_us >= begun
    outcome = None
    if later:
        # A run that is cut off here leaves the job at its older place: the next run learns on from there.
        model_snapshots.stand_on(home, about.job_id, note)
        outcome = replay(home, about.job_id, learn_until_us=int(arrays["marks"][4]), progress=progress)
    return Relearnt(
        exclusion=about,
        from_snapshot=note.snapshot_id if note and later else "",
        events_from=None if first is None else iso(first),
        outcome=outcome,
    )
