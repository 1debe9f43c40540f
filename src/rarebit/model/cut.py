"""Rows cut at the ends of buckets, for models that keep no bucket open for rows that come late."""

from __future__ import annotations

import numpy as np

from rarebit.model.tables import Table


def by_bucket(sights: Table, span_us: int, bucket: int) -> tuple[int, list[tuple[int, Table]]]:
    """Rows of each bucket in turn, without those that come late.

    Parameters
    ----------
    sights : structured[n]
        Rows in the order given, with ``key`` (0 for one that only moves time on) and ``time_us``; n is 1 or more.
    span_us : int
        Microseconds of a bucket.
    bucket : int
        Number of the bucket that is open; time does not go back behind it.

    Returns
    -------
    late : int
        Rows with a key whose bucket was over when they came.
    parts : list of (int, structured[m])
        Number of each bucket that time reaches, and its rows with a key; there may be none.
    """
    buckets = sights["time_us"] // span_us
    now = np.maximum.accumulate(np.maximum(buckets, bucket))
    keyed = sights["key"] != 0
    late = keyed & (buckets < now)
    taken = keyed & ~late
    starts = np.flatnonzero(np.diff(now, prepend=now[0] - 1))
    ends = [*starts[1:].tolist(), now.size]
    parts = [
        (int(now[start]), sights[start:end][taken[start:end]]) for start, end in zip(starts.tolist(), ends, strict=True)
    ]
    return int(np.count_nonzero(late)), parts
