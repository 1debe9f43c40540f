"""Results of jobs in the form of Elasticsearch's API: records, buckets, influencers, all jobs together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from rarebit.app.buckets import overall
from rarebit.app.home import Home
from rarebit.core.bucket import Bucket, InfluencerResult, OverallBucket
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.job import Json
from rarebit.core.result import Alert, Record
from rarebit.core.time import parse_time

MOST_SORTED: Final = 20_000
"""Results of one question that are put in another order than by falling score."""


class Kind(NamedTuple):
    """One kind of results of a job."""

    name: str
    score: str
    sorts: tuple[str, ...]
    """Fields to sort by, the usual one first."""
    falls: bool
    """Whether the usual order falls."""


RECORDS: Final = Kind(
    "record", "record_score", ("record_score", "timestamp", "initial_record_score", "probability"), falls=True
)
BUCKETS: Final = Kind(
    "bucket", "anomaly_score", ("timestamp", "anomaly_score", "initial_anomaly_score", "event_count"), falls=False
)
INFLUENCERS: Final = Kind(
    "influencer",
    "influencer_score",
    ("influencer_score", "timestamp", "initial_influencer_score", "probability"),
    falls=True,
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which results, and which page of them."""

    min_score: float | None = None
    start_us: int | None = None
    end_us: int | None = None
    sort: str
    falls: bool
    start: int = 0
    size: int = 100


def listed(home: Home, kind: Kind, job_ids: Sequence[str], asked: Asked) -> tuple[int, list[Json]]:
    """How many results of jobs there are, and a page of them.

    Raises
    ------
    InputError
        If more than :data:`MOST_SORTED` would have to be put in another order than by falling score.
    """
    by_score = asked.sort == kind.score and asked.falls
    limit = asked.start + asked.size if by_score else MOST_SORTED + 1
    whole = sum(
        home.store.tally.count(
            kind.name, job_id=job_id, min_score=asked.min_score, start_us=asked.start_us, end_us=asked.end_us
        )
        for job_id in job_ids
    )
    if not by_score and whole > MOST_SORTED:
        raise InputError(
            f"{whole:,} results are more than the {MOST_SORTED:,} that are sorted by [{asked.sort}]",
            hint=f"Ask for a shorter stretch of time, for a higher score, or sort by [{kind.score}] descending.",
        )
    found = [form(result) for job_id in job_ids for result in _read(home, kind, job_id, asked, limit)]
    found.sort(key=lambda each: _place(each, asked.sort), reverse=asked.falls)
    return whole, found[asked.start : asked.start + asked.size]


def bucket_at(home: Home, job_id: str, start_us: int) -> Json:
    """The bucket of a job that begins at a time.

    Raises
    ------
    NotFoundError
        If none is kept: there is none, or it has no record.
    """
    found = home.store.buckets.buckets(job_id=job_id, start_us=start_us, end_us=start_us + 1)
    if not found:
        raise NotFoundError(f"there is no bucket of job [{job_id}] with a record at {start_us // 1000}")
    return form(found[0])


def with_records(home: Home, buckets: Iterable[Json]) -> list[Json]:
    """Buckets, each with its records."""
    made = []
    for bucket in buckets:
        start = bucket["timestamp"] * 1000
        end = start + bucket["bucket_span"] * 1_000_000
        records = home.store.list_records(job_id=bucket["job_id"], start_us=start, end_us=end)
        made.append({**bucket, "records": [form(record) for record in records]})
    return made


def overall_listed(
    home: Home, job_ids: Collection[str], *, span_us: int | None, top_n: int | None, min_score: float | None,
    start_us: int | None, end_us: int | None,
) -> list[Json]:  # fmt: skip
    """Buckets of jobs together, by time.

    With ``top_n`` the score is Elastic's: the mean of so many of the highest scores of jobs in it; without, ours, which
    counts how many jobs could have given one.
    """
    found = [
        overall_form(each, top_n)
        for each in overall(
            home, span_us=span_us, min_score=None, since_us=start_us, until_us=end_us, limit=None, job_ids=job_ids
        )
    ]
    found.sort(key=lambda each: int(each["timestamp"]))
    return [each for each in found if min_score is None or each["overall_score"] >= min_score]


def form(result: Record | Bucket | InfluencerResult) -> Json:
    """A result as that API gives it, and ours beside: times in milliseconds, nothing that is null."""
    body: Json = msgspec.to_builtins(result)
    kind = {Record: "record", Bucket: "bucket", InfluencerResult: "influencer"}[type(result)]
    body |= {"result_type": kind, "timestamp": parse_time(result.timestamp) // 1000}
    if isinstance(result, Bucket):
        shared = {name: body[name] for name in ("job_id", "timestamp", "bucket_span", "is_interim")}
        body["bucket_influencers"] = [
            {**each, **shared, "result_type": "bucket_influencer"} for each in body["bucket_influencers"]
        ]
    return {name: value for name, value in body.items() if value is not None}


def overall_form(result: OverallBucket, top_n: int | None = None) -> Json:
    """A bucket of all jobs, as that API gives it."""
    body: Json = msgspec.to_builtins(result)
    if top_n is not None:
        best = sorted((each.max_anomaly_score for each in result.jobs), reverse=True)[:top_n]
        body["overall_score"] = round(sum(best) / max(1, len(best)), 2)
    return body | {"result_type": "overall_bucket", "timestamp": parse_time(result.timestamp) // 1000}


def alert_form(alert: Alert) -> Json:
    """An alert with the time under its ECS name."""
    body: Json = msgspec.to_builtins(alert)
    return body | {"@timestamp": alert.timestamp}


def _place(result: Json, name: str) -> tuple[Any, str, str, str]:
    """Where a result stands: by a field, then by what tells it from others."""
    value = str(result.get("influencer_field_value", ""))
    return result[name], str(result.get("id") or result["timestamp"]), result["job_id"], value


def _read(
    home: Home, kind: Kind, job_id: str, asked: Asked, limit: int
) -> Sequence[Record | Bucket | InfluencerResult]:
    least, start, end = asked.min_score, asked.start_us, asked.end_us
    if kind is RECORDS:
        return home.store.list_records(job_id=job_id, min_score=least, start_us=start, end_us=end, limit=limit)
    held = home.store.buckets
    read = held.buckets if kind is BUCKETS else held.influencers
    return read(job_id=job_id, min_score=least, start_us=start, end_us=end, limit=limit)
