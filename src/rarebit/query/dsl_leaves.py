"""The clauses of Elasticsearch's Query DSL that hold no other clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rarebit.core.errors import QueryError
from rarebit.core.fields import ID
from rarebit.query.dsl_body import SCORING, Json, as_flag, as_name, as_object, as_text, as_value, one_field, only
from rarebit.query.lucene import parse_lucene, parse_simple
from rarebit.query.tree import (
    All,
    Exists,
    Ids,
    Match,
    Node,
    Nothing,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Term,
    Terms,
    Wildcard,
    any_of,
)


def _everything(body: Json, where: str) -> Node:
    only(body, where)
    return All()


def _nothing(body: Json, where: str) -> Node:
    only(body, where)
    return Nothing()


def _term(body: Json, where: str) -> Node:
    field, value, rest = one_field(body, where, "value", "case_insensitive")
    fold = as_flag(rest, "case_insensitive", where)
    if field == "_id":
        return Ids((as_text(value, where),))
    return Term(field, as_value(value, f"{where}.{field}"), fold)


def _terms(body: Json, where: str) -> Node:
    rest = {name: value for name, value in body.items() if name not in SCORING}
    if len(rest) != 1:
        raise QueryError("one field is needed here", where=where)
    field, values = next(iter(rest.items()))
    inner = f"{where}.{as_name(field, where)}"
    if not isinstance(values, list | tuple):
        raise QueryError("a list of values is needed here", where=inner, hint="A terms lookup is not supported.")
    if field == "_id":
        return Ids(tuple(as_text(value, inner) for value in values))
    return Terms(field, tuple(as_value(value, f"{inner}[{at}]") for at, value in enumerate(values)))


def _ids(body: Json, where: str) -> Node:
    only(body, where, "values")
    values = body.get("values")
    if not isinstance(values, list | tuple):
        raise QueryError("a list of ids is needed here", where=f"{where}.values")
    return Ids(tuple(as_text(value, f"{where}.values") for value in values))


def _exists(body: Json, where: str) -> Node:
    only(body, where, "field")
    field = as_name(body.get("field"), f"{where}.field")
    return Exists(ID if field == "_id" else field)


def _match(body: Json, where: str) -> Node:
    field, value, rest = one_field(body, where, "query", "operator", "lenient", "auto_generate_synonyms_phrase_query")
    return Match(field, as_value(value, f"{where}.{field}"), _every(rest, where))


def _every(body: Json, where: str, key: str = "operator") -> bool:
    operator = str(body.get(key, "or")).lower()
    if operator not in {"and", "or"}:
        raise QueryError(f"{operator[:80]!r} is neither and nor or", where=f"{where}.{key}")
    return operator == "and"


def _phrase(body: Json, where: str) -> Node:
    field, value, _ = one_field(body, where, "query")
    return Phrase(field, as_value(value, f"{where}.{field}"))


def _phrase_prefix(body: Json, where: str) -> Node:
    field, value, _ = one_field(body, where, "query", "max_expansions")
    return Phrase(field, as_value(value, f"{where}.{field}"), prefix=True)


def _multi_match(body: Json, where: str) -> Node:
    only(body, where, "query", "fields", "type", "operator", "tie_breaker", "lenient")
    fields = body.get("fields")
    if not isinstance(fields, list | tuple) or not fields:
        raise QueryError("a list of fields is needed here", where=f"{where}.fields")
    names = [as_name(field, f"{where}.fields").partition("^")[0] for field in map(str, fields)]
    if any("*" in name for name in names):
        raise QueryError("fields with * are not supported", where=f"{where}.fields", hint="Name each field.")
    value, kind = as_value(body.get("query"), f"{where}.query"), body.get("type", "best_fields")
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
    field, value, rest = one_field(body, where, "value", "case_insensitive")
    return Prefix(field, as_text(value, where), as_flag(rest, "case_insensitive", where))


def _wildcard(body: Json, where: str) -> Node:
    rest = next((value for value in body.values() if isinstance(value, Mapping)), {})
    key = "wildcard" if "wildcard" in rest else "value"
    field, value, rest = one_field(body, where, key, "case_insensitive")
    return Wildcard(field, as_text(value, where), as_flag(rest, "case_insensitive", where))


def _regexp(body: Json, where: str) -> Node:
    field, value, rest = one_field(body, where, "value", "case_insensitive", "max_determinized_states", "flags")
    if rest.get("flags", "ALL") != "ALL":
        raise QueryError("only the flags ALL are supported", where=f"{where}.{field}.flags")
    return Regexp(field, as_text(value, where), as_flag(rest, "case_insensitive", where))


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
    rest = {name: value for name, value in body.items() if name not in SCORING}
    if len(rest) != 1:
        raise QueryError("one field is needed here", where=where)
    field, value = next(iter(rest.items()))
    inner = f"{where}.{as_name(field, where)}"
    given = as_object(value, inner)
    only(
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
        key: as_value(given[key], f"{inner}.{key}") for key in ("gt", "gte", "lt", "lte") if given.get(key) is not None
    }
    for old, (closed, open_, include) in _OLD_BOUNDS.items():
        if given.get(old) is not None:
            bounds[open_ if given.get(include) is False else closed] = as_value(given[old], f"{inner}.{old}")
    return Range(field, **bounds, time_zone=as_text(given.get("time_zone", ""), f"{inner}.time_zone"))


def _query_string(body: Json, where: str) -> Node:
    only(
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
        as_text(body.get("query"), f"{where}.query"),
        fields=_fields(body, where),
        every=_every(body, where, "default_operator"),
    )


def _simple_query_string(body: Json, where: str) -> Node:
    only(body, where, "query", "fields", "default_operator", "analyze_wildcard", "lenient")
    return parse_simple(
        as_text(body.get("query"), f"{where}.query"),
        fields=_fields(body, where),
        every=_every(body, where, "default_operator"),
    )


def _fields(body: Json, where: str) -> tuple[str, ...]:
    given = body.get("fields", body.get("default_field"))
    if given is None or given in ("*", ["*"]):
        return ()
    listed = given if isinstance(given, list | tuple) else [given]
    return tuple(as_name(name, f"{where}.fields").partition("^")[0] for name in listed)


LEAVES: Final[dict[str, Callable[[Json, str], Node]]] = {
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
"""Reader of each clause, by its name."""
