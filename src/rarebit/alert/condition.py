"""Which events a rule looks at: its query as one tree."""

from __future__ import annotations

from typing import Final

import msgspec

from rarebit.core.errors import DefinitionError, QueryError
from rarebit.core.fields import TIME
from rarebit.core.rule import Rule
from rarebit.query.dsl import parse_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.lucene import parse_lucene
from rarebit.query.tree import All, Exists, Node, all_of, fields_of

OVER_EVENTS: Final = ("query", "threshold", "new_terms")
"""Kinds of rules that look at events; others look at what was found already."""


def condition(rule: Rule) -> Node:
    """Events that a rule takes into account; those without the fields that it counts by or compares are none.

    Raises
    ------
    DefinitionError
        If its query is wrong; the rule is named.
    """
    try:
        node = _query(rule)
    except QueryError as error:
        raise DefinitionError(error.what, where=f"rule {rule.id!r}, query", hint=error.hint) from error
    needed = rule.group_fields if rule.kind in ("threshold", "new_terms") else ()
    if rule.threshold is not None and rule.threshold.cardinality_field:
        needed = (*needed, rule.threshold.cardinality_field)
    own = [] if isinstance(node, All) else [node]
    return all_of([*own, *(Exists(name) for name in dict.fromkeys(needed))])


def _query(rule: Rule) -> Node:
    text = rule.query
    if not text or text == "*":
        return All()
    if isinstance(text, dict):
        return parse_dsl(text)
    if rule.language == "dsl":
        try:
            body = msgspec.json.decode(text, type=dict)
        except msgspec.DecodeError as error:
            raise QueryError(f"not JSON: {error}", hint="Query DSL is one JSON object") from error
        return parse_dsl(body)
    return parse_kql(text) if rule.language == "kuery" else parse_lucene(text)


def needed_fields(rule: Rule) -> tuple[str, ...]:
    """Fields without which a rule may see nothing, sorted."""
    return tuple(sorted(fields_of(condition(rule)) - {TIME})) if rule.kind in OVER_EVENTS else ()
