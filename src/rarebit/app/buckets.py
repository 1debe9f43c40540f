"""Results of whole buckets: made anew from a job's records of the last weeks, and looked up."""

from __future__ import annotations

from collections.abc import Collection

from rarebit.app.home import Home
from rarebit.app.run import require_events
from rarebit.core.bucket import Bucket, InfluencerResult, OverallBucket
from rarebit.core.errors import NotFoundError
from rarebit.core.time import HOUR_US
from rarebit.detect.buckets import overall_buckets


def buckets(
    home: Home, *, job_id: str | None, min_score: float | None, since_us: int | None, until_us: int | None,
    limit: int | None,
) -> list[Bucket]:  # fmt: skip
    """Buckets that have a record, the highest score first."""
    _known(home, job_id)
    return home.store.buckets.buckets(
        job_id=job_id, min_score=min_score, start_us=since_us, end_us=until_us, limit=limit
    )


def influencers(
    home: Home, *, job_id: str | None, min_score: float | None, since_us: int | None, until_us: int | None,
    limit: int | None,
) -> list[InfluencerResult]:  # fmt: skip
    """Influencers of buckets, the highest score first."""
    _known(home, job_id)
    return home.store.buckets.influencers(
        job_id=job_id, min_score=min_score, start_us=since_us, end_us=until_us, limit=limit
    )


def overall(
    home: Home, *, span_us: int | None, min_score: float | None, since_us: int | None, until_us: int | None,
    limit: int | None, job_ids: Collection[str] | None = None,
) -> list[OverallBucket]:  # fmt: skip
    """Buckets of all jobs together, or of those given, the highest score first.

    They are an hour long, or as long as the longest job's.
    """
    _known(home, None)
    found = [
        bucket
        for bucket in home.store.buckets.buckets(start_us=since_us, end_us=until_us)
        if job_ids is None or bucket.job_id in job_ids
    ]
    longest = max([HOUR_US, *(1_000_000 * bucket.bucket_span for bucket in found)])
    ran = [
        position.job_id
        for position in home.store.list_positions()
        if position.watermark_us > 0 and position.state_name and (job_ids is None or position.job_id in job_ids)
    ]
    made = overall_buckets(found, span_us=max(longest, span_us or 0), jobs=max(1, len(ran)))
    return [bucket for bucket in made if min_score is None or bucket.overall_score >= min_score][:limit]


def _known(home: Home, job_id: str | None) -> None:
    require_events(home)
    ran = [position.job_id for position in home.store.list_positions() if position.state_name]
    if job_id is not None and job_id not in ran:
        raise NotFoundError(f"job {job_id!r} has not run here", hint=f"Ran: {', '.join(ran[:8]) or 'none'}")
