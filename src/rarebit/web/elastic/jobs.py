"""Anomaly-detection jobs: ``_ml/anomaly_detectors``."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response

from rarebit.app import elastic_jobs, feeds
from rarebit.app.elastic_jobs import estimate_job
from rarebit.app.job_end import delete_job, reset_job
from rarebit.app.job_update import update_job
from rarebit.core.errors import ConflictError, DefinitionError, InputError
from rarebit.core.job import Job
from rarebit.core.time import parse_span, parse_time
from rarebit.web.access import actor_of, home_of, live_of
from rarebit.web.body import int_of
from rarebit.web.elastic.parts import args_of, body_of, done, flag_of, path_of, refuse_given, reply
from rarebit.web.sight import status_of

_MOST_VALUES: Final = 1_000_000_000


def put(request: Request) -> Response:
    """Make a job, closed."""
    job = elastic_jobs.create_job(
        home_of(request), path_of(request, "job_id"), body_of(request), actor=actor_of(request)
    )
    return reply(elastic_jobs.job_json(job))


def _wanted(request: Request) -> list[Job]:
    allow = flag_of(args_of(request), "allow_no_match", default=True)
    return elastic_jobs.jobs_like(home_of(request), path_of(request, "job_id"), allow_no_match=allow)


def get(request: Request) -> Response:
    """Definitions of jobs."""
    jobs = [elastic_jobs.job_json(job) for job in _wanted(request)]
    return reply({"count": len(jobs), "jobs": jobs})


def stats(request: Request) -> Response:
    """How jobs stand."""
    opened = elastic_jobs.opened(home_of(request))
    lines = [_stats(request, job, opened) for job in _wanted(request)]
    return reply({"count": len(lines), "jobs": lines})


def _stats(request: Request, job: Job, opened: frozenset[str]) -> dict[str, Any]:
    home = home_of(request)
    standing = next((line for line in status_of(request).jobs if line.id == job.job_id), None)
    notes = home.store.care.list_snapshots(job.job_id)
    newest = max(notes, key=lambda note: note.lake_version, default=None)
    memory = standing.memory if standing is not None else {}
    counts: dict[str, Any] = {"job_id": job.job_id, "processed_record_count": newest.rows if newest else 0}
    counts["input_record_count"] = counts["processed_record_count"]
    if standing is not None and standing.reached:
        counts["latest_record_timestamp"] = parse_time(standing.reached) // 1000
    evicted = memory.get("evicted_pairs", 0)
    return {
        "job_id": job.job_id,
        "state": "opened" if job.job_id in opened else "closed",
        "data_counts": counts,
        "model_size_stats": {
            "job_id": job.job_id,
            "result_type": "model_size_stats",
            "model_bytes": memory.get("memory_bytes", 0),
            "model_bytes_memory_limit": memory.get("memory_limit_bytes", 0),
            "memory_status": "hard_limit" if evicted else "ok",
            "bucket_allocation_failures_count": evicted,
        },
    }


def update(request: Request) -> Response:
    """Change what a job says of itself."""
    job_id = path_of(request, "job_id")
    job = update_job(home_of(request), job_id, body_of(request), where="$", actor=actor_of(request))
    return reply(elastic_jobs.job_json(job))


def delete(request: Request) -> Response:
    """Delete a job and its results."""
    home, args = home_of(request), args_of(request)
    for job in _exactly(request):
        held = feeds.feed_of(home, job.job_id)
        if not flag_of(args, "force") and (held.opened or held.started) and held != feeds.switched_never(job.job_id):
            raise ConflictError(f"Cannot delete job [{job.job_id}] because the job is opened")
        with live_of(request).between_turns():
            delete_job(home, job.job_id, delete_results=True, actor=actor_of(request))
    return done()


def _exactly(request: Request) -> list[Job]:
    return elastic_jobs.jobs_like(home_of(request), path_of(request, "job_id"), allow_no_match=False)


def open_(request: Request) -> Response:
    """Open a job, so that its datafeed may start."""
    for job in _exactly(request):
        feeds.switch_job(home_of(request), job.job_id, opened=True, actor=actor_of(request))
    return reply({"opened": True, "node": ""})


def close(request: Request) -> Response:
    """Close jobs; they no longer run."""
    force = flag_of(args_of(request), "force")
    for job in _wanted(request):
        if feeds.feed_of(home_of(request), job.job_id) != feeds.switched_never(job.job_id):
            feeds.switch_job(home_of(request), job.job_id, opened=False, force=force, actor=actor_of(request))
        elif "*" not in path_of(request, "job_id"):
            raise DefinitionError(f"the job [{job.job_id}] was never opened: it runs in every run")
    return reply({"closed": True})


def reset(request: Request) -> Response:
    """Let a job forget all it has learnt, and its results."""
    for job in _exactly(request):
        held = feeds.feed_of(home_of(request), job.job_id)
        if held.opened and held != feeds.switched_never(job.job_id):
            raise ConflictError(f"Can not reset job [{job.job_id}] because the job is opened")
        with live_of(request).between_turns():
            reset_job(home_of(request), job.job_id, delete_results=True, actor=actor_of(request))
    return done()


def flush(request: Request) -> Response:
    """Let the server look for new events now; says how far the job has judged, and does not wait."""
    home, args = home_of(request), args_of(request)
    refuse_given(args, ("calc_interim",), "buckets have results once they are over")
    refuse_given(args, ("start", "end", "advance_time", "skip_time"), "time goes on by events alone")
    (job,) = _exactly(request)[:1]
    if not feeds.feed_of(home, job.job_id).opened:
        raise ConflictError(f"Cannot perform requested action because job [{job.job_id}] is not open")
    live_of(request).wake()
    position, span = home.store.get_position(job.job_id), parse_span(job.bucket_span)
    end = position.watermark_us // span * span // 1000 if position is not None else 0
    return reply({"flushed": True, "last_finalized_bucket_end": end})


def validate(request: Request) -> Response:
    """Check a definition without keeping it; says too what of it would not be acted on."""
    body = body_of(request)
    job = elastic_jobs.read_job(home_of(request), str(body.get("job_id") or "validated"), body)
    return reply({"acknowledged": True, "problems": elastic_jobs.problems_json(home_of(request), job)})


def validate_detector(request: Request) -> Response:
    """Check one detector."""
    elastic_jobs.read_job(home_of(request), "validated", {"analysis_config": {"detectors": [body_of(request)]}})
    return done()


def estimate_memory(request: Request) -> Response:
    """How much memory a job would hold, from how many values its fields have."""
    body = body_of(request)
    cardinality = _cardinality(body, "max_bucket_cardinality") | _cardinality(body, "overall_cardinality")
    size = estimate_job(home_of(request), body.get("analysis_config"), cardinality)
    return reply({"model_memory_estimate": f"{max(1, (size + (1 << 20) - 1) >> 20)}mb"})


def _cardinality(body: dict[str, Any], name: str) -> dict[str, int]:
    given = body.get(name) or {}
    if not isinstance(given, dict):
        raise InputError(f"[{name}] is an object")
    return {field: int_of(value, f"{name}.{field[:60]}", least=1, most=_MOST_VALUES) for field, value in given.items()}
