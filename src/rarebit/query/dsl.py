"""Elasticsearch's Query DSL, read into the expression tree and written from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rarebit.core.errors import QueryError
from rarebit.query.dsl_body import Json, as_object, only, shown
from rarebit.query.dsl_leaves import LEAVES
from rarebit.query.dsl_write import to_dsl
from rarebit.query.tree import MAX_DEPTH, AtLeast, Node, Not, Nothing, all_of, any_of, check

__all__ = ["parse_dsl", "to_dsl"]


def parse_dsl(query: Json) -> Node:
    """Read a query of the Query DSL, as a datafeed holds it.

    Parameters
    ----------
    query : mapping
        JSON object with one query clause, such as ``{"bool": {…}}``.

    Returns
    -------
    Node
        The query as a tree.

    Raises
    ------
    QueryError
        If a clause or parameter is unknown, not supported or malformed; ``where`` is its JSON path.
    """
    return check(_clause(query, "$", 1))


def _clause(query: Any, path: str, depth: int) -> Node:  # noqa: ANN401 - JSON from outside
    if depth > MAX_DEPTH:
        raise QueryError(f"the query is nested deeper than {MAX_DEPTH}", where=path[:200], hint="Flatten it.")
    if not isinstance(query, Mapping):
        raise QueryError("a query must be an object", where=path)
    if len(query) != 1:
        raise QueryError(f"a query must have one clause, not {len(query)}", where=path, hint="Put several in a bool.")
    name, body = next(iter(query.items()))
    where = f"{path}.{name}"
    if name in _COMPOUND:
        return _COMPOUND[name](as_object(body, where), where, depth)
    if name not in LEAVES:
        raise QueryError(
            f"the query clause {shown(name)!r} is not supported",
            where=f"{path}.{shown(name)}",
            hint="Supported are " + ", ".join(sorted({*_COMPOUND, *LEAVES})) + ".",
        )
    return LEAVES[name](as_object(body, where), where)


def _bool(body: Json, where: str, depth: int) -> Node:
    only(body, where, "must", "filter", "should", "must_not", "minimum_should_match", "adjust_pure_negative")
    must = [*_several(body, "must", where, depth), *_several(body, "filter", where, depth)]
    should = _several(body, "should", where, depth)
    given = body.get("minimum_should_match")
    least = _minimum(given, len(should), where) if given is not None else int(bool(should) and not must)
    nodes = list(must)
    if least == 1 and should:
        nodes.append(any_of(should))
    elif least == len(should) > 0:
        nodes.extend(should)
    elif least > 0:
        nodes.append(AtLeast(least, tuple(should)) if least <= len(should) else Nothing())
    nodes += [Not(node) for node in _several(body, "must_not", where, depth)]
    return all_of(nodes)


def _several(body: Json, key: str, where: str, depth: int) -> list[Node]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        return [_clause(value, f"{where}.{key}", depth + 1)]
    return [_clause(item, f"{where}.{key}[{at}]", depth + 1) for at, item in enumerate(value)]


def _minimum(given: object, optional: int, where: str) -> int:
    small = isinstance(given, int) and abs(given) < 1 << 31
    text = str(given).strip() if small or isinstance(given, str) else "?"
    digits = text.removesuffix("%").removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:  # noqa: PLR2004
        raise QueryError(
            f"{text[:80]!r} is not supported as minimum_should_match",
            where=f"{where}.minimum_should_match",
            hint="Write a number or a percentage.",
        )
    size = optional * int(digits) // 100 if text.endswith("%") else int(digits)
    return max(0, optional - size if text.startswith("-") else size)


def _constant_score(body: Json, where: str, depth: int) -> Node:
    only(body, where, "filter")
    return _clause(body.get("filter"), f"{where}.filter", depth + 1)


def _dis_max(body: Json, where: str, depth: int) -> Node:
    only(body, where, "queries", "tie_breaker")
    return any_of(_several(body, "queries", where, depth))


_COMPOUND: Final[dict[str, Callable[[Json, str, int], Node]]] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "dis_max": _dis_max,
}
