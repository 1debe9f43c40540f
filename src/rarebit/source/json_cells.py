"""Blocks of NDJSON to cells: the compiled scan where a line is plain, the careful path where it is not."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Final

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.fields import REST
from rarebit.source.cells import Cells, Spans
from rarebit.source.json_parts import ESCAPED, copy_plain, copy_text
from rarebit.source.json_paths import LIST, name_table
from rarebit.source.json_scan import FAST, NEXT, SLOW, Marks, scan
from rarebit.source.normalise import KNOWN
from rarebit.source.shapes import SHAPE_KEYS

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

NAMES: Final = name_table(KNOWN, SHAPE_KEYS)
_FIELDS: Final = tuple(KNOWN)


class Block:
    """A scanned block: the cells of its plain lines, and where its other lines are.

    Parameters
    ----------
    data : uint8[n]
        Whole lines; the last byte is a newline.
    max_line_bytes : int
    first_line : int
        Number of the first line.
    """

    def __init__(self, data: Bytes, max_line_bytes: int, first_line: int) -> None:
        self.data = data
        self.marks = scan(data, NAMES, max_line_bytes)
        self._first_line = first_line
        self.slow = np.flatnonzero(self.marks.status == SLOW)

    @property
    def rows(self) -> int:
        """Lines that are not blank."""
        return int(self.marks.status.size)

    def line_number(self, row: int) -> int:
        """Number of the line of a row, from 1."""
        return self._first_line + int(self.marks.lines[row])

    def raw(self, row: int) -> bytes:
        """Bytes of a row."""
        return self.data[self.marks.starts[row] : self.marks.ends[row]].tobytes()

    def spans(self, rows: NDArray[np.int64]) -> Spans:
        """Bytes of rows, as spans of the block."""
        return Spans(self.data, self.marks.starts[rows], self.marks.ends[rows])

    def fast_columns(self) -> tuple[NDArray[np.int64], dict[str, pa.Array]]:
        """Rows that are plain, and their columns, the rest among them."""
        fast = np.flatnonzero(self.marks.status == FAST)
        columns = _columns(self.data, self.marks, fast)
        columns[REST] = _rest(self.marks, fast)
        return fast, columns


def join_rows(
    block: Block, fast: NDArray[np.int64], columns: dict[str, pa.Array], slow: Cells | None, kept: NDArray[np.int64]
) -> Cells:
    """Cells of a block in the order of its lines, from the plain rows and the carefully read ones.

    Parameters
    ----------
    fast, columns
        As :meth:`Block.fast_columns` gives them.
    slow : Cells, optional
        The carefully read rows.
    kept : int64[m]
        Which rows of the block those are.
    """
    rest = columns.pop(REST)
    rows = fast
    if slow is not None:
        order = pa.array(np.argsort(np.concatenate((fast, kept)), kind="stable"))
        rows = np.sort(np.concatenate((fast, kept)))
        rest = pa.concat_arrays([rest, slow.rest]).take(order)
        names = dict.fromkeys((*columns, *slow.columns))
        columns = {
            name: _joined(columns.get(name), slow.columns.get(name), fast.size, kept.size).take(order) for name in names
        }
    spans = block.spans(rows)
    return Cells(rows.size, columns, rest, spans.raw, lambda row: f"line {block.line_number(int(rows[row]))}", spans)


def _joined(first: pa.Array | None, second: pa.Array | None, first_size: int, second_size: int) -> pa.Array:
    return pa.concat_arrays(
        [
            pa.nulls(first_size, pa.string()) if first is None else first,
            pa.nulls(second_size, pa.string()) if second is None else second,
        ]
    )


def _columns(data: Bytes, marks: Marks, fast: NDArray[np.int64]) -> dict[str, pa.Array]:
    """String columns of the names that occur, over the plain rows only."""
    tokens = marks.tokens
    if not tokens.size or not fast.size:
        return {}
    bytes_of = np.zeros(len(_FIELDS), np.int64)
    _measure(tokens, bytes_of)
    present = np.flatnonzero(bytes_of)
    column_of = np.full(len(_FIELDS), -1, np.int64)
    column_of[present] = np.arange(present.size)
    bases = np.concatenate((np.zeros(1, np.int64), np.cumsum(bytes_of[present])))
    out = np.empty(int(bases[-1]), np.uint8)
    offsets = np.zeros((present.size, fast.size + 1), np.int32)
    valid = np.zeros((present.size, fast.size), np.bool_)
    position = np.full(marks.status.size, -1, np.int64)
    position[fast] = np.arange(fast.size)
    filled, ends = np.zeros(present.size, np.int64), bases[:-1].copy()
    _spread(data, tokens, NAMES.takes, position, column_of, bases, out, offsets, valid, filled, ends)
    return {
        _FIELDS[name]: _string_array(out[bases[at] : bases[at + 1]], offsets[at], valid[at])
        for at, name in enumerate(present.tolist())
    }


def _string_array(data: Bytes, offsets: NDArray[np.int32], valid: NDArray[np.bool_]) -> pa.Array:
    nulls = int(valid.size - np.count_nonzero(valid))
    bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    return pa.Array.from_buffers(
        pa.string(), valid.size, [bits, pa.py_buffer(offsets), pa.py_buffer(data)], null_count=nulls
    )


def _rest(marks: Marks, fast: NDArray[np.int64]) -> pa.Array:
    ends = marks.rest_ends[fast]
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if fast.size else ends
    offsets = np.concatenate((np.zeros(1, np.int64), ends)).astype(np.int32)
    return _string_array(marks.rest.copy(), offsets, ends > starts)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _measure(tokens: NDArray[np.int32], bytes_of: Longs) -> None:
    for at in range(tokens.shape[0]):
        bytes_of[tokens[at, 1]] += tokens[at, 3] - tokens[at, 2] + 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _spread(  # noqa: PLR0917 - arrays taken from tuples in a loop cost a reference count each
    data: Bytes,
    tokens: NDArray[np.int32],
    takes: Bytes,
    position: Longs,
    column_of: Longs,
    bases: Longs,
    out: Bytes,
    offsets: NDArray[np.int32],
    valid: NDArray[np.bool_],
    filled: Longs,
    ends: Longs,
) -> None:
    """Copy each value to its column; a row without a value gets an empty, null cell.

    ``filled`` and ``ends`` follow each column: its rows and its bytes so far.
    """
    for at in range(tokens.shape[0]):
        name = tokens[at, 1]
        row, column, flags = position[tokens[at, 0]], column_of[name], tokens[at, 4]
        to = ends[column]
        for gap in range(filled[column], row):
            offsets[column, gap + 1] = to - bases[column]
        if flags & NEXT:
            out[np.uintp(to)] = 31 if takes[name] == LIST else 44
            to += 1
        start, end = tokens[at, 2], tokens[at, 3]
        to = copy_text(data, start, end, out, to) if flags & ESCAPED else copy_plain(data, start, end, out, to)
        ends[column] = to
        offsets[column, row + 1] = to - bases[column]
        filled[column] = row + 1
        valid[column, row] = True
    for column in range(offsets.shape[0]):
        for gap in range(filled[column], offsets.shape[1] - 1):
            offsets[column, gap + 1] = ends[column] - bases[column]
