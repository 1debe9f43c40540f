"""One pass over a block of NDJSON: known fields found, strings delimited, the rest copied; compiled.

A line is taken here only where its meaning is beyond doubt. Anything unusual (escaped keys, repeated keys,
exotic numbers, objects inside arrays, bytes that are no UTF-8, damage) marks the line as slow, and the
careful path reads it: :mod:`rarebit.source.cells`. Both give the same cells.
"""

# mypy: disable-error-code="untyped-decorator,no-any-return,assignment,return-value"

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.source.json_bytes import (
    BLANKS,
    BYTE_CLASSES,
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    LOWER_N,
    MINUS,
    NEWLINE,
    NINE,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    ZERO,
)
from rarebit.source.json_parts import HIGH, blank, copy_json, count_lines, is_utf8, literal, number, string
from rarebit.source.json_paths import (
    HIGH_KEY,
    LENGTH,
    MARKER,
    NAME,
    NEXT_PATH,
    PARENT,
    SAME,
    SCALAR,
    SIZE,
    STAMP,
    TEXT,
    Names,
    Paths,
    find_path,
    is_key,
    no_paths,
)

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

FAST: Final = 0
SLOW: Final = 1
_FULL: Final = 2

NEXT: Final = 8
"""Flag of a token that continues the list begun by the token before it."""

_DEPTH: Final = 32


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


