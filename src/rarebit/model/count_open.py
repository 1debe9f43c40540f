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
        ("late", "i8"),
        ("first_us", "i8"),
        ("first_id", "i8"),
        ("last_us", "i8"),
        ("last_id", "i8"),
    ]
)
"""One series in the open bucket: code of its peer group, events, late events, the first and the last event."""

Ints = NDArray[np.int64]


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

    def add(self, times_us: Ints, ids: Ints, keys: Ints, groups: Ints, late: NDArray[np.bool_], values: Ints) -> None:
        """Add rows (all int64[n]) in their order; those of series 0 are passed over."""
        kept = np.flatnonzero(keys != 0)
        if kept.size == 0:
            return
        new = np.zeros(kept.size, OPEN)
        new["key"], new["group"] = keys[kept], groups[kept]
        new["late"] = late[kept]
        new["first_us"] = new["last_us"] = times_us[kept]
        new["first_id"] = new["last_id"] = ids[kept]
        new["count"] = ~late[kept]
        if self._distinct:
            new["count"] = new["late"] = 0
            self._add_pairs(new["key"], values[kept], new["count"], late[kept])
        self._rows = _added_up(np.concatenate([self._rows, new]))

    def _add_pairs(self, keys: Ints, values: Ints, fresh: Ints, late: NDArray[np.bool_]) -> None:
        """Mark in ``fresh`` the first sight of each value of a series."""
        rows = np.flatnonzero((values != 0) & ~late)
        pairs, first = np.unique(pair_codes(keys[rows], values[rows]), return_index=True)
        unknown = ~np.isin(pairs, self._pairs)
        fresh[rows[first[unknown]]] = 1
        self._pairs = np.union1d(self._pairs, pairs[unknown])

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


def _added_up(rows: Table) -> Table:
    """One row a series: sums, and the first and last event that is not late (of late ones only, where all are)."""
    order = np.argsort(rows["key"], kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.diff(rows["key"], prepend=rows["key"][0] - 1))
    made = rows[starts]
    for name in ("count", "late"):
        made[name] = np.add.reduceat(rows[name], starts)
    ends = np.append(starts[1:], rows.size) - 1
    made["last_us"], made["last_id"] = rows["last_us"][ends], rows["last_id"][ends]
    return made
