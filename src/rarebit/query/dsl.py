"""Elasticsearch's Query DSL, read into the expression tree and written from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rarebit.core.errors import QueryError
from rarebit.core.fields import ID
from rarebit.query.dsl_write import to_dsl
from rarebit.query.lucene import parse_lucene, parse_simple
from rarebit.query.tree import (
    MAX_DEPTH,
    MAX_TEXT,
    All,
    AtLeast,
    Exists,
    Ids,
    Match,
    Node,
    Not,
    Nothing,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Term,
    Terms,
    Value,
    Wildcard,
    all_of,
    any_of,
    check,
)

__all__ = ["parse_dsl", "to_dsl"]

Json = Mapping[str, Any]

_SCORING: Final = frozenset({"boost", "_name", "rewrite"})
"""Parameters that change scores, names or speed but never which events match."""


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
        return _COMPOUND[name](_object(body, where), where, depth)
    if name not in _LEAVES:
        raise QueryError(
            f"the query clause {str(name)[:80]!r} is not supported",
            where=where[:300],
            hint="Supported are " + ", ".join(sorted({*_COMPOUND, *_LEAVES})) + ".",
        )
    return _LEAVES[name](_object(body, where), where)


def _object(value: Any, where: str) -> Json:  # noqa: ANN401 - JSON from outside
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise QueryError("an object is needed here", where=where)
    return value


def _only(body: Json, where: str, *allowed: str) -> None:
    for key in body:
        if key not in allowed and key not in _SCORING:
            raise QueryError(
                f"the parameter {key[:80]!r} is not supported",
                where=f"{where}.{key[:80]}",
                hint="Supported are " + ", ".join(sorted({*allowed, *_SCORING})) + ".",
            )


# Compound clauses


def _bool(body: Json, where: str, depth: int) -> Node:
    _only(body, where, "must", "filter", "should", "must_not", "minimum_should_match", "adjust_pure_negative")
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
    text = str(given).strip()
    digits = text.removesuffix("%").removeprefix("-")
    if isinstance(given, bool) or not digits.isascii() or not digits.isdigit() or len(digits) > 9:  # noqa: PLR2004
        raise QueryError(
            f"{text[:80]!r} is not supported as minimum_should_match",
            where=f"{where}.minimum_should_match",
            hint="Write a number or a percentage.",
        )
    size = optional * int(digits) // 100 if text.endswith("%") else int(digits)
    return max(0, optional - size if text.startswith("-") else size)


def _constant_score(body: Json, where: str, depth: int) -> Node:
    _only(body, where, "filter")
    return _clause(body.get("filter"), f"{where}.filter", depth + 1)


def _dis_max(body: Json, where: str, depth: int) -> Node:
    _only(body, where, "queries", "tie_breaker")
    return any_of(_several(body, "queries", where, depth))


# Leaves


def _everything(body: Json, where: str) -> Node:
    _only(body, where)
    return All()


def _nothing(body: Json, where: str) -> Node:
    _only(body, where)
    return Nothing()


def _field(body: Json, where: str, key: str, *allowed: str) -> tuple[str, Any, Json]:
    """Field, value and other parameters of ``{field: value}`` or ``{field: {key: value, …}}``."""
    rest = {name: value for name, value in body.items() if name not in _SCORING}
    if len(rest) != 1:
        raise QueryError("one field is needed here", where=where)
    field, value = next(iter(rest.items()))
    _name(field, where)
    if not isinstance(value, Mapping):
        return field, value, {}
    inner = f"{where}.{field}"
    _only(_object(value, inner), inner, key, *allowed)
    if key not in value:
        raise QueryError(f"{key} is needed here", where=inner)
    return field, value[key], value


def _name(field: object, where: str) -> str:
    if not isinstance(field, str) or not field or len(field) > 1000 or any(char < " " for char in field):  # noqa: PLR2004
        raise QueryError(f"{str(field)[:80]!r} is not the name of a field", where=where)
    return _text(field, where)


def _value(value: Any, where: str) -> Value:  # noqa: ANN401 - JSON from outside
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 128):
        return value
    raise QueryError("a text, number, true or false is needed here", where=where)


def _text(value: Any, where: str) -> str:  # noqa: ANN401 - JSON from outside
    if not isinstance(value, str):
        raise QueryError("a text is needed here", where=where)
    if len(value) > MAX_TEXT:
        raise QueryError(f"a text has {len(value)} characters, more than {MAX_TEXT}", where=where)
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise QueryError("a text holds a NUL or half of a surrogate pair, which no stored text can hold", where=where)
    return value


def _flag(body: Json, key: str, where: str) -> bool:
    value = body.get(key, False)
    if value in {"true", "false"} if isinstance(value, str) else isinstance(value, bool):
        return value in {True, "true"}
    raise QueryError("true or false is needed here", where=f"{where}.{key}")


def _term(body: Json, where: str) -> Node:
    field, value, rest = _field(body, where, "value", "case_insensitive")
    fold = _flag(rest, "case_insensitive", where)
    if field == "_id":
        return Ids((_text(value, where),))
    return Term(field, _value(value, f"{where}.{field}"), fold)


def _terms(body: Json, where: str) -> Node:
    rest = {name: value for name, value in body.items() if name not in _SCORING}
    if len(rest) != 1:
        raise QueryError("one field is needed here", where=where)
    field, values = next(iter(rest.items()))
    inner = f"{where}.{_name(field, where)}"
    if not isinstance(values, list | tuple):
        raise QueryError("a list of values is needed here", where=inner, hint="A terms lookup is not supported.")
    if field == "_id":
        return Ids(tuple(_text(value, inner) for value in values))
    return Terms(field, tuple(_value(value, f"{inner}[{at}]") for at, value in enumerate(values)))


def _ids(body: Json, where: str) -> Node:
    _only(body, where, "values")
    values = body.get("values")
    if not isinstance(values, list | tuple):
        raise QueryError("a list of ids is needed here", where=f"{where}.values")
    return Ids(tuple(_text(value, f"{where}.values") for value in values))


def _exists(body: Json, where: str) -> Node:
    _only(body, where, "field")
    field = _name(body.get("field"), f"{where}.field")
    return Exists(ID if field == "_id" else field)


def _match(body: Json, where: str) -> Node:
    field, value, rest = _field(body, where, "query", "operator", "lenient", "auto_generate_synonyms_phrase_query")
    return Match(field, _value(value, f"{where}.{field}"), _every(rest, where))


def _every(body: Json, where: str, key: str = "operator") -> bool:
    operator = str(body.get(key, "or")).lower()
    if operator not in {"and", "or"}:
        raise QueryError(f"{operator[:80]!r} is neither and nor or", where=f"{where}.{key}")
    return operator == "and"


def _phrase(body: Json, where: str) -> Node:
    field, value, _ = _field(body, where, "query")
    return Phrase(field, _value(value, f"{where}.{field}"))


def _phrase_prefix(body: Json, where: str) -> Node:
    field, value, _ = _field(body, where, "query", "max_expansions")
    return Phrase(field, _value(value, f"{where}.{field}"), prefix=True)


def _multi_match(body: Json, where: str) -> Node:
    _only(body, where, "query", "fields", "type", "operator", "tie_breaker", "lenient")
    fields = body.get("fields")
    if not isinstance(fields, list | tuple) or not fields:
        raise QueryError("a list of fields is needed here", where=f"{where}.fields")
    names = [_name(field, f"{where}.fields").partition("^")[0] for field in map(str, fields)]
    if any("*" in name for name in names):
        raise QueryError("fields with * are not supported", where=f"{where}.fields", hint="Name each field.")
    value, kind = _value(body.get("query"), f"{where}.query"), body.get("type", "best_fields")
    every = _every(body, where)
    make: dict[object, Callable[[str], Node]] = {
        "best_fields": lambda name: Match(name, value, every),
        "most_fields": lambda name: Match(name, value, every),
        "phrase": lambda name: Phrase(name, value),
        "phrase_prefix": lambda name: Phrase(name, value, prefix=True),
    }
    if not isinstance(kind, str) or kind not in make:
        raise QueryError(
            f"{str(kind)[:80]!r} is not supported", where=f"{where}.type", hint="Use " + ", ".join(map(str, make))
        )
    return any_of([make[kind](name) for name in names])


def _prefix(body: Json, where: str) -> Node:
    field, value, rest = _field(body, where, "value", "case_insensitive")
    return Prefix(field, _text(value, where), _flag(rest, "case_insensitive", where))


def _wildcard(body: Json, where: str) -> Node:
    rest = next((value for value in body.values() if isinstance(value, Mapping)), {})
    key = "wildcard" if "wildcard" in rest else "value"
    field, value, rest = _field(body, where, key, "case_insensitive")
    return Wildcard(field, _text(value, where), _flag(rest, "case_insensitive", where))


def _regexp(body: Json, where: str) -> Node:
    field, value, rest = _field(body, where, "value", "case_insensitive", "max_determinized_states", "flags")
    if rest.get("flags", "ALL") != "ALL":
        raise QueryError("only the flags ALL are supported", where=f"{where}.{field}.flags")
    return Regexp(field, _text(value, where), _flag(rest, "case_insensitive", where))


_OLD_BOUNDS: Final = {"from": ("gte", "gt", "include_lower"), "to": ("lte", "lt", "include_upper")}
_FORMATS: Final = frozenset(
    {
        "strict_date_optional_time",
        "date_optional_time",
        "epoch_millis",
        "strict_date_optional_time_nanos",
        "date_time",
        "strict_date_time",
        "iso8601",
        "strict_date",
        "date",
        "yyyy-MM-dd",
    }
)


def _range(body: Json, where: str) -> Node:
    rest = {name: value for name, value in body.items() if name not in _SCORING}
    if len(rest) != 1:
        raise QueryError("one field is needed here", where=where)
    field, value = next(iter(rest.items()))
    inner = f"{where}.{_name(field, where)}"
    given = _object(value, inner)
    _only(
        given,
        inner,
        "gt",
        "gte",
        "lt",
        "lte",
        "time_zone",
        "format",
        "relation",
        *_OLD_BOUNDS,
        "include_lower",
        "include_upper",
    )
    for name in str(given.get("format", "epoch_millis")).split("||"):
        if name not in _FORMATS:
            raise QueryError(
                f"the date format {name[:80]!r} is not supported", where=f"{inner}.format", hint="Write ISO 8601."
            )
    bounds = {
        key: _value(given[key], f"{inner}.{key}") for key in ("gt", "gte", "lt", "lte") if given.get(key) is not None
    }
    for old, (closed, open_, include) in _OLD_BOUNDS.items():
        if given.get(old) is not None:
            bounds[open_ if given.get(include) is False else closed] = _value(given[old], f"{inner}.{old}")
    return Range(field, **bounds, time_zone=_text(given.get("time_zone", ""), f"{inner}.time_zone"))


def _query_string(body: Json, where: str) -> Node:
    _only(
        body,
        where,
        "query",
        "default_field",
        "fields",
        "default_operator",
        "analyze_wildcard",
        "lenient",
        "allow_leading_wildcard",
        "time_zone",
    )
    return parse_lucene(
        _text(body.get("query"), f"{where}.query"),
        fields=_fields(body, where),
        every=_every(body, where, "default_operator"),
    )


def _simple_query_string(body: Json, where: str) -> Node:
    _only(body, where, "query", "fields", "default_operator", "analyze_wildcard", "lenient")
    return parse_simple(
        _text(body.get("query"), f"{where}.query"),
        fields=_fields(body, where),
        every=_every(body, where, "default_operator"),
    )


def _fields(body: Json, where: str) -> tuple[str, ...]:
    given = body.get("fields", body.get("default_field"))
    if given is None or given in ("*", ["*"]):
        return ()
    listed = given if isinstance(given, list | tuple) else [given]
    return tuple(_name(name, f"{where}.fields").partition("^")[0] for name in listed)


_COMPOUND: Final[dict[str, Callable[[Json, str, int], Node]]] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "dis_max": _dis_max,
}
_LEAVES: Final[dict[str, Callable[[Json, str], Node]]] = {
    "match_all": _everything,
    "match_none": _nothing,
    "term": _term,
    "terms": _terms,
    "ids": _ids,
    "exists": _exists,
    "match": _match,
    "match_phrase": _phrase,
    "match_phrase_prefix": _phrase_prefix,
    "multi_match": _multi_match,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "regexp": _regexp,
    "range": _range,
    "query_string": _query_string,
    "simple_query_string": _simple_query_string,
}
