"""The Arrow form of an event: the contract between readers, lake, queries and detectors."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from rarebit.core.fields import CODED, DAY, FIELDS, ID_CODE, NORMAL, REST, SOURCE, Kind

ARROW: Final[dict[Kind, pa.DataType]] = {
    Kind.KEYWORD: pa.string(),
    Kind.SET: pa.string(),
    Kind.LIST: pa.list_(pa.string()),
    Kind.IP: pa.string(),
    Kind.LONG: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.timestamp("us", tz="UTC"),
}

EVENT_SCHEMA: Final[pa.Schema] = pa.schema(
    [
        *(pa.field(name, ARROW[kind]) for name, kind in FIELDS.items()),
        *(pa.field(name, pa.string()) for name in NORMAL.values()),
        pa.field(REST, pa.string()),
        pa.field(SOURCE, pa.string()),
        pa.field(ID_CODE, pa.int64()),
        *(pa.field(name, pa.int64()) for name in CODED.values()),
        pa.field(DAY, pa.string()),
    ]
)
"""What every reader yields and the lake keeps. All columns are present; absent values are null (codes: 0)."""


def kind_of(field: str) -> Kind:
    """Kind of a field; fields without a column, and our own text columns, compare as keywords."""
    if field in FIELDS:
        return FIELDS[field]
    if field == ID_CODE or field in CODED.values():
        return Kind.LONG
    return Kind.KEYWORD


def has_column(field: str) -> bool:
    """Whether the field has a column of its own in :data:`EVENT_SCHEMA`."""
    return field in _COLUMNS


_COLUMNS: Final = frozenset(EVENT_SCHEMA.names)
