"""How the rows of a file lie: in blocks of time, within a block by host.

Everything of one host lies together, so its timeline is read without the events of others; a block is small enough
to be put back into the order of time in memory. :data:`PLACE` says where a row belongs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.fields import CODED

PLACE: Final = "rarebit.lake.place"
"""Column of a row's place: a number drawn for its block, then its number in the block by time and id."""
_PLACE_BITS: Final = 18
BLOCK_ROWS: Final = 1 << _PLACE_BITS
"""Most rows of a block."""
_BLOCK_BITS: Final = 63 - _PLACE_BITS
_HOST_CODE: Final = CODED["host.name"]


def blocks(table: pa.Table, *, most: int = BLOCK_ROWS) -> Iterator[pa.Table]:
    """Rows in order of time and id as blocks of up to `most` rows: each by host, with the place of every row."""
    for start in range(0, table.num_rows, most):
        block = table.slice(start, most)
        rows = np.arange(block.num_rows)
        if _HOST_CODE in block.column_names:
            rows = np.argsort(block.column(_HOST_CODE).fill_null(0).to_numpy(), kind="stable")
            block = block.take(pa.array(rows))
        drawn = uuid4().int >> (128 - _BLOCK_BITS)
        yield block.append_column(PLACE, pa.array((drawn << _PLACE_BITS) + rows, pa.int64()))


def restored(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Rows of blocks, some left out, put back in order of time and id; without their places.

    Parameters
    ----------
    tables : iterable of Table
        Rows with :data:`PLACE` as they lie in files, blocks whole or cut anywhere.

    Yields
    ------
    Table
        The rows of one block or several, one after the other.
    """
    held: list[pa.Table] = []
    block = -1
    for table in tables:
        of = table.column(PLACE).to_numpy() >> _PLACE_BITS
        starts = np.flatnonzero(np.diff(of, prepend=block)).tolist()
        edges = [0, *(start for start in starts if start), table.num_rows]
        for begin, end in pairwise(edges):
            if end == begin:
                continue
            if held and of[begin] != block:
                yield _in_time(held)
                held = []
            block = int(of[begin])
            held.append(table.slice(begin, end - begin))
    if held:
        yield _in_time(held)


def _in_time(parts: list[pa.Table]) -> pa.Table:
    """Rows of one block in order of time and id."""
    table = pa.concat_tables(parts).combine_chunks() if len(parts) > 1 else parts[0].combine_chunks()
    place: NDArray[np.int64] = table.column(PLACE).to_numpy() & (BLOCK_ROWS - 1)
    table = table.drop_columns([PLACE])
    if np.all(place[1:] > place[:-1]):
        return table
    row_at = np.full(BLOCK_ROWS, -1, np.int32)
    row_at[place] = np.arange(place.size, dtype=np.int32)
    return table.take(pa.array(row_at[row_at >= 0]))
