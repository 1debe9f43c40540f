"""Results of whole buckets: of a job, of an influencer in it, of all jobs together.

They are made of records alone, so they come out the same however the events were read. A bucket's records are combined
by :func:`rarebit.maths.combine.at_most_together`, which holds whatever depends on what; its number is of buckets a
week, in the unit of records: 50 is one a week. What a value explains of a record only in part counts in that part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rarebit.core.bucket import Bucket, BucketInfluencer, InfluencerResult, JobInBucket, OverallBucket
from rarebit.core.result import Record
from rarebit.core.time import WEEK_US, iso, parse_time
from rarebit.maths.combine import at_most_together
from rarebit.maths.tail import score_of

LEAST_INFLUENCE = 0.05
"""A value that explains less of a record is no influencer of it."""


class Together(NamedTuple):
    """Some records as one: expected number a week, its score, and the chance of such a bucket."""

    expected: float
    score: float
    probability: float


def together(expected: Sequence[float], *, streams: int, span_us: int) -> Together:
    """Records of one bucket as one.

    Parameters
    ----------
    expected : sequence of float
        Expected records a week of each, > 0; none gives score 0.
    streams : int
        Calibrations they come from: each gives so many a week.
    span_us : int
        Length of the bucket; no more than all buckets can be like it.
    """
    a_week = WEEK_US / span_us
    rate = streams * at_most_together(np.array(expected)) if expected else a_week
    rate = min(rate, a_week)
    score = float(score_of(rate)) if expected else 0.0
    return Together(rate, round(score, 2), rate / a_week)


def first_given(records: Iterable[Record]) -> list[float]:
    """Expected numbers as first given, of records that are not of the learning time."""
    return [record.initial_expected_per_week for record in records if not record.learning]


def by_now(records: Iterable[Record]) -> list[float]:
    """Expected numbers by the latest fit; records that a rollout took in count no longer."""
    return [record.expected_per_week for record in records if not record.learning and not record.rollout]


def bucket_results(
    records: Iterable[Record], *, streams: int, span_us: int, counts: Mapping[str, int]
) -> tuple[list[Bucket], list[InfluencerResult]]:
    """Bucket and influencer results of one job, in order of time.

    Parameters
    ----------
    records : iterable of Record
        All that the buckets have.
    streams, span_us : int
        See :func:`together`.
    counts : mapping
        Events of the job in each bucket, by its time stamp.
    """
    held: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda each: (each.timestamp, each.id)):
        held.setdefault(record.timestamp, []).append(record)
    buckets, influencers = [], []
    for stamp, part in held.items():
        found = _influencers(part, streams=streams, span_us=span_us)
        influencers += found
        buckets.append(_bucket(stamp, part, found, streams=streams, span_us=span_us, events=counts.get(stamp, 0)))
    return buckets, influencers


def _bucket(
    stamp: str, records: list[Record], found: list[InfluencerResult], *, streams: int, span_us: int, events: int
) -> Bucket:
    now = together(by_now(records), streams=streams, span_us=span_us)
    first = together(first_given(records), streams=streams, span_us=span_us)
    best: dict[str, InfluencerResult] = {}
    for result in found:
        held = best.get(result.influencer_field_name)
        if held is None or result.expected_per_week < held.expected_per_week:
            best[result.influencer_field_name] = result
    return Bucket(
        job_id=records[0].job_id,
        timestamp=stamp,
        bucket_span=span_us // 1_000_000,
        anomaly_score=now.score,
        initial_anomaly_score=first.score,
        probability=now.probability,
        expected_per_week=now.expected,
        initial_expected_per_week=first.expected,
        event_count=events,
        record_count=len(records),
        learning=all(record.learning for record in records),
        bucket_influencers=tuple(
            BucketInfluencer(
                influencer_field_name=name,
                anomaly_score=result.influencer_score,
                initial_anomaly_score=result.initial_influencer_score,
                probability=result.probability,
            )
            for name, result in sorted(best.items(), key=lambda item: (item[1].expected_per_week, item[0]))
        ),
    )


def _influencers(records: list[Record], *, streams: int, span_us: int) -> list[InfluencerResult]:
    carried: dict[tuple[str, str], list[tuple[Record, float]]] = {}
    for record in records:
        for influencer in record.influencers:
            for each in influencer.explains:
                if each.influencer_score >= LEAST_INFLUENCE:
                    key = influencer.influencer_field_name, each.value
                    carried.setdefault(key, []).append((record, each.influencer_score))
    made = []
    for (name, value), part in sorted(carried.items()):
        now = [e / w for r, w in part for e in by_now([r])]
        first = [e / w for r, w in part for e in first_given([r])]
        latest = together(now, streams=streams, span_us=span_us)
        initial = together(first, streams=streams, span_us=span_us)
        made.append(
            InfluencerResult(
                job_id=records[0].job_id,
                influencer_field_name=name,
                influencer_field_value=value,
                timestamp=records[0].timestamp,
                bucket_span=span_us // 1_000_000,
                influencer_score=latest.score,
                initial_influencer_score=initial.score,
                probability=latest.probability,
                expected_per_week=latest.expected,
                initial_expected_per_week=initial.expected,
                record_ids=tuple(record.id for record, _ in part),
            )
        )
    return made


def overall_buckets(buckets: Iterable[Bucket], *, span_us: int, jobs: int) -> list[OverallBucket]:
    """All jobs together, in longer buckets, the most surprising first.

    Parameters
    ----------
    buckets : iterable of Bucket
        Of any jobs.
    span_us : int
        Length of the overall buckets: that of the longest of the jobs', or more.
    jobs : int
        Jobs that could have given a bucket: each gives as many a week as it promises.
    """
    held: dict[int, list[Bucket]] = {}
    for bucket in buckets:
        at = parse_time(bucket.timestamp)
        held.setdefault(at - at % span_us, []).append(bucket)
    made = [_overall(start, part, span_us=span_us, jobs=jobs) for start, part in held.items()]
    return sorted(made, key=lambda each: (-each.overall_score, each.timestamp))


def _overall(start: int, buckets: list[Bucket], *, span_us: int, jobs: int) -> OverallBucket:
    scored = [bucket for bucket in buckets if bucket.anomaly_score > 0.0]
    found = together([bucket.expected_per_week for bucket in scored], streams=jobs, span_us=span_us)
    best: dict[str, float] = {}
    for bucket in buckets:
        best[bucket.job_id] = max(best.get(bucket.job_id, 0.0), bucket.anomaly_score)
    return OverallBucket(
        timestamp=iso(start),
        bucket_span=span_us // 1_000_000,
        overall_score=found.score,
        expected_per_week=found.expected,
        jobs=tuple(
            JobInBucket(job_id=name, max_anomaly_score=score)
            for name, score in sorted(best.items(), key=lambda item: (-item[1], item[0]))
        ),
    )
