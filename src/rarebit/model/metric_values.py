"""Values of the bucket that is still open, by series: their sum, mean, variance, least, most and median."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import pair_codes
from rarebit.model.metric_kernel import VALUES, gather
from rarebit.model.tables import State, Table, columns_of, rows_from

MEDIAN_SAMPLE: Final = 1001
"""Values of a series that its median is made of: all, or so many drawn by the hash of their event."""
_TRIM: Final = 1 << 20
"""Values that come before the sample of medians is drawn anew."""
HELD: Final = np.dtype([("key", "i8"), ("lot", "u8"), ("value", "f8"), ("weight", "f8")])

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class OpenValues:
    """Values of one bucket; the same however they were cut.

    Parameters
    ----------
    median : bool
        Hold the values themselves, for medians.
    """

    def __init__(self, *, median: bool) -> None:
        self._median = median
        self._rows: Table = np.zeros(0, VALUES)
        self._held: list[Table] = []
        self._count = 0

    def add(self, keys: Ints, ids: Ints, values: Floats, weights: Floats) -> None:
        """Add values in their order: series (not 0), code of the event's id, value (finite), events it stands for."""
        if keys.size == 0:
            return
        known = np.searchsorted(self._rows["key"], keys)
        at = np.minimum(known, max(self._rows.size - 1, 0))
        strange = self._rows["key"][at] != keys if self._rows.size else np.ones(keys.size, np.bool_)
        if strange.any():
            fresh = np.unique(keys[strange])
            made = np.zeros(fresh.size, VALUES)
            made["key"], made["min"], made["max"] = fresh, np.inf, -np.inf
            joined = np.concatenate([self._rows, made])
            self._rows = joined[np.argsort(joined["key"], kind="stable")]
            at = np.searchsorted(self._rows["key"], keys)
        gather(self._rows, at, values, weights)
        if self._median:
            self._hold(keys, ids, values, weights)

    def _hold(self, keys: Ints, ids: Ints, values: Floats, weights: Floats) -> None:
        held = np.empty(keys.size, HELD)
        held["key"], held["value"], held["weight"] = keys, values, weights
        held["lot"] = pair_codes(ids, keys).view(np.uint64)
        self._held.append(held)
        self._count += keys.size
        if self._count > _TRIM:
            self._held, self._count = [_drawn(np.concatenate(self._held))], 0

    def take(self) -> tuple[Table, Floats]:
        """What came (VALUES[n], by key) and the median of each series (NaN where none is held); empty afterwards."""
        rows = self._rows
        medians = _medians(np.concatenate(self._held)) if self._held else np.full(rows.size, np.nan)
        self._rows, self._held, self._count = np.zeros(0, VALUES), [], 0
        return rows, medians

    def to_state(self) -> State:
        """Memory as named arrays."""
        held = _drawn(np.concatenate([np.zeros(0, HELD), *self._held]))
        return columns_of("values", self._rows) | columns_of("held", held)

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`."""
        self._rows = rows_from("values", VALUES, state)
        held = rows_from("held", HELD, state)
        self._held, self._count = ([held] if held.size else []), 0
        return self


def _drawn(held: Table) -> Table:
    """Of each series the values of the lowest lots; the same whichever part of them was drawn before."""
    held = held[np.lexsort((held["value"], held["lot"], held["key"]))]
    starts = np.flatnonzero(np.diff(held["key"], prepend=held["key"][:1] - 1))
    rank = np.arange(held.size) - np.repeat(starts, np.diff(starts, append=held.size))
    return held[rank < MEDIAN_SAMPLE]


def _medians(held: Table) -> Floats:
    """Weighted median of each series, by key; the mean of the middle two where they share the weight evenly."""
    held = _drawn(held)
    held = held[np.lexsort((held["lot"], held["value"], held["key"]))]
    starts = np.flatnonzero(np.diff(held["key"], prepend=held["key"][:1] - 1))
    sizes = np.diff(starts, append=held.size)
    totals = np.add.reduceat(held["weight"], starts)
    passed = np.cumsum(held["weight"])
    before = np.repeat(passed[starts] - held["weight"][starts], sizes)
    half = np.repeat(totals / 2.0, sizes)
    below, reached = passed - before < half, passed - before <= half
    low = starts + np.minimum(np.add.reduceat(below.astype(np.int64), starts), sizes - 1)
    high = starts + np.minimum(np.add.reduceat(reached.astype(np.int64), starts), sizes - 1)
    found: Floats = (held["value"][low] + held["value"][high]) / 2.0
    return found
