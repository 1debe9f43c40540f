"""Where a field is found in an event, and how it compares."""

from __future__ import annotations

from typing import Final

import msgspec

from rarebit.core.fields import REST, Kind
from rarebit.core.schema import has_column, kind_of
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
