"""The fields that a value without a field is looked for in, by KQL and Lucene alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rarebit.core.errors import QueryError
from rarebit.core.fields import FIELDS
from rarebit.query.tree import Node, any_of

MAIN_FIELDS: Final = (
    "message",
    "event.code",
    "event.action",
    "event.provider",
    "event.dataset",
    "host.name",
    "host.ip",
    "user.name",
    "user.domain",
    "process.name",
    "process.executable",
    "process.command_line",
    "process.parent.name",
    "process.hash.sha256",
    "source.ip",
    "destination.ip",
    "destination.domain",
    "file.path",
    "file.name",
    "registry.path",
    "dns.question.name",
    "url.full",
    "url.domain",
    "service.name",
    "tags",
)
"""Searched by values without a field, and by ``*: value``."""


def over_main(make: Callable[[str], Node], fields: tuple[str, ...] = ()) -> Node:
    """Node that holds where ``make`` of any of the fields does; of the main fields if none are given."""
    return any_of([make(field) for field in fields or MAIN_FIELDS])


def named(pattern: str, where: str) -> tuple[str, ...]:
    """Fields with a column whose name fits a pattern such as ``user.*``.

    Raises
    ------
    QueryError
        If there are none.
    """
    found = re.compile(re.escape(pattern).replace(r"\*", ".*"))
    names = tuple(name for name in FIELDS if found.fullmatch(name))
    if not names:
        raise QueryError(f"no field with a column fits {pattern[:80]!r}", where=where)
    return names
