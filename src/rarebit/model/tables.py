"""Open-addressing tables of records: the memory of the rare model, usable inside compiled loops.

A table is a one-dimensional structured array whose length is a power of two and whose field ``key`` is 0 in an
empty slot. It is at most half full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from rarebit.maths.hashing import mix64

PAIR: Final = np.dtype([("key", "i8"), ("hour", "i4"), ("count", "i2"), ("group", "i2")])
"""One (entity, value): hour last seen, distinct hours seen, peer group that counts it among its own."""

BURST: Final = np.dtype(
    [("key", "i8"), ("hour", "i4"), ("count", "i2"), ("group", "i2"), ("events", "i4"), ("level", "i4")]
)
"""One (entity, value) of ``freq_rare``: also the events of the present hour, and level and bin at its start."""

VALUE: Final = np.dtype(
    [
        ("key", "i8"),
        ("window_us", "i8"),
        ("last_us", "i8"),
        ("first_us", "i8"),
        ("entities", "i4"),
        ("observations", "i4"),
        ("joined", "i4"),
        ("before", "i4"),
        ("spreading", "i4"),
        ("hour", "i4"),
    ]
)
"""One value in the fleet: who ever had it, hour last seen, present stretch of first sights (a rollout, perhaps)."""

PEER: Final = np.dtype([("key", "i8"), ("entities", "i4"), ("hour", "i4")])
"""One (peer group, value): how many entities had it while in the group; or one scope: how many were met in it."""

ENTITY: Final = np.dtype(
    [
        ("key", "i8"),
        ("n", "f8"),
        ("k1", "f8"),
        ("k2", "f8"),
        ("k3", "f8"),
        ("e1", "f8"),
        ("e2", "f8"),
        ("e3", "f8"),
        ("observations", "i8"),
        ("novel", "i8"),
        ("group", "i4"),
        ("hour", "i4"),
        ("first_hour", "i4"),
        ("hours", "i4"),
        ("events", "i4"),
        ("fresh", "i4"),
    ]
)
"""One entity: decayed observations, novelties by level and how many of those to expect of its like; plain counts.

``hours`` is its age in active hours; ``fresh`` are the observations of the present hour, not yet in ``e1`` to ``e3``.
"""

FOREVER: Final = 2**31 - 1
"""Hour of a record that is never dropped."""

compiled: Final = numba.njit(cache=True, nogil=True, _nrt=False)
"""Decorator of loops that make no array: without counting references to the tables they run in two thirds the time."""
inlined: Final = numba.njit(cache=True, nogil=True, inline="always", _nrt=False)
"""The same for small functions that are put into their callers."""

Table = NDArray[Any]
State = dict[str, NDArray[Any]]


@intrinsic
def prefetch(context: Any, table: Any, at: Any) -> Any:  # noqa: ANN401, ARG001 - a signature and a builder of Numba's
    """Ask for the memory of a slot before it is needed: the processor waits for a miss longer than a row takes."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = cgutils.get_item_pointer(context, builder, signature.args[0], array, [given[1]], wraparound=False)
        kind = cgutils.ir.FunctionType(cgutils.ir.VoidType(), [cgutils.voidptr_t, *(3 * [cgutils.int32_t])])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for_writing, kept_close, data = (cgutils.int32_t(value) for value in (1, 3, 1))
        builder.call(call, [builder.bitcast(place, cgutils.voidptr_t), for_writing, kept_close, data])
        return context.get_dummy_value()

    return numba.types.void(table, numba.types.intp), build


@compiled
def expect(table: Table, key: np.int64) -> None:
    """Ask for the memory where :func:`slot_of` will begin to look for a key."""
    prefetch(table, np.int64(mix64(np.uint64(key)) & np.uint64(table.size - 1)))


@inlined
def slot_of(table: Table, key: np.int64) -> np.int64:
    """Slot that holds the key, or the empty slot where it belongs."""
    mask = np.uint64(table.size - 1)
    at = mix64(np.uint64(key)) & mask
    while table[at].key != 0 and table[at].key != key:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@numba.njit(cache=True, nogil=True)
def _slots_of(keys: NDArray[np.int64], capacity: int) -> NDArray[np.int64]:
    held = np.zeros(capacity, np.int64)
    out = np.empty(keys.size, np.int64)
    mask = np.uint64(capacity - 1)
    for row in range(keys.size):
        at = mix64(np.uint64(keys[row])) & mask
        while held[at] != 0:
            at = (at + np.uint64(1)) & mask
        held[at] = keys[row]
        out[row] = at
    return out


def packed_bytes(dtype: np.dtype[Any], rows: int) -> int:
    """Size of the smallest table that holds so many records."""
    return int(_capacity(2 * rows)) * dtype.itemsize


def _capacity(slots: int) -> int:
    return 1 << max(4, (slots - 1).bit_length())


def empty(dtype: np.dtype[Any], capacity: int = 1 << 10) -> Table:
    """A table of at least ``capacity`` slots."""
    return np.zeros(_capacity(capacity), dtype)


def rows_of(table: Table) -> Table:
    """The records of a table, sorted by key: its form on disk, the same however the table grew."""
    held: Table = table[table["key"] != 0]
    ordered: Table = held[np.argsort(held["key"], kind="stable")]
    return ordered


def table_of(rows: Table, capacity: int = 0) -> Table:
    """A table holding the given records (keys distinct, none 0) at most half full."""
    table = empty(rows.dtype, max(2 * rows.size, capacity, 16))
    table[_slots_of(np.ascontiguousarray(rows["key"]), table.size)] = rows
    return table


def columns_of(name: str, rows: Table) -> State:
    """Records as one plain array a field, named ``name.field``: the form that snapshots keep."""
    return {f"{name}.{field}": np.array(rows[field]) for field in rows.dtype.names or ()}


def rows_from(name: str, dtype: np.dtype[Any], state: Mapping[str, NDArray[Any]]) -> Table:
    """Records from the arrays of :func:`columns_of`."""
    fields = dtype.names or ()
    rows = np.zeros(state[f"{name}.{fields[0]}"].size, dtype)
    for field in fields:
        rows[field] = state[f"{name}.{field}"]
    return rows


def under(state: Mapping[str, NDArray[Any]], prefix: str) -> State:
    """Those arrays of a memory whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def joined(parts: Sequence[Table]) -> Table:
    """Tables of one type, one after the other; quicker than ``concatenate``, which compares types field by field."""
    kind = parts[0].dtype
    plain = np.dtype((np.void, kind.itemsize))
    found: Table = np.concatenate([np.ascontiguousarray(part).view(plain) for part in parts]).view(kind)
    return found


def by_key(*parts: Table) -> Table:
    """Rows of several tables in one, by key."""
    rows = joined(parts)
    found: Table = rows[np.argsort(np.ascontiguousarray(rows["key"]), kind="stable")]
    return found
