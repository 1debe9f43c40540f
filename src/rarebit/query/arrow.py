"""Queries as masks over Arrow tables.

The mask comes from the same condition that the lake is asked with, run by DuckDB over the table's own memory, so
a stream and the lake cannot disagree about an event.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from rarebit.core.schema import EVENT_SCHEMA
from rarebit.query.columns import columns_of
from rarebit.query.sql import to_sql
from rarebit.query.tree import Node

_LOCAL = threading.local()


def to_mask(node: Node, table: pa.Table, *, now_us: int | None = None) -> pa.BooleanArray:
    """Which rows of a table a query asks for.

    Parameters
    ----------
    node : Node
        The query.
    table : pa.Table
        Events; of the columns of ``EVENT_SCHEMA`` those that are missing count as null.
    now_us : int, optional
        What ``now`` means in date math, in microseconds since 1970; the present if not given.

    Returns
    -------
    pa.BooleanArray
        One value a row, none null.

    Raises
    ------
    QueryError
        If the query is too large, a value is not of its field's type, or a pattern cannot be compiled.
    """
    return to_masks([node], table, now_us=now_us)[0]


def to_masks(nodes: Sequence[Node], table: pa.Table, *, now_us: int | None = None) -> list[pa.BooleanArray]:
    """Masks of many queries over one table in one pass, which costs less than one pass each.

    See :func:`to_mask`.
    """
    conditions = [to_sql(node, now_us=now_us) for node in nodes]
    if not conditions or table.num_rows == 0:
        return [pa.array([], pa.bool_()) for _ in conditions]
    names = sorted(frozenset().union(*(columns_of(node) for node in nodes)))
    columns = {name: _column(table, name) for name in names}
    view = pa.table(columns or {"row": pa.nulls(table.num_rows, pa.bool_())})
    listed = ", ".join(f"({condition}) AS m{at}" for at, condition in enumerate(conditions))
    result = _connection().from_arrow(view).project(listed).to_arrow_table()
    return [_whole(result.column(at)) for at in range(len(conditions))]


def _column(table: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    if name in table.column_names:
        return table.column(name)
    return pa.nulls(table.num_rows, EVENT_SCHEMA.field(name).type)


def _whole(column: pa.ChunkedArray) -> pa.BooleanArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _connection() -> duckdb.DuckDBPyConnection:
    """Connection of this thread; one costs ten milliseconds to open, and serves one thread."""
    if not hasattr(_LOCAL, "connection"):
        _LOCAL.connection = duckdb.connect(config={"threads": 1})
    connection: duckdb.DuckDBPyConnection = _LOCAL.connection
    return connection
