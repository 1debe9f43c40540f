"""Paths of JSON members met in a block: each found once, then recognised by its place after the one before it.

Records of one source give their members in nearly the same order, so that the member that followed last time is
tried first, byte for byte; only where it is another one is the path hashed and looked up.
"""

# mypy: disable-error-code="untyped-decorator,no-any-return,assignment,return-value"

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.core.fields import Kind
from rarebit.maths.hashing import mix64
from rarebit.source.json_bytes import CONTROLS, DOT, ENDS, ESCAPES, FOREIGN, QUOTE

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

SCALAR: Final = 0
LIST: Final = 1
SET: Final = 2
MARKER: Final = 3
"""What a known name takes: one value, a list, a set of words; or it marks a record of another shape."""

KEY, SIZE, PARENT, NAME, TEXT, LENGTH, SAME, STAMP, NEXT_PATH, HIGH_KEY = range(10)
"""Columns of the table of paths: where its last key starts, its bytes, the path of the object it is in, the known
name (-1 for none), where its dotted text starts, its bytes, the first path of the same text, the last row that had
it, the path that followed it last time, whether it has bytes above 127."""

_MOST_PATHS: Final = 4096
_STORE: Final = 1 << 19
_SLOTS: Final = 1 << 14
_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_DOT: Final = np.uint64(46)


class Names(NamedTuple):
    """Known names as an open-addressing table over hashes of their bytes."""

    slots: Longs
    """Number of the name + 1 by slot, 0 where free."""
    hashes: NDArray[np.uint64]
    offsets: Longs
    data: Bytes
    takes: NDArray[np.uint8]


class Paths(NamedTuple):
    """Paths met so far; path 0 is the record itself."""

    table: Longs
    hashes: NDArray[np.uint64]
    slots: Longs
    store: Bytes
    used: Longs
    """Paths in the table, bytes in the store."""


def name_table(kinds: dict[str, Kind], markers: tuple[str, ...]) -> Names:
    """Table of known names; ``markers`` follow them."""
    names = [*kinds, *markers]
    takes = [{Kind.LIST: LIST, Kind.SET: SET}.get(kind, SCALAR) for kind in kinds.values()]
    encoded = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    slots, hashes = np.zeros(4096, np.int64), np.zeros(len(names), np.uint64)
    _fill_names(offsets, data, slots, hashes)
    return Names(slots, hashes, offsets, data, np.array([*takes, *(MARKER for _ in markers)], np.uint8))


def no_paths() -> Paths:
    """An empty table of paths."""
    table = np.zeros((_MOST_PATHS, 10), np.int64)
    table[:, STAMP] = -1
    hashes = np.zeros(_MOST_PATHS, np.uint64)
    hashes[0] = _OFFSET
    return Paths(table, hashes, np.zeros(_SLOTS, np.int64), np.empty(_STORE, np.uint8), np.array([1, 0], np.int64))


@numba.njit(cache=True, nogil=True)
def _fill_names(offsets: Longs, data: Bytes, slots: Longs, hashes: NDArray[np.uint64]) -> None:
    for name in range(hashes.size):
        value = _OFFSET
        for at in range(offsets[name], offsets[name + 1]):
            value = (value ^ np.uint64(data[at])) * _PRIME
        hashes[name] = value
        slot = mix64(value) & np.uint64(slots.size - 1)
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & np.uint64(slots.size - 1)
        slots[slot] = name + 1


@numba.njit(cache=True, nogil=True, inline="always")
def is_key(data: Bytes, at: int, table: Longs, store: Bytes, path: int) -> bool:
    """Whether the key of a path stands at ``at``, with its closing quote."""
    size, start = table[np.uintp(path), SIZE], table[np.uintp(path), KEY]
    if data[np.uintp(at + size)] != QUOTE:
        return False
    same = 0
    while same < size and data[np.uintp(at + same)] == store[np.uintp(start + same)]:
        same += 1
    return same == size


