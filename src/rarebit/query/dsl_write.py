"""Writes an expression tree as Elasticsearch's Query DSL."""

from __future__ import annotations

from typing import Any

from rarebit.query.tree import (
    All,
    And,
    AtLeast,
    Exists,
    Ids,
    Leaf,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Term,
    Terms,
    Wildcard,
    check,
)

Json = dict[str, Any]


def to_dsl(node: Node) -> Json:
    """Write a query as Query DSL; :func:`rarebit.query.dsl.parse_dsl` reads it back with the same meaning.

    Raises
    ------
    QueryError
        If the query is too large.
    """
    return _write(check(node))


def _write(node: Node) -> Json:  # noqa: PLR0911 - one return a case
    match node:
        case All():
            return {"match_all": {}}
        case Nothing() | Or(nodes=()):
            return {"match_none": {}}
        case And(nodes=nodes):
            return {"bool": {"filter": [_write(part) for part in nodes]}} if nodes else {"match_all": {}}
        case Or(nodes=nodes):
            return {"bool": {"should": [_write(part) for part in nodes], "minimum_should_match": 1}}
        case AtLeast(count=count, nodes=nodes):
            if count <= 0:
                return {"match_all": {}}
            return {"bool": {"should": [_write(part) for part in nodes], "minimum_should_match": count}}
        case Not(node=part):
            return {"bool": {"must_not": [_write(part)]}}
        case Ids(values=values):
            return {"ids": {"values": list(values)}}
        case Leaf():
            return _leaf(node)
    raise TypeError(node)


def _leaf(leaf: Leaf) -> Json:  # noqa: PLR0911 - one return a case
    field = leaf.field
    match leaf:
        case Exists():
            return {"exists": {"field": field}}
        case Term(value=value, case_insensitive=fold):
            return {"term": {field: {"value": value, **_folded(fold)}}}
        case Terms(values=values):
            return {"terms": {field: list(values)}}
        case Prefix(value=text, case_insensitive=fold):
            return {"prefix": {field: {"value": text, **_folded(fold)}}}
        case Wildcard(pattern=pattern, case_insensitive=fold):
            return {"wildcard": {field: {"value": pattern, **_folded(fold)}}}
        case Regexp(pattern=pattern, case_insensitive=fold):
            return {"regexp": {field: {"value": pattern, **_folded(fold)}}}
        case Range():
            bounds = {name: getattr(leaf, name) for name in ("gt", "gte", "lt", "lte")}
            zone = {"time_zone": leaf.time_zone} if leaf.time_zone else {}
            return {"range": {field: {name: value for name, value in bounds.items() if value is not None} | zone}}
        case Match(text=value, every=every):
            return {"match": {field: {"query": value, **({"operator": "and"} if every else {})}}}
        case Phrase(text=value, prefix=prefix):
            return {"match_phrase_prefix" if prefix else "match_phrase": {field: {"query": value}}}
    raise TypeError(leaf)


def _folded(fold: bool) -> Json:
    return {"case_insensitive": True} if fold else {}
