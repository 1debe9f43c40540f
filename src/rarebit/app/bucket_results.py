"""Bucket results of a run: counted as events pass, made from records, kept with them."""

from __future__ import annotations

from collections.abc import Iterable

from rarebit.app.home import Home
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.detect.buckets import bucket_results
from rarebit.detect.stream import JobStream

WINDOW_US = 28 * DAY_US
"""So far back records get later values, and their buckets with them."""
_LATE_US = 2 * DAY_US


def bucket_counts(home: Home, stream: JobStream, stamps: Iterable[str]) -> dict[str, int]:
    """Events of a job in buckets that have new records, and in those that may have had events since it last ran.

    Parameters
    ----------
    stamps : iterable of str
        Starts of the buckets with new records.
    """
    job_id, span = stream.plan.job.job_id, stream.plan.span_us
    position = home.store.get_position(job_id)
    asked = {parse_time(stamp) for stamp in stamps}
    if position is not None:
        since = position.watermark_us - span - _LATE_US
        asked |= {parse_time(held.timestamp) for held in home.store.buckets.buckets(job_id=job_id, start_us=since)}
    return {iso(start): events for start, events in stream.tally.events(asked).items()}


def put_buckets(home: Home, stream: JobStream, counts: dict[str, int]) -> None:
    """Make a job's bucket and influencer results of the last weeks anew from its records, as they now stand."""
    if stream.last_us is None:
        return
    job_id, span = stream.plan.job.job_id, stream.plan.span_us
    start = stream.last_us - WINDOW_US
    start -= start % span
    held = {
        bucket.timestamp: bucket.event_count for bucket in home.store.buckets.buckets(job_id=job_id, start_us=start)
    }
    records = home.store.list_records(job_id=job_id, start_us=start)
    made = bucket_results(records, streams=len(stream.groups), span_us=span, counts={**held, **counts})
    home.store.buckets.put(job_id, start, *made)
