"""One pass over a block of NDJSON: known fields found, strings delimited, the rest copied; compiled.

A line is taken here only where its meaning is beyond doubt. Anything unusual (escaped keys, repeated keys,
exotic numbers, objects inside arrays, bytes that are no UTF-8, damage) marks the line as slow, and the
careful path reads it: :mod:`rarebit.source.cells`. Both give the same cells.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.core.fields import Kind
from rarebit.maths.hashing import mix64
from rarebit.source.json_parts import BYTE_CLASSES, HIGH, blank, copy_json, is_utf8, literal, number, string

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

SCALAR: Final = 0
LIST: Final = 1
SET: Final = 2
MARKER: Final = 3
"""What a known name takes: one value, a list, a set of words; or it marks a record of another shape."""

FAST: Final = 0
SLOW: Final = 1
_FULL: Final = 2

NEXT: Final = 8
"""Flag of a token that continues the list begun by the token before it."""

_DEPTH: Final = 32
_PATH: Final = 1024
_SLOTS: Final = 1024
_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)


class Names(NamedTuple):
    """Known names as an open-addressing table over hashes of their bytes."""

    slots: Longs
    """Number of the name + 1 by slot, 0 where free."""
    hashes: NDArray[np.uint64]
    offsets: Longs
    data: Bytes
    takes: NDArray[np.uint8]


class Marks(NamedTuple):
    """What a scan found: rows (lines that are not blank), tokens (values of known names) and the rest."""

    starts: Longs
    ends: Longs
    lines: Longs
    """Line number of each row within the block, from 0."""
    status: NDArray[np.uint8]
    tokens: NDArray[np.int32]
    """row, name, start, end, flags of each value; int32[n, 5]."""
    rest: Bytes
    rest_ends: Longs
    """Where the rest of each row ends in ``rest``; it starts where that of the row before ends."""
    consumed: int
    """Bytes of the block that were scanned: whole lines."""
    line_count: int


def name_table(kinds: dict[str, Kind], markers: tuple[str, ...]) -> Names:
    """Table of known names; ``markers`` follow them, and make a line slow."""
    names = [*kinds, *markers]
    takes = [{Kind.LIST: LIST, Kind.SET: SET}.get(kind, SCALAR) for kind in kinds.values()]
    encoded = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    slots, hashes = np.zeros(4096, np.int64), np.zeros(len(names), np.uint64)
    _fill_table(offsets, data, slots, hashes)
    return Names(slots, hashes, offsets, data, np.array([*takes, *(MARKER for _ in markers)], np.uint8))


@numba.njit(cache=True, nogil=True)
def _fill_table(offsets: Longs, data: Bytes, slots: Longs, hashes: NDArray[np.uint64]) -> None:
    for name in range(hashes.size):
        value = _OFFSET
        for at in range(offsets[name], offsets[name + 1]):
            value = (value ^ np.uint64(data[np.uintp(at)])) * _PRIME
        hashes[name] = value
        slot = mix64(value) & np.uint64(slots.size - 1)
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & np.uint64(slots.size - 1)
        slots[slot] = name + 1


def scan(block: Bytes, names: Names, max_line_bytes: int) -> Marks:
    """Find rows and values in a block of whole lines whose last byte is a newline."""
    size = block.size
    lines = int(_count_lines(block))
    longs = np.zeros((4, lines), np.int64)
    status = np.zeros(lines, np.uint8)
    tokens = np.empty((max(1024, size // 16), 5), np.int32)
    rest = np.empty(size + size // 2 + 4096, np.uint8)
    rows, used, rest_size, consumed, line = _scan(
        block, BYTE_CLASSES, *names, max_line_bytes, longs, status, tokens, rest, np.zeros(_SLOTS, np.uint64),
        np.full(_SLOTS, -1, np.int64),
    )
    return Marks(
        longs[0, :rows], longs[1, :rows], longs[2, :rows], status[:rows], tokens[:used], rest[:rest_size],
        longs[3, :rows], consumed, line,
    )


@numba.njit(cache=True, nogil=True)
def _scan(  # type: ignore[no-untyped-def]
    data, classes, slots, hashes, offsets, names, takes, max_line, longs, status, tokens, rest, seen, stamps
):
    rows, used, rest_at, at, line = 0, 0, 0, 0, 0
    path = np.empty(_PATH, np.uint8)
    lengths = np.zeros(_DEPTH + 1, np.int64)
    values = np.zeros(_DEPTH + 1, np.uint64)
    state = np.zeros(3, np.int64)
    while at < data.size:
        end = at
        while data[np.uintp(end)] != 10:
            end += 1
        start, stop = _trim(data, at, end)
        if start < stop:
            state[0], state[1], state[2] = used, rest_at, 0
            verdict = SLOW
            if stop - start <= max_line:
                verdict = _record(
                    data, start, stop, classes, slots, hashes, offsets, names, takes, rows, tokens, rest, state,
                    path, lengths, values, seen, stamps,
                )
            if verdict == FAST and state[2] and not is_utf8(data, start, stop):
                verdict = SLOW
            if verdict == _FULL:
                if rows > 0:
                    break
                verdict = SLOW
            if verdict == FAST:
                used, rest_at = state[0], state[1]
            longs[0, rows], longs[1, rows], longs[2, rows], longs[3, rows] = start, stop, line, rest_at
            status[rows] = verdict
            rows += 1
        line += 1
        at = end + 1
    return rows, used, rest_at, at, line


@numba.njit(cache=True, nogil=True)
def _count_lines(data):  # type: ignore[no-untyped-def]
    lines = 0
    for byte in data:
        lines += byte == 10
    return lines


@numba.njit(cache=True, nogil=True)
def _trim(data, start, end):  # type: ignore[no-untyped-def]
    while start < end and data[np.uintp(start)] in (32, 9, 13):
        start += 1
    while end > start and data[np.uintp(end - 1)] in (32, 9, 13):
        end -= 1
    return start, end


@numba.njit(cache=True, nogil=True)
def _record(  # type: ignore[no-untyped-def]
    data, at, stop, classes, slots, hashes, offsets, names, takes, row, tokens, rest, state, path, lengths, values,
    seen, stamps,
):
    """One line; ``state`` is tokens used, end of the rest, and whether bytes above 127 were seen."""
    if data[np.uintp(at)] != 123:
        return SLOW
    depth, first, began = 0, True, state[1]
    lengths[0], values[0] = 0, _OFFSET
    at = blank(data, at + 1)
    while True:
        if data[np.uintp(at)] == 125:
            at, first = blank(data, at + 1), False
            depth -= 1
            if depth < 0:
                break
            continue
        if not first:
            if data[np.uintp(at)] != 44:
                return SLOW
            at = blank(data, at + 1)
        if data[np.uintp(at)] != 34:
            return SLOW
        at, size, value = _key(data, at + 1, classes, path, lengths[depth], values[depth], state)
        if at < 0:
            return SLOW
        if not _mark(value, row, seen, stamps):
            return SLOW
        at = blank(data, at)
        if data[np.uintp(at)] != 58:
            return SLOW
        at = blank(data, at + 1)
        if data[np.uintp(at)] == 123:
            depth += 1
            if depth >= _DEPTH or size + 1 >= _PATH:
                return SLOW
            path[np.uintp(size)] = 46
            lengths[depth], values[depth] = size + 1, (value ^ np.uint64(46)) * _PRIME
            at, first = blank(data, at + 1), True
            continue
        name = _find(value, path, size, slots, hashes, offsets, names)
        if name >= 0 and takes[name] == MARKER:
            return SLOW
        if data[np.uintp(at)] == 91:
            if name >= 0:
                at = _list_to_cell(data, at, classes, takes[name], row, name, tokens, state)
            else:
                at = _list_to_rest(data, at, classes, path, size, rest, state, began)
            if at < 0:
                return -at
            at, first = blank(data, at), False
            continue
        start, end, flags, after = _value(data, at, classes)
        if after < 0:
            return SLOW
        if flags & HIGH:
            state[2] = 1
        if end > start and (start > at or data[np.uintp(at)] != 110):
            if name >= 0:
                if not _put(tokens, state, row, name, start, end, flags):
                    return _FULL
            elif not _to_rest(data, start, end, flags, start > at, path, size, rest, state, began):
                return _FULL
        at, first = blank(data, after), False
    if state[1] > began:
        rest[state[1]] = 125
        state[1] += 1
    return FAST if at >= stop and blank(data, stop) == at else SLOW


@numba.njit(cache=True, nogil=True, inline="always")
def _key(data, at, classes, path, size, value, state):  # type: ignore[no-untyped-def]
    """Append a key to the path; where it ends (−1 if it is unusual), the length and the hash of the path."""
    while True:
        c = data[np.uintp(at)]
        k = classes[c]
        if k == 1:
            return at + 1, size, value
        if k == 2 or k == 4 or size >= _PATH - 1:
            return -1, size, value
        if k == 3:
            state[2] = 1
        path[np.uintp(size)] = c
        size += 1
        value = (value ^ np.uint64(c)) * _PRIME
        at += 1


@numba.njit(cache=True, nogil=True, inline="always")
def _mark(value, row, seen, stamps):  # type: ignore[no-untyped-def]
    """Note a path of this row; False if it was there already, or if there are too many."""
    slot = mix64(value) & np.uint64(_SLOTS - 1)
    for _ in range(_SLOTS // 2):
        if stamps[slot] != row:
            stamps[slot], seen[slot] = row, value
            return True
        if seen[slot] == value:
            return False
        slot = (slot + np.uint64(1)) & np.uint64(_SLOTS - 1)
    return False


@numba.njit(cache=True, nogil=True, inline="always")
def _find(value, path, size, slots, hashes, offsets, names):  # type: ignore[no-untyped-def]
    """Number of a known name, −1 if the path is none; bytes are compared, hashes can be forged."""
    slot = mix64(value) & np.uint64(slots.size - 1)
    while slots[slot] != 0:
        name = slots[slot] - 1
        start = offsets[name]
        if hashes[name] == value and offsets[name + 1] - start == size:
            same = True
            for i in range(size):
                if path[np.uintp(i)] != names[np.uintp(start + i)]:
                    same = False
                    break
            if same:
                return name
        slot = (slot + np.uint64(1)) & np.uint64(slots.size - 1)
    return -1


@numba.njit(cache=True, nogil=True, inline="always")
def _value(data, at, classes):  # type: ignore[no-untyped-def]
    """Start, end, flags and place after a scalar; the place is −1 where the careful path must look."""
    if data[np.uintp(at)] == 34:
        end, flags = string(data, at + 1, classes)
        return at + 1, end, flags, end + 1 if end >= 0 else -1
    if data[np.uintp(at)] == 45 or 48 <= data[np.uintp(at)] <= 57:
        end = number(data, at)
    else:
        end = literal(data, at)
    return at, end, 0, end


@numba.njit(cache=True, nogil=True, inline="always")
def _put(tokens, state, row, name, start, end, flags):  # type: ignore[no-untyped-def]
    used = np.uintp(state[0])
    if used >= np.uintp(tokens.shape[0]):
        return False
    tokens[used, 0], tokens[used, 1] = row, name
    tokens[used, 2], tokens[used, 3], tokens[used, 4] = start, end, flags
    state[0] += 1
    return True


@numba.njit(cache=True, nogil=True)
def _element(data, at, classes):  # type: ignore[no-untyped-def]
    return _value(data, at, classes)


@numba.njit(cache=True, nogil=True)
def _list_to_cell(data, at, classes, takes, row, name, tokens, state):  # type: ignore[no-untyped-def]
    """Tokens of a list under a known name; the place after it, or minus the verdict."""
    count = 0
    at = blank(data, at + 1)
    while data[np.uintp(at)] != 93:
        if count > 0:
            if data[np.uintp(at)] != 44:
                return -SLOW
            at = blank(data, at + 1)
        start, end, flags, after = _element(data, at, classes)
        if after < 0 or start >= end or (start == at and data[np.uintp(at)] == 110) or (count > 0 and takes == SCALAR):
            return -SLOW
        if flags & HIGH:
            state[2] = 1
        if not _put(tokens, state, row, name, start, end, flags | (NEXT if count > 0 else 0)):
            return -_FULL
        count += 1
        at = blank(data, after)
    return at + 1


@numba.njit(cache=True, nogil=True)
def _name_in_rest(path, size, rest, state, began):  # type: ignore[no-untyped-def]
    """Write ``,"path":`` at the end of the rest; where it ends, −1 if there is no room."""
    to = state[1]
    if to + size + 8 > rest.size:
        return -1
    rest[np.uintp(to)] = 44 if to > began else 123
    rest[np.uintp(to + 1)] = 34
    for i in range(size):
        rest[np.uintp(to + 2 + i)] = path[np.uintp(i)]
    to += size + 2
    rest[np.uintp(to)], rest[np.uintp(to + 1)] = 34, 58
    return to + 2


@numba.njit(cache=True, nogil=True)
def _to_rest(data, start, end, flags, quoted, path, size, rest, state, began):  # type: ignore[no-untyped-def]
    """Copy one member to the rest in the form of a JSON writer; False if there is no room."""
    to = _name_in_rest(path, size, rest, state, began)
    if to >= 0:
        to = copy_json(data, start, end, flags, quoted, rest, to)
    if to >= 0:
        state[1] = to
    return to >= 0


@numba.njit(cache=True, nogil=True)
def _list_to_rest(data, at, classes, path, size, rest, state, began):  # type: ignore[no-untyped-def]
    """Copy a list to the rest; the place after it, or minus the verdict."""
    to = _name_in_rest(path, size, rest, state, began)
    if to < 0:
        return -_FULL
    rest[np.uintp(to)] = 91
    to += 1
    first = True
    at = blank(data, at + 1)
    while data[np.uintp(at)] != 93:
        if not first:
            if data[np.uintp(at)] != 44:
                return -SLOW
            at = blank(data, at + 1)
            rest[np.uintp(to)] = 44
            to += 1
        start, end, flags, after = _element(data, at, classes)
        if after < 0:
            return -SLOW
        if flags & HIGH:
            state[2] = 1
        to = copy_json(data, start, end, flags, start > at, rest, to)
        if to < 0:
            return -_FULL
        at, first = blank(data, after), False
    rest[np.uintp(to)] = 93
    state[1] = to + 1
    return at + 1
