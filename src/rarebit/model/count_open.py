"""The bucket that is still open: what has come so far, by series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import pair_codes
from rarebit.model.tables import State, Table, columns_of, rows_from

OPEN: Final = np.dtype(
    [
        ("key", "i8"),
        ("group", "i8"),
        ("member", "i8"),
        ("entity", "i8"),
        ("scopes", "i8"),
        ("count", "i8"),
        ("timely", "i8"),
        ("late", "i8"),
        ("first_us", "i8"),
        ("first_id", "i8"),
        ("last_us", "i8"),
        ("last_id", "i8"),
    ]
)
"""One series in the open bucket: codes of its peer group, of its member and of its entity, the scopes it is in, what is
counted, events in time and late ones, and the first and the last event, of those in time where there are any."""

Ints = NDArray[np.int64]
_NONE: Final = np.zeros(0, np.int64)


class CountRows(NamedTuple):
    """Rows to be counted (int64[n] each), in order of time and id."""

    buckets: Ints
    times_us: Ints
    ids: Ints
    keys: Ints
    groups: Ints
    members: Ints
    values: Ints = _NONE
    """Empty but for distinct counts."""
    sizes: Ints = _NONE
    """As how many each value counts; empty where as one."""
    weights: Ints = _NONE
    """Events that a row stands for, at least 1; empty where rows are events."""
    entities: Ints = _NONE
    scopes: Ints = _NONE
    """Bits of the rules that are for the row. Empty, as ``entities``, where they are not told apart."""

    def take(self, rows: NDArray[Any] | slice) -> CountRows:
        """Those in a slice, at some places, or where a mask is true."""
        return CountRows(*(part[rows] if part.size else part for part in self))


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

    def add(self, rows: CountRows, *, late: bool = False) -> None:
        """Add rows in their order; those of series 0 are passed over, and late ones counted beside the others."""
        stands_for = rows.weights if rows.weights.size else np.ones(rows.keys.size, np.int64)
        counts = self._first_sights(rows) if self._distinct and not late else stands_for
        some = np.flatnonzero(rows.keys != 0)
        if some.size:
            name, summed = "late" if late else "timely", np.stack([stands_for, counts])
            if some.size < rows.keys.size:
                rows, summed = rows.take(some), summed[:, some]
            fresh = _summed(name, rows, summed)
            self._rows = _merged(np.concatenate([self._rows, fresh])) if self._rows.size else fresh

    def _first_sights(self, rows: CountRows) -> Ints:
        """Size of each value at its first sight in a series and bucket, else 0 (int64[n])."""
        fresh = np.zeros(rows.keys.size, np.int64)
        some = np.flatnonzero((rows.values != 0) & (rows.keys != 0))
        pairs, first = np.unique(pair_codes(rows.keys[some], rows.values[some]), return_index=True)
        unknown = ~np.isin(pairs, self._pairs)
        sights = some[first[unknown]]
        fresh[sights] = rows.sizes[sights] if rows.sizes.size else 1
        self._pairs = np.union1d(self._pairs, pairs[unknown])
        return fresh

    def forget_scopes(self) -> None:
        """What the bits of scopes mean has changed."""
        self._rows["scopes"] = 0

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


def _summed(name: str, rows: CountRows, summed: Ints) -> Table:
    """One row a series, of events that are all in time or all late; ``summed`` are events and what is counted."""
    order = np.argsort(rows.keys, kind="stable")
    sorted_keys = rows.keys[order]
    starts = np.flatnonzero(np.diff(sorted_keys, prepend=sorted_keys[0] - 1))
    ends = np.append(starts[1:], order.size)
    first, last = order[starts], order[ends - 1]
    made = np.zeros(starts.size, OPEN)
    made["key"], made["group"], made["member"] = sorted_keys[starts], rows.groups[first], rows.members[first]
    if rows.entities.size:
        made["entity"] = rows.entities[first]
    if rows.scopes.size:
        made["scopes"] = np.bitwise_or.reduceat(rows.scopes[order], starts)
    made[name], counted = np.add.reduceat(summed[:, order], starts, axis=1)
    made["count"] = counted if name == "timely" else 0
    made["first_us"], made["first_id"] = rows.times_us[first], rows.ids[first]
    made["last_us"], made["last_id"] = rows.times_us[last], rows.ids[last]
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
    made["scopes"] = np.bitwise_or.reduceat(rows["scopes"], starts)
    ends = np.append(starts[1:], rows.size) - 1
    last = np.lexsort((rows["last_id"], rows["last_us"], rows["timely"] > 0, rows["key"]))[ends]
    made["last_us"], made["last_id"] = rows["last_us"][last], rows["last_id"][last]
    return made
