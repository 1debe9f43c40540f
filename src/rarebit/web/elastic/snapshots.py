"""Model snapshots of jobs."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from rarebit.app import model_snapshots
from rarebit.app.elastic_jobs import jobs_like
from rarebit.app.feeds import feed_of, switched_never
from rarebit.app.job_end import revert_job
from rarebit.app.jobs import get_job
from rarebit.core.care import SnapshotNote
from rarebit.core.errors import ConflictError, InputError
from rarebit.web.access import actor_of, home_of, live_of
from rarebit.web.elastic.parts import args_of, body_of, done, flag_of, moment_of, page_of, path_of, reply, sort_of


def get(request: Request) -> Response:
    """Model snapshots of a job, the newest first."""
    home, args, job = home_of(request), args_of(request), get_job(home_of(request), path_of(request, "job_id"))
    wanted = path_of(request, "snapshot_id")
    notes = home.store.care.list_snapshots(job.job_id)
    if wanted not in ("", "_all", "*"):
        notes = [model_snapshots.get_snapshot(home, job.job_id, wanted)]
    first, last = moment_of(args, "start"), moment_of(args, "end")
    notes = [
        note
        for note in notes
        if (first is None or note.created_us >= first) and (last is None or note.created_us < last)
    ]
    name, falls = sort_of(args, ("timestamp", "description", "latest_record_time_stamp"))
    lines = sorted((_note(note) for note in notes), key=lambda line: (line[name], line["snapshot_id"]), reverse=falls)
    start, size = page_of(args)
    return reply({"count": len(lines), "model_snapshots": lines[start : start + size]})


def _note(note: SnapshotNote) -> dict[str, Any]:
    return {
        "job_id": note.job_id,
        "snapshot_id": note.snapshot_id,
        "timestamp": note.created_us // 1000,
        "description": note.description,
        "retain": note.retain,
        "snapshot_doc_count": 1,
        "latest_record_time_stamp": note.watermark_us // 1000,
        "model_size_stats": {"job_id": note.job_id, "model_bytes": note.bytes},
    }


def update(request: Request) -> Response:
    """Say what a snapshot is, or keep it for good."""
    body = body_of(request)
    retain, description = body.get("retain"), body.get("description")
    if not isinstance(retain, bool | None) or not isinstance(description, str | None):
        raise InputError("[retain] is true or false, [description] is text")
    made = model_snapshots.change(
        home_of(request),
        path_of(request, "job_id"),
        path_of(request, "snapshot_id"),
        retain=retain,
        description=description,
        actor=actor_of(request),
    )
    return reply({"acknowledged": True, "model": _note(made)})


def revert(request: Request) -> Response:
    """Let a job go back to a snapshot; its next run reads on from there."""
    home, job_id = home_of(request), path_of(request, "job_id")
    held = feed_of(home, job_id)
    if held.opened and held != switched_never(job_id):
        raise ConflictError(f"Can only revert to a model snapshot when the job [{job_id}] is closed")
    later = flag_of(args_of(request), "delete_intervening_results")
    with live_of(request).between_turns():
        note, _ = revert_job(home, job_id, path_of(request, "snapshot_id"), delete_later=later, actor=actor_of(request))
    return reply({"model": _note(note)})


def delete(request: Request) -> Response:
    """Delete a snapshot on which its job does not stand."""
    home = home_of(request)
    job = get_job(home, path_of(request, "job_id"))
    with live_of(request).between_turns():
        model_snapshots.delete(home, job.job_id, path_of(request, "snapshot_id"), actor=actor_of(request))
    return done()


def delete_expired(request: Request) -> Response:
    """Drop the snapshots that retention no longer keeps; every run does so too."""
    home = home_of(request)
    with live_of(request).between_turns():
        model_snapshots.expire(home, jobs_like(home, path_of(request, "job_id"), allow_no_match=False))
    return reply({"deleted": True})
