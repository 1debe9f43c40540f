"""Results of jobs: records, buckets, influencers, all jobs together."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response

from rarebit.app import elastic_results
from rarebit.app.elastic_jobs import jobs_like
from rarebit.app.elastic_results import BUCKETS, INFLUENCERS, RECORDS, Asked, Kind
from rarebit.core.errors import InputError
from rarebit.web.access import home_of
from rarebit.web.body import int_of
from rarebit.web.elastic.parts import args_of, flag_of, moment_of, number_of, page_of, path_of, reply, sort_of, span_of

_MOST_JOBS: Final = 10_000
_EXPANDED: Final = 500
"""Buckets that are given with their records."""


def records(request: Request) -> Response:
    """Records of jobs, the highest score first."""
    return _listed(request, RECORDS, "records")


def influencers(request: Request) -> Response:
    """Influencers of buckets of jobs, the highest score first."""
    return _listed(request, INFLUENCERS, "influencers")


def buckets(request: Request) -> Response:
    """Buckets of jobs by time, or the one that begins at a time."""
    at = path_of(request, "timestamp")
    if not at:
        return _listed(request, BUCKETS, "buckets")
    home = home_of(request)
    start = moment_of({"timestamp": at}, "timestamp") or 0
    (job,) = jobs_like(home, path_of(request, "job_id"), allow_no_match=False)[:1]
    found = [elastic_results.bucket_at(home, job.job_id, start)]
    return reply({"count": 1, "buckets": _expanded(request, found)})


def _listed(request: Request, kind: Kind, name: str) -> Response:
    home, args = home_of(request), args_of(request)
    start, size = page_of(args)
    sort, falls = sort_of(args, kind.sorts, falls=kind.falls)
    flag_of(args, "exclude_interim")  # there are no interim results to leave out
    asked = Asked(
        min_score=number_of(args, kind.score),
        start_us=moment_of(args, "start"),
        end_us=moment_of(args, "end"),
        sort=sort,
        falls=falls,
        start=start,
        size=size,
    )
    jobs = [job.job_id for job in jobs_like(home, path_of(request, "job_id"), allow_no_match=False)]
    whole, found = elastic_results.listed(home, kind, jobs, asked)
    return reply({"count": whole, name: _expanded(request, found) if kind is BUCKETS else found})


def _expanded(request: Request, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not flag_of(args_of(request), "expand"):
        return found
    if len(found) > _EXPANDED:
        raise InputError(f"[expand] gives records for {_EXPANDED} buckets at most", hint="Ask for a smaller page.")
    return elastic_results.with_records(home_of(request), found)


def overall_buckets(request: Request) -> Response:
    """Buckets of several jobs together, by time."""
    home, args = home_of(request), args_of(request)
    allow = flag_of(args, "allow_no_match", default=True)
    flag_of(args, "exclude_interim")
    jobs = jobs_like(home, path_of(request, "job_id"), allow_no_match=allow)
    top = args.get("top_n")
    found = elastic_results.overall_listed(
        home,
        {job.job_id for job in jobs},
        span_us=span_of(args, "bucket_span"),
        top_n=None if top is None else int_of(top, "top_n", least=1, most=_MOST_JOBS),
        min_score=number_of(args, "overall_score"),
        start_us=moment_of(args, "start"),
        end_us=moment_of(args, "end"),
    )
    return reply({"count": len(found), "overall_buckets": found})