@numba.njit(cache=True, nogil=True)
def find_path(data: Bytes, at: int, classes: Bytes, parent: int, names: Names, paths: Paths) -> int:
    """Path of the key at ``at`` in ``parent``, added if new; -1 if the key is unusual or there is no room."""
    end, value, high = at, paths.hashes[parent], False
    if parent > 0:
        value = (value ^ _DOT) * _PRIME
    while classes[data[np.uintp(end)]] != ENDS:
        kind = classes[data[np.uintp(end)]]
        if kind in (ESCAPES, CONTROLS):
            return -1
        high |= kind == FOREIGN
        value = (value ^ np.uint64(data[np.uintp(end)])) * _PRIME
        end += 1
    mask = np.uint64(paths.slots.size - 1)
    slot = mix64(value) & mask
    same = 0
    while paths.slots[slot] != 0:
        path = paths.slots[slot]
        if paths.hashes[path] == value:
            inside = paths.table[path, PARENT] == parent and paths.table[path, SIZE] == end - at
            if inside and is_key(data, at, paths.table, paths.store, path):
                return path
            if same == 0 and _is_text(data, at, end, parent, path, paths):
                same = paths.table[path, SAME]
        slot = (slot + np.uint64(1)) & mask
    path = _add_path(data, at, end, parent, value, names, paths)
    if path > 0:
        paths.slots[slot] = path
        paths.table[path, HIGH_KEY] = high
        paths.table[path, SAME] = same if same > 0 else path
    return path


@numba.njit(cache=True, nogil=True)
def _is_text(data: Bytes, at: int, end: int, parent: int, path: int, paths: Paths) -> bool:
    """Whether a path has the dotted text that the key at ``at`` in ``parent`` would have."""
    table, store = paths.table, paths.store
    lead = table[parent, LENGTH] + 1 if parent > 0 else 0
    start = table[path, TEXT]
    if table[path, LENGTH] != lead + end - at:
        return False
    same = lead == 0 or store[start + lead - 1] == DOT
    for i in range(lead - 1):
        same &= store[start + i] == store[table[parent, TEXT] + i]
    for i in range(end - at):
        same &= store[start + lead + i] == data[at + i]
    return same


@numba.njit(cache=True, nogil=True)
def _add_path(data: Bytes, at: int, end: int, parent: int, value: np.uint64, names: Names, paths: Paths) -> int:
    table, store = paths.table, paths.store
    path, start = paths.used[0], paths.used[1]
    lead = table[parent, LENGTH] + 1 if parent > 0 else 0
    if path >= table.shape[0] or start + lead + end - at > store.size:
        return -1
    for i in range(lead - 1):
        store[start + i] = store[table[parent, TEXT] + i]
    if lead > 0:
        store[start + lead - 1] = DOT
    for i in range(end - at):
        store[start + lead + i] = data[at + i]
    table[path, KEY], table[path, SIZE] = start + lead, end - at
    table[path, TEXT], table[path, LENGTH] = start, lead + end - at
    table[path, PARENT] = parent
    table[path, NAME] = _find_name(value, store, start, lead + end - at, names)
    paths.hashes[path] = value
    paths.used[0], paths.used[1] = path + 1, start + lead + end - at
    return path


@numba.njit(cache=True, nogil=True)
def _find_name(value: np.uint64, store: Bytes, start: int, size: int, names: Names) -> int:
    """Number of a known name, -1 if the text is none; bytes are compared, for hashes can be forged."""
    mask = np.uint64(names.slots.size - 1)
    slot = mix64(value) & mask
    while names.slots[slot] != 0:
        name = names.slots[slot] - 1
        at = names.offsets[name]
        if names.hashes[name] == value and names.offsets[name + 1] - at == size:
            same = True
            for i in range(size):
                same &= store[start + i] == names.data[at + i]
            if same:
                return name
        slot = (slot + np.uint64(1)) & mask
    return -1