def scan(block: Bytes, names: Names, max_line_bytes: int) -> Marks:
    """Find rows and values in a block of whole lines whose last byte is a newline."""
    size = block.size
    lines = int(count_lines(block))
    longs = np.zeros((4, lines), np.int64)
    status = np.zeros(lines, np.uint8)
    tokens = np.empty((max(1024, size // 16), 5), np.int32)
    rest = np.empty(size + size // 2 + 4096, np.uint8)
    state, stack = np.zeros(4, np.int64), np.zeros(_DEPTH, np.int64)
    rows, used, rest_size, consumed, line = _scan(
        block, BYTE_CLASSES, names, no_paths(), max_line_bytes, longs, status, tokens, rest, state, stack
    )
    return Marks(
        longs[0, :rows],
        longs[1, :rows],
        longs[2, :rows],
        status[:rows],
        tokens[:used],
        rest[:rest_size],
        longs[3, :rows],
        consumed,
        line,
    )


@numba.njit(cache=True, nogil=True, _nrt=False)
def _scan(  # noqa: PLR0917 - arrays taken from tuples in a loop cost a reference count each
    data: Bytes,
    classes: Bytes,
    names: Names,
    paths: Paths,
    max_line: int,
    longs: Longs,
    status: Bytes,
    tokens: NDArray[np.int32],
    rest: Bytes,
    state: Longs,
    stack: Longs,
) -> tuple[int, int, int, int, int]:
    rows, used, rest_at, at, line = 0, 0, 0, 0, 0
    while at < data.size:
        start = blank(data, at)
        end = start
        if data[np.uintp(start)] != NEWLINE:
            state[0], state[1], state[2], state[3] = used, rest_at, 0, start
            verdict = _record(data, start, classes, names, paths, rows, tokens, rest, state, stack)
            stop = state[3]
            if verdict == FAST and (stop - start > max_line or (state[2] and not is_utf8(data, start, stop))):
                verdict = SLOW
            if verdict == _FULL:
                if rows > 0:
                    break
                verdict = SLOW
            if verdict == FAST:
                end = blank(data, stop)
            else:
                end, stop = _line_end(data, start)
            if verdict == FAST:
                used, rest_at = state[0], state[1]
            longs[0, rows], longs[1, rows], longs[2, rows], longs[3, rows] = start, stop, line, rest_at
            status[rows] = verdict
            rows += 1
        line += 1
        at = end + 1
    return rows, used, rest_at, at, line


@numba.njit(cache=True, nogil=True, _nrt=False)
def _line_end(data: Bytes, at: int) -> tuple[int, int]:
    """Where a line ends, and where its last byte that is not blank does."""
    end = at
    while data[np.uintp(end)] != NEWLINE:
        end += 1
    stop = end
    while stop > at and data[np.uintp(stop - 1)] in BLANKS:
        stop -= 1
    return end, stop


@numba.njit(cache=True, nogil=True, _nrt=False)
def _record(  # noqa: C901, PLR0911, PLR0912, PLR0915, PLR0917 - one loop over bytes; calls and tuples of arrays cost more than it does
    data: Bytes,
    at: int,
    classes: Bytes,
    names: Names,
    paths: Paths,
    row: int,
    tokens: NDArray[np.int32],
    rest: Bytes,
    state: Longs,
    stack: Longs,
) -> int:
    """One line; ``state``: tokens used, end of the rest, whether bytes above 127 were seen, end of the record."""
    if data[np.uintp(at)] != OPEN_OBJECT:
        return SLOW
    table, store = paths.table, paths.store
    parent, last, depth, first, began = 0, 0, 0, True, state[1]
    at = blank(data, at + 1)
    while True:
        if data[np.uintp(at)] == CLOSE_OBJECT:
            depth -= 1
            if depth < 0:
                break
            at, first = blank(data, at + 1), False
            parent = stack[depth]
            continue
        if not first:
            if data[np.uintp(at)] != COMMA:
                return SLOW
            at = blank(data, at + 1)
        if data[np.uintp(at)] != QUOTE:
            return SLOW
        at += 1
        path = table[np.uintp(last), NEXT_PATH]
        if path == 0 or table[np.uintp(path), PARENT] != parent or not is_key(data, at, table, store, path):
            path = find_path(data, at, classes, parent, names, paths)
            if path < 0:
                return SLOW
            table[np.uintp(last), NEXT_PATH] = path
        last = path
        same = table[np.uintp(path), SAME]
        if table[np.uintp(same), STAMP] == row:
            return SLOW
        table[np.uintp(same), STAMP] = row
        state[2] |= table[np.uintp(path), HIGH_KEY]
        at = blank(data, at + table[np.uintp(path), SIZE] + 1)
        if data[np.uintp(at)] != COLON:
            return SLOW
        name = table[np.uintp(path), NAME]
        if name >= 0 and names.takes[np.uintp(name)] == MARKER:
            return SLOW
        at = blank(data, at + 1)
        if data[np.uintp(at)] == OPEN_OBJECT:
            if depth + 1 >= _DEPTH:
                return SLOW
            stack[depth] = parent
            depth, parent = depth + 1, path
            at, first = blank(data, at + 1), True
            continue
        if data[np.uintp(at)] == OPEN_LIST:
            if name >= 0:
                at = _list_to_cell(data, at, classes, names.takes[name], row, name, tokens, state)
            else:
                at = _list_to_rest(data, at, classes, path, paths, rest, state, began)
            if at < 0:
                return -at
            at, first = blank(data, at), False
            continue
        start, end, flags, after = _value(data, at, classes)
        if after < 0:
            return SLOW
        state[2] |= flags & HIGH
        if end > start and (start > at or data[np.uintp(at)] != LOWER_N):
            if name >= 0:
                if not _put(tokens, state, row, name, start, end, flags):
                    return _FULL
            elif not _to_rest(data, start, end, flags, start > at, path, paths, rest, state, began):
                return _FULL
        at, first = blank(data, after), False
    if state[1] > began:
        rest[np.uintp(state[1])] = CLOSE_OBJECT
        state[1] += 1
    state[3] = at + 1
    return FAST if data[np.uintp(blank(data, at + 1))] == NEWLINE else SLOW


@numba.njit(cache=True, nogil=True, _nrt=False, inline="always")
def _value(data: Bytes, at: int, classes: Bytes) -> tuple[int, int, int, int]:
    """Start, end, flags and place after a scalar; the place is -1 where the careful path must look."""
    if data[np.uintp(at)] == QUOTE:
        end, flags = string(data, at + 1, classes)
        return at + 1, end, flags, end + 1 if end >= 0 else -1
    numeric = data[np.uintp(at)] == MINUS or ZERO <= data[np.uintp(at)] <= NINE
    end = number(data, at) if numeric else literal(data, at)
    return at, end, 0, end


@numba.njit(cache=True, nogil=True, _nrt=False, inline="always")
def _put(tokens: NDArray[np.int32], state: Longs, row: int, name: int, start: int, end: int, flags: int) -> bool:
    used = np.uintp(state[0])
    if used >= np.uintp(tokens.shape[0]):
        return False
    tokens[used, 0], tokens[used, 1] = row, name
    tokens[used, 2], tokens[used, 3], tokens[used, 4] = start, end, flags
    state[0] += 1
    return True


@numba.njit(cache=True, nogil=True, _nrt=False)
def _element(data: Bytes, at: int, classes: Bytes) -> tuple[int, int, int, int]:
    return _value(data, at, classes)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _list_to_cell(
    data: Bytes, at: int, classes: Bytes, takes: int, row: int, name: int, tokens: NDArray[np.int32], state: Longs
) -> int:
    """Tokens of a list under a known name; the place after it, or minus the verdict."""
    count = 0
    at = blank(data, at + 1)
    while data[np.uintp(at)] != CLOSE_LIST:
        if count > 0:
            if data[np.uintp(at)] != COMMA:
                return -SLOW
            at = blank(data, at + 1)
        start, end, flags, after = _element(data, at, classes)
        if (
            after < 0
            or start >= end
            or (start == at and data[np.uintp(at)] == LOWER_N)
            or (count > 0 and takes == SCALAR)
        ):
            return -SLOW
        state[2] |= flags & HIGH
        if not _put(tokens, state, row, name, start, end, flags | (NEXT if count > 0 else 0)):
            return -_FULL
        count += 1
        at = blank(data, after)
    return at + 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _name_in_rest(path: int, paths: Paths, rest: Bytes, state: Longs, began: int) -> int:
    """Write ``,"path":`` at the end of the rest; where it ends, -1 if there is no room."""
    to, size, start = state[1], paths.table[path, LENGTH], paths.table[path, TEXT]
    if to + size + 8 > rest.size:
        return -1
    rest[np.uintp(to)] = COMMA if to > began else OPEN_OBJECT
    rest[np.uintp(to + 1)] = QUOTE
    for i in range(size):
        rest[np.uintp(to + 2 + i)] = paths.store[np.uintp(start + i)]
    to += size + 2
    rest[np.uintp(to)], rest[np.uintp(to + 1)] = QUOTE, COLON
    return to + 2


@numba.njit(cache=True, nogil=True, _nrt=False)
def _to_rest(  # noqa: PLR0917 - arrays taken from tuples in a loop cost a reference count each
    data: Bytes,
    start: int,
    end: int,
    flags: int,
    quoted: bool,
    path: int,
    paths: Paths,
    rest: Bytes,
    state: Longs,
    began: int,
) -> bool:
    """Copy one member to the rest in the form of a JSON writer; False if there is no room."""
    to = _name_in_rest(path, paths, rest, state, began)
    if to >= 0:
        to = copy_json(data, start, end, flags, quoted, rest, to)
    if to >= 0:
        state[1] = to
    return to >= 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def _list_to_rest(
    data: Bytes, at: int, classes: Bytes, path: int, paths: Paths, rest: Bytes, state: Longs, began: int
) -> int:
    """Copy a list to the rest; the place after it, or minus the verdict."""
    to = _name_in_rest(path, paths, rest, state, began)
    if to < 0:
        return -_FULL
    rest[np.uintp(to)] = OPEN_LIST
    to += 1
    first = True
    at = blank(data, at + 1)
    while data[np.uintp(at)] != CLOSE_LIST:
        if not first:
            if data[np.uintp(at)] != COMMA:
                return -SLOW
            at = blank(data, at + 1)
            rest[np.uintp(to)] = COMMA
            to += 1
        start, end, flags, after = _element(data, at, classes)
        if after < 0:
            return -SLOW
        state[2] |= flags & HIGH
        to = copy_json(data, start, end, flags, start > at, rest, to)
        if to < 0:
            return -_FULL
        at, first = blank(data, after), False
    rest[np.uintp(to)] = CLOSE_LIST
    state[1] = to + 1
    return at + 1
