"""Datafeeds made, changed, found and looked into as Elasticsearch's API does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

import msgspec
import pyarrow as pa

from rarebit.app import feeds
from rarebit.app.document import parse_id
from rarebit.app.elastic_jobs import datafeed_json, own_job, refuse
from rarebit.app.home import Home
from rarebit.app.jobs import all_jobs, planned
from rarebit.core.errors import ConflictError, DefinitionError, NotFoundError
from rarebit.core.fields import TIME
from rarebit.core.job import Datafeed, Detector, Job, Json
from rarebit.lake import documents, query_time
from rarebit.query.sql import to_sql

_PREVIEWED: Final = 1000


def feed_ids(home: Home) -> dict[str, str]:
    """Id of each datafeed there is, and of its job."""
    held = {feed.id: feed for feed in home.store.live.feeds.list()}
    found = {}
    for job in all_jobs(home):
        feed = held.get(job.job_id)
        name = feed.datafeed_id if feed is not None else datafeed_json(job)["datafeed_id"]
        if name:
            found[name] = job.job_id
    return found


def job_of_feed(home: Home, datafeed_id: str) -> str:
    """Id of the job of a datafeed.

    Raises
    ------
    NotFoundError
        If there is no such datafeed.
    """
    found = feed_ids(home).get(datafeed_id)
    if found is None:
        raise NotFoundError(f"No datafeed with id [{datafeed_id}] exists")
    return found


def feeds_like(home: Home, wanted: str, *, allow_no_match: bool = True) -> list[tuple[str, str]]:
    """Datafeeds and their jobs, by id, wildcard or ``_all``, several with commas.

    Raises
    ------
    NotFoundError
        As :func:`jobs_like`.
    """
    known = feed_ids(home)
    found: dict[str, str] = {}
    for part in wanted.split(","):
        pattern = "*" if part in ("", "_all") else part
        fits = {name: job_id for name, job_id in sorted(known.items()) if fnmatchcase(name, pattern)}
        if not fits and ("*" not in pattern or not allow_no_match):
            raise NotFoundError(f"No datafeed with id [{part}] exists")
        found |= fits
    return list(found.items())


def create_feed(home: Home, datafeed_id: str, body: Json, *, actor: str) -> Job:
    """Give a job its datafeed, that is stopped.

    Raises
    ------
    DefinitionError, ConflictError, NotFoundError
        If it is wrong, its id or its job has one already, or there is no such job.
    """
    parse_id(datafeed_id, "datafeed")
    job_id = body.get("job_id")
    if not isinstance(job_id, str) or not job_id:
        raise DefinitionError("a datafeed needs a job_id")
    job = own_job(home, job_id)
    made = _with_feed(home, job, {"query": {"match_all": {}}, **body, "datafeed_id": datafeed_id})
    with home.store.transaction():
        held = feeds.feed_of(home, job_id)
        if held.datafeed_id:
            raise ConflictError(f"A datafeed [{held.datafeed_id}] already exists for job [{job_id}]")
        if datafeed_id in feed_ids(home):
            raise ConflictError(f"A datafeed with id [{datafeed_id}] already exists")
        home.store.put_job(made, origin="api")
        home.store.live.feeds.put([msgspec.structs.replace(held, datafeed_id=datafeed_id)])
        home.store.add_audit(actor, "datafeed new", f"job {job_id}", "", msgspec.json.encode(body).decode())
    return made


def update_feed(home: Home, datafeed_id: str, body: Json, *, actor: str) -> Job:
    """Change a datafeed that is stopped; events that its job has read are not read again.

    Raises
    ------
    DefinitionError, ConflictError, NotFoundError
        If it is wrong, the datafeed is started, or there is none.
    """
    job = own_job(home, job_of_feed(home, datafeed_id))
    if body.get("job_id", job.job_id) != job.job_id:
        raise DefinitionError("the job of a datafeed cannot be changed", where="job_id")
    if feeds.feed_of(home, job.job_id).started:
        raise ConflictError(f"Cannot update datafeed [{datafeed_id}] while its status is started")
    before = {**job.datafeed.rest, "query": job.datafeed.query}
    made = _with_feed(home, job, {**before, **body, "datafeed_id": datafeed_id})
    with home.store.transaction():
        home.store.put_job(made, origin="api")
        home.store.add_audit(
            actor,
            "datafeed update",
            f"job {job.job_id}",
            _text(before),
            _text({**made.datafeed.rest, "query": made.datafeed.query}),
        )
    return made


def _with_feed(home: Home, job: Job, feed: Json) -> Job:
    """A job with another datafeed, if that is allowed."""
    if not isinstance(feed["query"], dict):
        raise DefinitionError("a query is an object", where="query")
    rest = {name: value for name, value in feed.items() if name != "query"}
    made = msgspec.structs.replace(job, datafeed=Datafeed(query=feed["query"], rest=rest))
    refuse(home, made)
    return made


def _text(body: Json) -> str:
    return msgspec.json.encode(body).decode()


def delete_feed(home: Home, datafeed_id: str, *, force: bool, actor: str) -> None:
    """Take the datafeed of a job away; the job no longer runs.

    Raises
    ------
    NotFoundError, ConflictError, DefinitionError
        If there is none, it is started and ``force`` is not said, or it is of a job that ships with the product.
    """
    job = own_job(home, job_of_feed(home, datafeed_id))
    held = feeds.feed_of(home, job.job_id)
    if held.started and not force:
        raise ConflictError(f"Cannot delete datafeed [{datafeed_id}] while its status is started")
    with home.store.transaction():
        home.store.put_job(msgspec.structs.replace(job, datafeed=Datafeed()), origin="api")
        home.store.live.feeds.put([msgspec.structs.replace(held, datafeed_id="", started=False)])
        home.store.add_audit(actor, "datafeed delete", f"job {job.job_id}", datafeed_id, "")


def preview(home: Home, job: Job, *, start_us: int | None = None, end_us: int | None = None) -> list[Json]:
    """The first events of a datafeed, with the fields its job looks at."""
    if home.lake.version() < 0:
        return []
    wanted = {name for detector in job.detectors for name in _fields(detector)} | set(job.influencers)
    where = to_sql(planned(home, job).condition)
    with query_time():
        found = home.lake.events(where=where, limit=_PREVIEWED, start_us=start_us, end_us=end_us)
    times = found.column(TIME).cast(pa.int64()).to_pylist()
    docs = documents(found)
    return [
        {TIME: time // 1000} | {name: value for name in sorted(wanted) if (value := _value(doc, name)) is not None}
        for time, doc in zip(times, docs, strict=True)
    ]


def _fields(detector: Detector) -> list[str]:
    named = (detector.field_name, detector.by_field_name, detector.over_field_name, detector.partition_field_name)
    return [name for name in named if name]


def _value(doc: Json, name: str) -> object:
    held: object = doc
    for part in name.split("."):
        held = held.get(part) if isinstance(held, dict) else None
    return held
