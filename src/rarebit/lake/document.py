"""Events as people and other tools read them: nested ECS documents."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pyarrow as pa

from rarebit.core.fields import DAY, REST, Kind
from rarebit.core.schema import kind_of
from rarebit.core.time import iso

_INTERNAL: Final = ("rarebit.code.", "rarebit.lake.")

Document = dict[str, Any]


def documents(table: pa.Table) -> list[Document]:
    """Rows as nested ECS documents.

    Dotted names become objects, sets lists when they hold several words, times ISO 8601 in UTC; the fields
    without a column are put back among the others; nulls and internal columns are left out. Where a name is
    both a value and an object, what is below it keeps its dotted name beside the value, so nothing is lost.

    Parameters
    ----------
    table : Table
        Columns of the event schema, any of them.
    """
    rows: list[Document] = [{} for _ in range(table.num_rows)]
    for name in table.column_names:
        if name in (DAY, REST) or name.startswith(_INTERNAL) or table.column(name).null_count == table.num_rows:
            continue
        for row, value in zip(rows, _values(name, table.column(name)), strict=True):
            if value is not None:
                row[name] = value
    if REST in table.column_names:
        for row, text in zip(rows, table.column(REST).to_pylist(), strict=True):
            if text:
                row.update(_rest(text, row))
    return [_nest(row) for row in rows]


def _values(name: str, column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        moments = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
        return [None if moment is None else iso(moment) for moment in moments]
    values: list[Any] = column.to_pylist()
    if kind_of(name) is Kind.SET:
        return [value.split(",") if isinstance(value, str) and "," in value else value for value in values]
    return values


def _rest(text: str, row: Document) -> Document:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {REST: text}
    if not isinstance(fields, dict):
        return {REST: fields}
    return {name: value for name, value in fields.items() if name not in row}


def _nest(row: Document) -> Document:
    nested: Document = {}
    for name in sorted(row):
        at, parts = nested, name.split(".")
        for depth, part in enumerate(parts[:-1]):
            inner = at.setdefault(part, {})
            if not isinstance(inner, dict):
                at[".".join(parts[depth:])] = row[name]
                break
            at = inner
        else:
            at[parts[-1]] = row[name]
    return nested
