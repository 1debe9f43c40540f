"""What is usual among a job's events: a sample of every day's, and how many fell into each bucket.

Both are counted while events pass, so that a run need not read the lake again to know them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US
from rarebit.detect.engine import Rows
from rarebit.model.tables import State

SAMPLE: Final = 512
"""Events kept of a day. The share of a value in a week of them has a standard error below one in a hundred."""
KEPT_DAYS: Final = 9
"""Days of the state of a job; the week before a late record is among them."""
MOST_AHEAD: Final = 64
"""Days kept at all after the newest that was meant to be kept: wrong clocks name many."""
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


class DaySample:
    """The events of each day whose id codes are the smallest: the same in whatever parts and order they come.

    A bottom-k sample: codes of ids are hashes, so the events of the smallest are drawn as if by lot, and two samples
    can be joined into that of both.

    Parameters
    ----------
    fields : sequence of str
        Fields whose values are kept of the sampled events.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = tuple(sorted(set(fields)))
        self._held: dict[int, NDArray[np.int64]] = {}
        self._limit: dict[int, np.uint64] = {}

    def add(self, rows: Rows) -> None:
        """Take events (any order) into the samples of their days."""
        if not self._fields or rows.times_us.size == 0:
            return
        days = rows.times_us // DAY_US
        first, last = int(days.min()), int(days.max())
        if first == last:
            self._add(first, rows, None)
            return
        for day in np.unique(days).tolist():
            self._add(day, rows, np.flatnonzero(days == day))

    def _add(self, day: int, rows: Rows, of_day: NDArray[np.intp] | None) -> None:
        """Events of one day, all rows where ``of_day`` is None."""
        keys = _keys(rows.ids if of_day is None else rows.ids[of_day])
        limit = self._limit.get(day, _ALL)
        if limit == _ALL and keys.size > 8 * SAMPLE:  # else the first batch would be copied and sorted whole
            part = np.uint64(int(_ALL) // keys.size * 4 * SAMPLE)
            limit = part if int(np.count_nonzero(keys <= part)) >= SAMPLE else _ALL
        at = np.flatnonzero(keys <= limit)
        if at.size == 0:
            return
        drawn = at if of_day is None else of_day[at]
        absent = np.zeros(drawn.size, np.int64)
        codes = [rows.columns[name][drawn] if name in rows.columns else absent for name in self._fields]
        fresh = np.column_stack([rows.ids[drawn], *codes])
        held = self._held.get(day)
        joined = fresh if held is None else np.concatenate([held, fresh])
        if joined.shape[0] > 2 * SAMPLE:
            joined = self._smallest(day, joined)
        self._held[day] = joined

    def _smallest(self, day: int, joined: NDArray[np.int64]) -> NDArray[np.int64]:
        order = np.argsort(_keys(joined[:, 0]), kind="stable")[:SAMPLE]
        if order.size == SAMPLE:
            self._limit[day] = _keys(joined[order[-1:], 0])[0]
        return joined[order]

    def usual(self, days: Iterable[int]) -> tuple[int, Mapping[tuple[str, int], int]]:
        """Sampled events of some days, and those among them that carry each value (field, code)."""
        parts = [self._smallest(day, self._held[day]) for day in days if day in self._held]
        if not parts:
            return 0, {}
        together = np.concatenate(parts)
        counts: dict[tuple[str, int], int] = {}
        for at, name in enumerate(self._fields, start=1):
            codes, numbers = np.unique(together[:, at], return_counts=True)
            counts |= {(name, code): n for code, n in zip(codes.tolist(), numbers.tolist(), strict=True) if code}
        return together.shape[0], counts

    def to_state(self, newest_day: int) -> State:
        """Samples of the last days, as named arrays; those after ``newest_day`` are of wrong clocks, and few."""
        days = sorted(day for day in self._held if day > newest_day - KEPT_DAYS)[: KEPT_DAYS + MOST_AHEAD]
        parts = [(day, self._smallest(day, self._held[day])) for day in days]
        rows = [np.column_stack([np.full(part.shape[0], day), part]) for day, part in parts]
        empty = np.zeros((0, 2 + len(self._fields)), np.int64)
        return {"rows": np.concatenate([empty, *rows])}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the samples of :meth:`to_state`; those of other fields are let go."""
        rows = np.asarray(state["rows"], np.int64)
        self._held, self._limit = {}, {}
        if rows.shape[1] == 2 + len(self._fields):
            for day in np.unique(rows[:, 0]).tolist():
                self._held[day] = self._smallest(day, rows[rows[:, 0] == day, 1:])
        return self


class BucketTally:
    """How many of a job's events fell into each bucket.

    Parameters
    ----------
    span_us : int
        Microseconds of a bucket.
    """

    def __init__(self, span_us: int) -> None:
        self._span_us = span_us
        self._counts: dict[int, int] = {}

    def add(self, times_us: NDArray[np.int64]) -> None:
        """Count events (int64[n], microseconds, any order)."""
        if times_us.size == 0:
            return
        places = times_us // self._span_us
        first, last = int(places.min()), int(places.max())
        if last - first <= 4 * places.size:
            numbers = np.bincount(places - first)
            found = np.flatnonzero(numbers)
            starts, counts = found + first, numbers[found]
        else:
            starts, counts = np.unique(places, return_counts=True)
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
            self._counts[start] = self._counts.get(start, 0) + count

    def events(self, starts_us: Iterable[int]) -> dict[int, int]:
        """Events of the buckets with the given starts, of those that had any."""
        found = {start: self._counts.get(start // self._span_us, 0) for start in starts_us}
        return {start: count for start, count in found.items() if count}

    def to_state(self, newest_us: int) -> State:
        """Counts of the last days as named arrays."""
        since = (newest_us - KEPT_DAYS * DAY_US) // self._span_us
        until = newest_us // self._span_us + MOST_AHEAD * max(1, DAY_US // self._span_us)
        kept = sorted((start, count) for start, count in self._counts.items() if since <= start <= until)
        return {"counts": np.array(kept, np.int64).reshape(-1, 2)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the counts of :meth:`to_state`."""
        self._counts = dict(np.asarray(state["counts"], np.int64).tolist())
        return self


def _keys(ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    return ids.view(np.uint64) if ids.flags.c_contiguous else np.ascontiguousarray(ids).view(np.uint64)
