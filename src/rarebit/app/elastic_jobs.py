"""Jobs made, found and told of as Elasticsearch's API does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from rarebit.app.document import parse_id
from rarebit.app.home import Home
from rarebit.app.jobs import all_jobs, default_jobs, validate
from rarebit.core.errors import DefinitionError, NotFoundError
from rarebit.core.job import Job, Json
from rarebit.core.live import Feed
from rarebit.detect.catalog import catalog
from rarebit.detect.elastic import parse_jobs, to_elastic
from rarebit.detect.memory_estimate import estimate


def read_job(home: Home, job_id: str, body: Json) -> Job:
    """A job of the body of a request; nothing is kept.

    Raises
    ------
    DefinitionError
        If it is wrong, or a part is not supported; the part is named.
    """
    if body.get("job_id", job_id) != job_id:
        raise DefinitionError(f"Inconsistent job_id; {body['job_id']!r} specified in the body differs from {job_id!r}")
    (job,) = parse_jobs([{**body, "job_id": parse_id(job_id, "job")}])
    refuse(home, job)
    return job


def refuse(home: Home, job: Job) -> None:
    """Refuse a job of which a part is not supported.

    Raises
    ------
    DefinitionError
        With the part.
    """
    refused = [problem for problem in validate(home, job) if problem.kind == "refused"]
    if refused:
        raise DefinitionError(f"{refused[0].where}: {refused[0].text}")


def estimate_job(home: Home, analysis: object, cardinality: Mapping[str, int]) -> int:
    """Bytes that the models of an ``analysis_config`` would hold; see :func:`rarebit.detect.memory_estimate.estimate`.

    Raises
    ------
    DefinitionError
        If it is wrong, or the number of values of a field is missing.
    """
    return estimate(read_job(home, "estimated", {"analysis_config": analysis}), cardinality)


def create_job(home: Home, job_id: str, body: Json, *, actor: str) -> Job:
    """Keep a new job; it is closed, and has a datafeed only if one stands in the body.

    Raises
    ------
    DefinitionError
        If it is wrong, or there is one of this id.
    """
    job = read_job(home, job_id, body)
    given = body.get("datafeed_config") or {}
    feed_id = given.get("datafeed_id") or f"datafeed-{job_id}" if given else ""
    with home.store.transaction():
        if job_id in {each.job_id for each in all_jobs(home)}:
            raise DefinitionError(f"The job cannot be created with the Id '{job_id}'. The Id is already used.")
        home.store.put_job(job, origin="api")
        home.store.live.feeds.put([Feed(id=job_id, datafeed_id=feed_id)])
        home.store.add_audit(actor, "job new", job_id, "", msgspec.json.encode(body).decode())
    return job


def jobs_like(home: Home, wanted: str, *, allow_no_match: bool = True) -> list[Job]:
    """Jobs by id, group, wildcard or ``_all``, several with commas.

    Raises
    ------
    NotFoundError
        If one without a wildcard is not there, or there is none at all and that is not allowed.
    """
    jobs = sorted(all_jobs(home), key=lambda job: job.job_id)
    found: dict[str, Job] = {}
    for part in wanted.split(","):
        pattern = "*" if part in ("", "_all") else part
        fits = [job for job in jobs if any(fnmatchcase(name, pattern) for name in (job.job_id, *job.groups))]
        if not fits and ("*" not in pattern or not allow_no_match):
            raise NotFoundError(f"No known job with id '{part}'")
        found |= {job.job_id: job for job in fits}
    return list(found.values())


def opened(home: Home) -> frozenset[str]:
    """Ids of jobs that are open: those that run in every run, and those that were opened."""
    feeds = home.store.live.feeds.list()
    return frozenset({job.job_id for job in default_jobs(home)} | {feed.id for feed in feeds if feed.opened})


def started(home: Home) -> frozenset[str]:
    """Ids of jobs whose datafeed is started: those that run in every run, and those that were started."""
    feeds = home.store.live.feeds.list()
    running = {feed.id for feed in feeds if feed.opened and feed.started}
    return frozenset({job.job_id for job in default_jobs(home)} | running)


def job_json(job: Job) -> Json:
    """A job as that API gives it."""
    body: Json = to_elastic(job)["job"]
    body.pop("datafeed_config", None)
    return body | {"job_type": "anomaly_detector"}


def datafeed_json(job: Job) -> Json:
    """The datafeed of a job as that API gives it."""
    body: Json = to_elastic(job)["datafeed"]
    return {"indices": ["*"]} | body


def problems_json(home: Home, job: Job) -> Sequence[dict[str, Any]]:
    """What is not acted on as written."""
    return [{"where": each.where, "kind": each.kind, "text": each.text} for each in validate(home, job)]


def own_job(home: Home, job_id: str) -> Job:
    """A job that may be changed."""
    if job_id in catalog():
        raise DefinitionError(f"the job [{job_id}] ships with the product and runs without being switched")
    found = next((job for job in home.store.list_jobs() if job.job_id == job_id), None)
    if found is None:
        raise NotFoundError(f"No known job with id '{job_id}'")
    return found
