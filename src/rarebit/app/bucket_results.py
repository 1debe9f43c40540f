"""Bucket results of a run: counted as events pass, made from records, kept with them."""

from __future__ import annotations

from rarebit.app.home import Home
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.detect.buckets import bucket_results
from rarebit.detect.stream import JobStream
from rarebit.detect.usual import KEPT_DAYS

WINDOW_US = 28 * DAY_US
"""So far back records get later values, and their buckets with them."""


def put_buckets(home: Home, stream: JobStream) -> None:
    """Make a job's bucket and influencer results of the last weeks anew from its records, as they now stand."""
    if stream.last_us is None:
        return
    job_id, span = stream.plan.job.job_id, stream.plan.span_us
    start = stream.last_us - WINDOW_US
    start -= start % span
    records = home.store.list_records(job_id=job_id, start_us=start)
    counts = {
        bucket.timestamp: bucket.event_count for bucket in home.store.buckets.buckets(job_id=job_id, start_us=start)
    }
    whole_from = stream.last_us - KEPT_DAYS * DAY_US  # of what is older the tally may know no more than came late
    for at, events in stream.tally.events(parse_time(record.timestamp) for record in records).items():
        if at >= whole_from or iso(at) not in counts:
            counts[iso(at)] = events
    made = bucket_results(records, streams=len(stream.groups), span_us=span, counts=counts)
    home.store.buckets.put(job_id, start, *made)
