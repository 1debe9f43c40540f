"""Where a field is found in an event, and how it compares."""

from __future__ import annotations

import json
from typing import Final

import msgspec

from rarebit.core.fields import REST, Kind
from rarebit.core.schema import has_column, kind_of
from rarebit.query import literal
from rarebit.query.tree import Node, fields_of

ANALYSED: Final = frozenset({"message", "process.command_line"})
"""Fields whose ``match`` and ``match_phrase`` look for words; so does ``.text`` behind any keyword's name."""
ADDRESSES: Final = frozenset({"host.ip", "dns.resolved_ip"})
"""Lists whose elements are addresses."""


class Column(msgspec.Struct, frozen=True):
    """Where a field is found, and how it compares."""

    name: str
    kind: Kind
    analysed: bool = False
    caseless: bool = False


def column_of(field: str) -> Column | None:
    """Column of a field, or None if it lies in the JSON column.

    ``.text``, ``.keyword`` and ``.caseless`` behind a keyword's name are Elastic's multi-fields of it.
    """
    if has_column(field):
        return Column(field, kind_of(field), analysed=field in ANALYSED)
    base, _, suffix = field.rpartition(".")
    if suffix in {"text", "keyword", "caseless"} and has_column(base) and kind_of(base) is Kind.KEYWORD:
        return Column(base, Kind.KEYWORD, analysed=suffix == "text", caseless=suffix == "caseless")
    return None


def columns_of(node: Node) -> frozenset[str]:
    """Columns of the event schema that the condition reads."""
    found = (column_of(field) for field in fields_of(node))
    return frozenset(REST if column is None else column.name for column in found)


def text_sql(name: str) -> str:
    """SQL for the text of any field; several values are joined by a comma, as Elastic does for its jobs."""
    if not has_column(name):
        path = literal.string("/" + name.replace("~", "~0").replace("/", "~1"))
        return f"TRY(json_extract_string({literal.identifier(REST)}, {path}))"
    column = literal.identifier(name)
    if kind_of(name) == Kind.LIST:
        return f"array_to_string({column}, ',')"
    return column if kind_of(name) in _TEXTS else f"CAST({column} AS VARCHAR)"


_TEXTS: Final = frozenset({Kind.KEYWORD, Kind.SET, Kind.IP})


def number_sql(name: str) -> str:
    """SQL for any field as a number; NULL where it is absent or no number, and "12" is one."""
    if kind_of(name) in _NUMERIC:
        return f"CAST({literal.identifier(name)} AS DOUBLE)"
    number = f"TRY_CAST({text_sql(name)} AS DOUBLE)"
    if has_column(name):
        return number
    # Finding the name in the text costs far less than reading the JSON of events that have it not.
    key = literal.string(json.dumps(name, ensure_ascii=False))
    return f"CASE WHEN contains({literal.identifier(REST)}, {key}) THEN {number} END"


_NUMERIC: Final = frozenset({Kind.LONG, Kind.DOUBLE})
