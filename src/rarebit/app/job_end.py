"""Letting a job begin anew, and deleting one."""

from __future__ import annotations

import time

from rarebit.app import model_snapshots
from rarebit.app.calendars import leave_calendars
from rarebit.app.feeds import begin_anew
from rarebit.app.home import Home
from rarebit.app.job_notes import annotation
from rarebit.app.jobs import get_job
from rarebit.core.care import SnapshotNote
from rarebit.core.errors import DefinitionError
from rarebit.detect.catalog import catalog


def reset_job(home: Home, job_id: str, *, delete_results: bool, actor: str) -> int:
    """Forget all a job has learnt, its snapshots too; the next run learns from the first event the lake holds.

    Returns
    -------
    int
        Records deleted; none unless ``delete_results``.

    Raises
    ------
    NotFoundError
        If there is no such job.
    """
    job = get_job(home, job_id)
    before = home.store.get_position(job_id)
    with home.store.transaction():
        home.store.care.delete_snapshots([note.snapshot_id for note in home.store.care.list_snapshots(job_id)])
        deleted = model_snapshots.stand_on(home, job_id, None, delete_later=delete_results)
        begin_anew(home, job_id)
        note_step(home, job_id, "job_reset", f"reset by {actor}: all it had learnt is forgotten")
        home.store.add_audit(
            actor, "job reset", job_id, before.state_name if before else "", f"{deleted} records deleted"
        )
    model_snapshots.expire(home, [job])
    return deleted


def delete_job(home: Home, job_id: str, *, delete_results: bool, actor: str) -> int:
    """Delete a local job with all it has learnt, its exclusions, snapshots and notes; its results stay unless asked.

    Returns
    -------
    int
        Records deleted.

    Raises
    ------
    NotFoundError, DefinitionError
        If there is no such job, or it ships with the product.
    """
    job = get_job(home, job_id)
    if job_id in catalog():
        raise DefinitionError(
            f"{job_id!r} ships with the product", hint=f"Forget what it learnt: rarebit job reset {job_id}"
        )
    with home.store.transaction():
        home.store.delete_job(job_id)
        home.store.care.forget_job(job_id)
        home.store.live.feeds.delete(job_id)
        leave_calendars(home, job_id)
        deleted = home.store.care.delete_results(job_id) if delete_results else 0
        home.store.add_audit(actor, "job delete", job_id, job.description, f"{deleted} records deleted")
    model_snapshots.expire(home, [])
    return deleted


def revert_job(
    home: Home, job_id: str, snapshot_id: str, *, delete_later: bool, actor: str
) -> tuple[SnapshotNote, int]:
    """Go back to a snapshot, and note it; see :func:`rarebit.app.model_snapshots.revert`."""
    get_job(home, job_id)
    with home.store.transaction():
        note, deleted = model_snapshots.revert(home, job_id, snapshot_id, delete_later=delete_later, actor=actor)
        note_step(home, job_id, "model_reverted", f"by {actor} to {model_snapshots.snapshot_text(note)}")
    return note, deleted


def note_step(home: Home, job_id: str, kind: str, text: str) -> None:
    """Note what a person did to a job, at the moment it was done."""
    now = time.time_ns() // 1000
    home.store.care.put_annotation(annotation(job_id, kind, now, now, text))
