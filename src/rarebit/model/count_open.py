"""The bucket that is still open: what has come so far, by series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.model.count_add_kernel import add_rows, fill_index, fill_set
from rarebit.model.peer_map import PeerMap
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
_NOBODY: Final = PeerMap({})
_ROWS, _PAIRS = 256, 256
"""Room at first."""


class CountRows(NamedTuple):
    """Rows to be counted (int64[n] each); those of one bucket in order of time and id. What is not known is empty."""

    times_us: Ints
    ids: Ints
    keys: Ints
    groups: Ints = _NONE
    """Codes of peer groups, of those whom :attr:`sought` does not tell of."""
    members: Ints = _NONE
    """Where not the key itself."""
    values: Ints = _NONE
    """Empty but for distinct counts."""
    sizes: Ints = _NONE
    """As how many each value counts; empty where as one."""
    weights: Ints = _NONE
    """Events that a row stands for, at least 1; empty where rows are events."""
    entities: Ints = _NONE
    scopes: Ints = _NONE
    """Bits of the rules that are for the row. Empty, as ``entities``, where they are not told apart."""
    sought: Ints = _NONE
    """Entities whose peer group is looked up."""

    def take(self, rows: NDArray[Any] | slice) -> CountRows:
        """Those in a slice, at some places, or where a mask is true."""
        return CountRows(*(part[rows] if part.size else part for part in self))

    def in_order(self) -> CountRows:
        """The rows in order of time, and of id where they are not."""
        times = self.times_us
        return self.take(np.lexsort((self.ids, times))) if bool(np.any(times[1:] < times[:-1])) else self


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
        self._held = np.zeros(2, np.int64)
        self._table: Table = np.zeros(_ROWS, OPEN)
        self._index = np.zeros(2 * _ROWS, np.int64)
        self._asked = np.zeros((2, _ROWS), np.int64)
        self._pairs = np.zeros(_PAIRS if distinct else 1, np.int64)

    def add(self, rows: CountRows, *, late: bool = False, peers: PeerMap = _NOBODY) -> None:
        """Add rows; those of series 0 are passed over, late ones counted beside the others; ``peers`` has groups."""
        parts = tuple(part if part.flags.carray else part.copy() for part in rows)  # one type for compiled code
        at, size = 0, rows.keys.size
        while at < size:
            at = add_rows(
                parts, at, late, self._distinct, self._index, self._table, self._asked, self._pairs, self._held
            )
            if at < size:
                self._grow()
        new = np.flatnonzero(self._asked[1, : self._held[0]])
        self._asked[1, new] = 0
        if peers.keys.size and rows.sought.size:
            self._table["group"][new] = peers.groups_of(self._asked[0, new], self._table["group"][new])

    def forget_scopes(self) -> None:
        """What the bits of scopes mean has changed."""
        self._table["scopes"] = 0

    @property
    def pairs(self) -> Ints:
        """Codes of the (series, value) counted so far (int64[n]), in no order; empty unless each value counts once."""
        found: Ints = self._pairs[self._pairs != 0]
        return found

    def put(self, rows: Table, pairs: Ints) -> None:
        """Begin with what came before (of :meth:`take` and :attr:`pairs`)."""
        room = max(_ROWS, 1 << int(rows.size).bit_length())
        self._table, self._asked = np.zeros(room, OPEN), np.zeros((2, room), np.int64)
        self._table[: rows.size] = rows
        self._held[:] = rows.size, pairs.size
        self._index = np.zeros(2 * room, np.int64)
        fill_index(self._index, self._table, rows.size)
        if self._distinct:
            self._pairs = np.zeros(max(_PAIRS, 4 << int(pairs.size).bit_length()), np.int64)
            fill_set(self._pairs, pairs)

    def take(self) -> Table:
        """What came (OPEN[n], by key); the bucket is empty afterwards."""
        rows = self._sorted()
        self._table[: self._held[0]] = np.zeros(1, OPEN)
        self._index[:] = 0
        if self._distinct:
            self._pairs[:] = 0
        self._held[:] = 0
        return rows

    def to_state(self) -> State:
        """Memory as named arrays."""
        state = columns_of("rows", self._sorted()) | {"pairs": np.sort(self.pairs)}
        return state | {"bucket": np.array([self.bucket], np.int64)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`."""
        self.put(rows_from("rows", OPEN, state), np.array(state["pairs"]))
        self.bucket = int(state["bucket"][0])
        return self

    def _sorted(self) -> Table:
        rows = self._table[: self._held[0]]
        ordered: Table = rows[np.argsort(np.ascontiguousarray(rows["key"]))]
        return ordered

    def _grow(self) -> None:
        """Twice the room of what is full."""
        if self._held[0] == self._table.size:
            self._table = np.concatenate([self._table, np.zeros(self._table.size, OPEN)])
            self._asked = np.concatenate([self._asked, np.zeros_like(self._asked)], axis=1)
            self._index = np.zeros(2 * self._index.size, np.int64)
            fill_index(self._index, self._table, int(self._held[0]))
        if self._distinct and 2 * self._held[1] >= self._pairs.size:
            codes = self.pairs
            self._pairs = np.zeros(2 * self._pairs.size, np.int64)
            fill_set(self._pairs, codes)
