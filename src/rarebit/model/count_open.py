"""The bucket that is still open: what has come so far, by series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import pair_codes
from rarebit.model.tables import State, Table, columns_of, rows_from

OPEN: Final = np.dtype(
    [
        ("key", "i8"),
        ("group", "i8"),
        ("count", "i8"),
        ("timely", "i8"),
        ("late", "i8"),
        ("first_us", "i8"),
        ("first_id", "i8"),
        ("last_us", "i8"),
        ("last_id", "i8"),
    ]
)
"""One series in the open bucket: code of its peer group, what is counted, events in time and late ones, and the first
and the last event, of those in time where there are any."""

Ints = NDArray[np.int64]
_ONE_EACH: Final = np.zeros(0, np.int64)


class OpenBucket:
    """Events of one bucket, added up by series; the same however they were cut.

    Parameters
    ----------
    distinct : bool
        Count each value of a series once.
    """

    def __init__(self, *, distinct: bool) -> None:
        self.bucket = -1
        """Number of the bucket since 1970; -1 before the first event."""
        self._distinct = distinct
        self._rows: Table = np.zeros(0, OPEN)
        self._pairs: Ints = np.zeros(0, np.int64)

    def add(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        groups: Ints,
        late: NDArray[np.bool_],
        values: Ints,
        weights: Ints = _ONE_EACH,
    ) -> None:
        """Add rows (all int64[n]) in their order; those of series 0 are passed over.

        ``weights`` are the events that a row stands for, at least 1; empty where rows are events.
        """
        stands_for = weights if weights.size else np.ones(keys.size, np.int64)
        counts = self._first_sights(keys, values, ~late) if self._distinct else stands_for
        summed = np.stack([stands_for, counts])
        pieces = [self._rows]
        for name, some in (("timely", ~late), ("late", late)):
            rows = np.flatnonzero(some & (keys != 0))
            if rows.size:
                pieces.append(_summed(name, keys[rows], groups[rows], times_us[rows], ids[rows], summed[:, rows]))
        if len(pieces) > 1:
            self._rows = _merged(np.concatenate(pieces))

    def _first_sights(self, keys: Ints, values: Ints, timely: NDArray[np.bool_]) -> Ints:
        """1 at the first sight of each value of a series in the bucket, else 0 (int64[n])."""
        fresh = np.zeros(keys.size, np.int64)
        rows = np.flatnonzero((values != 0) & (keys != 0) & timely)
        pairs, first = np.unique(pair_codes(keys[rows], values[rows]), return_index=True)
        unknown = ~np.isin(pairs, self._pairs)
        fresh[rows[first[unknown]]] = 1
        self._pairs = np.union1d(self._pairs, pairs[unknown])
        return fresh

    @property
    def pairs(self) -> Ints:
        """Codes of the (series, value) counted so far (int64[n], rising); empty where values are not told apart."""
        return self._pairs

    def put(self, rows: Table, pairs: Ints) -> None:
        """Begin with what came before (of :meth:`take` and :attr:`pairs`)."""
        self._rows, self._pairs = rows, pairs

    def take(self) -> Table:
        """What came (OPEN[n], by key); the bucket is empty afterwards."""
        rows = self._rows
        self._rows, self._pairs = np.zeros(0, OPEN), np.zeros(0, np.int64)
        return rows

    def to_state(self) -> State:
        """Memory as named arrays."""
        return columns_of("rows", self._rows) | {"pairs": self._pairs, "bucket": np.array([self.bucket], np.int64)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`."""
        self._rows = rows_from("rows", OPEN, state)
        self._pairs, self.bucket = np.array(state["pairs"]), int(state["bucket"][0])
        return self


def _summed(name: str, keys: Ints, groups: Ints, times_us: Ints, ids: Ints, summed: Ints) -> Table:
    """One row a series, of events that are all in time or all late; ``summed`` are events and what is counted."""
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    starts = np.flatnonzero(np.diff(sorted_keys, prepend=sorted_keys[0] - 1))
    ends = np.append(starts[1:], keys.size)
    first, last = order[starts], order[ends - 1]
    made = np.zeros(starts.size, OPEN)
    made["key"], made["group"] = sorted_keys[starts], groups[first]
    made[name], counted = np.add.reduceat(summed[:, order], starts, axis=1)
    made["count"] = counted if name == "timely" else 0
    made["first_us"], made["first_id"] = times_us[first], ids[first]
    made["last_us"], made["last_id"] = times_us[last], ids[last]
    return made


def _merged(rows: Table) -> Table:
    """One row a series, of several in any order."""
    rows = rows[np.lexsort((rows["first_id"], rows["first_us"], rows["timely"] == 0, rows["key"]))]
    starts = np.flatnonzero(np.diff(rows["key"], prepend=rows["key"][0] - 1))
    if starts.size == rows.size:
        return rows
    made = rows[starts]
    for name in ("count", "timely", "late"):
        made[name] = np.add.reduceat(rows[name], starts)
    ends = np.append(starts[1:], rows.size) - 1
    last = np.lexsort((rows["last_id"], rows["last_us"], rows["timely"] > 0, rows["key"]))[ends]
    made["last_us"], made["last_id"] = rows["last_us"][last], rows["last_id"][last]
    return made
