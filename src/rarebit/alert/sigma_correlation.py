"""Correlation rules of Sigma that count: so many events of other rules, or so many values in them, within a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rarebit.alert.definition import checked
from rarebit.alert.sigma import about, parse_sigma
from rarebit.alert.sigma_sources import FieldMap, fields_here, log_source
from rarebit.core.errors import DefinitionError
from rarebit.core.rule import Rule, Suppress, Threshold

Json = dict[str, Any]
_RUN: Final = ("event_count", "value_count")
_SLIDES: Final = "timespan slides; windows here follow each other, and what straddles two is counted in each by itself"


def is_correlation(body: object) -> bool:
    """Whether a definition, already read, is a correlation of Sigma's."""
    return isinstance(body, dict) and "correlation" in body


def parse_correlation(body: Json, named: Mapping[str, Json], *, where: str, moved: FieldMap) -> Rule:
    """A correlation as a threshold rule over the events of the rules that it refers to, in the shadow.

    Parameters
    ----------
    body : dict
        The correlation.
    named : mapping
        Definitions of other rules by name and by id.
    where : str
        Where it stands.
    moved : function
        See :func:`rarebit.alert.sigma.parse_sigma`.

    Raises
    ------
    DefinitionError
        If it is wrong, refers to what is not there, or asks for what is not run.
    """
    given = body["correlation"]
    if not isinstance(given, dict) or given.get("type") not in _RUN:
        kind = given.get("type") if isinstance(given, dict) else given
        raise DefinitionError(
            f"correlation of type {kind!r} is not run; those that are: {', '.join(_RUN)}", where=where
        )
    if given.get("aliases"):
        raise DefinitionError("aliases of fields are not understood in a correlation", where=where)
    bodies = [_referred(name, named, where) for name in _listed(given.get("rules"))]
    if not bodies:
        raise DefinitionError("a correlation refers to no rule", where=where)
    queries = [parse_sigma(each, where=where, moved=moved).query for each in bodies]
    fields = [field for name in _listed(given.get("group-by")) for field in _fields(name, bodies, moved, where)]
    made = Rule(
        **about(body, where),
        kind="threshold",
        state="shadow",
        language="dsl",
        query={"bool": {"should": queries, "minimum_should_match": 1}},
        threshold=_threshold(given, tuple(dict.fromkeys(fields)), bodies, moved, where),
        suppress=Suppress(window=str(given.get("timespan", ""))),
        origin=where,
        not_honoured=(_SLIDES,),
    )
    return checked(made, where=where)


def _threshold(given: Json, fields: tuple[str, ...], bodies: list[Json], moved: FieldMap, where: str) -> Threshold:
    asked = given.get("condition")
    bounds = {key: asked[key] for key in ("gte", "gt") if key in asked} if isinstance(asked, dict) else {}
    others = set(asked) - {"gte", "gt", "field"} if isinstance(asked, dict) else set()
    if len(bounds) != 1 or others:
        raise DefinitionError("a correlation's condition has to be one of gte and gt", where=where)
    ((bound, number),) = bounds.items()
    if isinstance(number, bool) or not isinstance(number, int):
        raise DefinitionError(f"{number!r} is no whole number", where=where)
    least = number + (bound == "gt")
    if given["type"] == "event_count":
        return Threshold(value=least, fields=fields)
    counted = _fields(str(asked.get("field", "")), bodies, moved, where) if isinstance(asked, dict) else ()
    if len(counted) != 1:
        raise DefinitionError("value_count needs one field whose values are counted", where=where)
    return Threshold(value=least, fields=fields, cardinality_field=counted[0], cardinality=least)


def _fields(name: str, bodies: list[Json], moved: FieldMap, where: str) -> tuple[str, ...]:
    """ECS fields of a field of Sigma, which have to be the same in the events of every rule."""
    found = set()
    for body in bodies:
        logs = msgspec.convert(body.get("logsource") or {}, dict[str, Any])
        source = log_source(*(str(logs.get(part) or "") for part in ("product", "category", "service")))
        found.add(fields_here(name, source, moved))
    if not name or len(found) != 1:
        raise DefinitionError(f"field {name!r} is not the same in the events of all rules", where=where)
    return found.pop()


def _referred(name: str, named: Mapping[str, Json], where: str) -> Json:
    if name not in named:
        raise DefinitionError(f"it refers to {name!r}, which was not imported with it", where=where)
    if is_correlation(named[name]):
        raise DefinitionError(f"it refers to {name!r}, a correlation itself", where=where)
    return named[name]


def _listed(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []
