"""Datafeeds: ``_ml/datafeeds``."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from rarebit.app import elastic_feeds, elastic_jobs, feeds
from rarebit.app.jobs import get_job
from rarebit.core.errors import InputError
from rarebit.core.job import Job
from rarebit.web.access import actor_of, home_of, live_of
from rarebit.web.elastic.parts import args_of, body_of, done, flag_of, moment_of, path_of, reply


def put(request: Request) -> Response:
    """Give a job its datafeed, stopped."""
    job = elastic_feeds.create_feed(
        home_of(request), path_of(request, "datafeed_id"), body_of(request), actor=actor_of(request)
    )
    return reply(elastic_jobs.datafeed_json(job))


def _wanted(request: Request) -> list[tuple[str, str]]:
    allow = flag_of(args_of(request), "allow_no_match", default=True)
    return elastic_feeds.feeds_like(home_of(request), path_of(request, "datafeed_id"), allow_no_match=allow)


def get(request: Request) -> Response:
    """Definitions of datafeeds."""
    home = home_of(request)
    found = [elastic_jobs.datafeed_json(get_job(home, job_id)) for _, job_id in _wanted(request)]
    return reply({"count": len(found), "datafeeds": found})


def stats(request: Request) -> Response:
    """How datafeeds stand."""
    started = elastic_jobs.started(home_of(request))
    lines = [_stats(request, name, job_id, started) for name, job_id in _wanted(request)]
    return reply({"count": len(lines), "datafeeds": lines})


def _stats(request: Request, name: str, job_id: str, started: frozenset[str]) -> dict[str, Any]:
    held = feeds.feed_of(home_of(request), job_id)
    return {
        "datafeed_id": name,
        "state": "started" if job_id in started else "stopped",
        "timing_stats": {"job_id": job_id},
        "running_state": {
            "real_time_configured": held.end_us is None,
            "real_time_running": held.ran and job_id in started,
        },
    }


def delete(request: Request) -> Response:
    """Take a datafeed away."""
    force = flag_of(args_of(request), "force")
    elastic_feeds.delete_feed(home_of(request), path_of(request, "datafeed_id"), force=force, actor=actor_of(request))
    return done()


def start(request: Request) -> Response:
    """Start a datafeed over a stretch of events, or on and on."""
    args, home = args_of(request), home_of(request)
    job_id = elastic_feeds.job_of_feed(home, path_of(request, "datafeed_id"))
    with live_of(request).between_turns():
        feeds.start_feed(
            home,
            job_id,
            start_us=moment_of(args, "start"),
            end_us=moment_of(args, "end"),
            actor=actor_of(request),
        )
    live_of(request).wake()
    return reply({"started": True, "node": ""})


def stop(request: Request) -> Response:
    """Stop datafeeds; they go on from there."""
    close_job = flag_of(args_of(request), "close_job")
    for _, job_id in _wanted(request):
        if feeds.feed_of(home_of(request), job_id) != feeds.switched_never(job_id):
            feeds.stop_feed(home_of(request), job_id, close_job=close_job, actor=actor_of(request))
    return reply({"stopped": True})


def update(request: Request) -> Response:
    """Change a datafeed that is stopped."""
    job = elastic_feeds.update_feed(
        home_of(request), path_of(request, "datafeed_id"), body_of(request), actor=actor_of(request)
    )
    return reply(elastic_jobs.datafeed_json(job))


def preview(request: Request) -> Response:
    """The first events of a datafeed that is there, or of one in the body, with the fields that its job looks at."""
    home, args, name = home_of(request), args_of(request), path_of(request, "datafeed_id")
    job = get_job(home, elastic_feeds.job_of_feed(home, name)) if name else _drafted(request)
    found = elastic_feeds.preview(home, job, start_us=moment_of(args, "start"), end_us=moment_of(args, "end"))
    return reply(found)


def _drafted(request: Request) -> Job:
    body = body_of(request)
    feed, job = body.get("datafeed_config"), body.get("job_config")
    if not isinstance(feed, dict):
        raise InputError("[datafeed_config] is an object")
    if job is None:
        job = elastic_jobs.job_json(get_job(home_of(request), str(feed.get("job_id", ""))))
    if not isinstance(job, dict):
        raise InputError("[job_config] is an object")
    drafted = {**job, "job_id": "previewed", "datafeed_config": {**feed, "job_id": "previewed"}}
    return elastic_jobs.read_job(home_of(request), "previewed", drafted)
