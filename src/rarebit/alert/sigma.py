"""Sigma rules, read by pySigma and written as query rules: what cannot be said in the tree is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sigma import conditions, types
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from rarebit.alert.definition import checked
from rarebit.alert.sigma_sources import DIGESTS, FieldMap, LogSource, either, fields_here, log_source
from rarebit.core.errors import DefinitionError
from rarebit.core.job import Guide
from rarebit.core.rule import Rule, Severity
from rarebit.query.dsl_write import to_dsl
from rarebit.query.patterns import escape_wildcard
from rarebit.query.tree import And, Exists, Node, Not, Or, Range, Term, Wildcard, all_of, any_of

Json = dict[str, Any]
_BOUNDS: Final = {"LT": "lt", "LTE": "lte", "GT": "gt", "GTE": "gte"}
_DIGEST: Final = re.compile(r"(MD5|SHA1|SHA256|IMPHASH)=([0-9A-Fa-f]+)", re.IGNORECASE)
_HASHES: Final = {"Hashes": "", "Imphash": "IMPHASH", "md5": "MD5", "sha1": "SHA1", "sha256": "SHA256"}
_TACTIC: Final = re.compile(r"attack\.([a-z][a-z_-]+)")
_TECHNIQUE: Final = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)


def parse_sigma(body: Json, *, where: str, moved: FieldMap) -> Rule:
    """A rule of Sigma as one of ours, in the shadow until somebody switches it on.

    Raises
    ------
    DefinitionError
        If it is wrong, or asks for what cannot be said here.
    """
    if "correlation" in body:
        raise DefinitionError("a correlation looks at no events of its own", where=where)
    try:
        rule = SigmaRule.from_dict(body)
        logs = rule.logsource
        source = log_source(logs.product or "", logs.category or "", logs.service or "")
        trees = [_tree(each.parsed, source, moved) for each in rule.detection.parsed_condition]
    except (SigmaError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DefinitionError(f"not a rule of Sigma: {str(error) or type(error).__name__}", where=where) from error
    except DefinitionError as error:
        raise DefinitionError(error.what, where=where) from error
    made = Rule(
        **about(body, where),
        kind="query",
        state="shadow",
        language="dsl",
        query=to_dsl(all_of([source.condition, any_of(trees)])),
        origin=where,
    )
    return checked(made, where=where)


def about(body: Json, where: str) -> Json:
    """What a definition of Sigma says of itself: id, name, severity and guide of a rule.

    Raises
    ------
    DefinitionError
        If it has no title, or a level that is none.
    """
    tags = [str(tag) for tag in body.get("tags") or ()]
    guide = Guide(
        meaning=str(body.get("description", "")).strip(),
        benign=tuple(str(line) for line in body.get("falsepositives") or ()),
        tactics=tuple(_words(match[1]) for tag in tags if (match := _TACTIC.fullmatch(tag))),
        techniques=tuple(match[1].upper() for tag in tags if (match := _TECHNIQUE.fullmatch(tag))),
    )
    if "title" not in body:
        raise DefinitionError("not a rule of Sigma: it has no title", where=where)
    try:
        level: Severity = msgspec.convert(str(body.get("level", "medium")), Severity)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"not a rule of Sigma: {error}", where=where) from error
    return {"id": str(body.get("id") or where), "name": str(body["title"]), "severity": level, "guide": guide}


def _words(tactic: str) -> str:
    return tactic.replace("-", " ").replace("_", " ").title().replace(" And ", " and ")


def _tree(item: Any, source: LogSource, moved: FieldMap) -> Node:  # noqa: ANN401 - any part of a condition
    match item:
        case conditions.ConditionAND():
            return And(tuple(_tree(each, source, moved) for each in item.args))
        case conditions.ConditionOR():
            return Or(tuple(_tree(each, source, moved) for each in item.args))
        case conditions.ConditionNOT():
            return Not(_tree(item.args[0], source, moved))
        case conditions.ConditionFieldEqualsValueExpression():
            return _test(item.field, item.value, source, moved)
        case conditions.ConditionValueExpression():
            raise DefinitionError("keywords without a field are not looked for")
    raise DefinitionError(f"{type(item).__name__} is not understood")


def _test(name: str, value: Any, source: LogSource, moved: FieldMap) -> Node:  # noqa: ANN401 - any type of value
    if isinstance(value, types.SigmaExpansion):
        return either([_test(name, each, source, moved) for each in value.values])
    if source.windows and name in _HASHES and isinstance(value, types.SigmaString):
        return _digest(name, str(value), source, moved)
    nodes = [_leaf(field, value) for field in fields_here(name, source, moved)]
    if isinstance(value, types.SigmaNull) or (isinstance(value, types.SigmaExists) and not value.exists):
        return all_of(nodes)
    return either(nodes)


def _digest(name: str, text: str, source: LogSource, moved: FieldMap) -> Node:
    """A test on ``Hashes`` as one on the field of its algorithm."""
    found = _DIGEST.findall(text) if not _HASHES[name] else [(_HASHES[name], text.strip("*"))]
    if len(found) != 1:
        raise DefinitionError("a test on Hashes that names no algorithm or several")
    algorithm, digest = found[0]
    abouts = {
        target.removeprefix("hashes.") for target in moved("Hashes", source.events) if target.startswith("hashes.")
    } or {"process"}
    fields = [DIGESTS[about][algorithm.upper()] for about in sorted(abouts)]
    return either([Term(field, digest.lower(), case_insensitive=True) for field in fields])


def _leaf(field: str, value: Any) -> Node:  # noqa: ANN401, PLR0911 - any type of value; one return a case
    match value:
        case types.SigmaNull():
            return Not(Exists(field))
        case types.SigmaExists():
            return Exists(field) if value.exists else Not(Exists(field))
        case types.SigmaString():
            return _text(field, value, fold=not isinstance(value, types.SigmaCasedString))
        case types.SigmaNumber():
            return Term(field, str(value.number))
        case types.SigmaBool():
            return _text(field, types.SigmaString(str(value.boolean).lower()), fold=True)
        case types.SigmaCIDRExpression():
            return Term(field, value.cidr)
        case types.SigmaCompareExpression() if value.op.name in _BOUNDS:
            bounds = {_BOUNDS[value.op.name]: value.number.number}
            return Range(field, bounds.get("gt"), bounds.get("gte"), bounds.get("lt"), bounds.get("lte"))
    raise DefinitionError(f"{_NAMES.get(type(value).__name__, type(value).__name__)} cannot be said here")


_NAMES: Final = {
    "SigmaRegularExpression": "a regular expression (modifier re)",
    "SigmaFieldReference": "a comparison of two fields (modifier fieldref)",
}
_SPECIAL: Final[dict[object, str]] = {
    types.SpecialChars.WILDCARD_MULTI: "*",
    types.SpecialChars.WILDCARD_SINGLE: "?",
}
_VALUES: Final[dict[str, Callable[[str], str]]] = {
    "network.direction": lambda text: {"true": "egress", "false": "ingress"}.get(text.lower(), text),
}
"""Values that are said in other words here."""


def _text(field: str, value: types.SigmaString, *, fold: bool) -> Node:
    if not value.s:
        return Not(Exists(field))  # an empty value is none here
    if any(not isinstance(part, str) and part not in _SPECIAL for part in value.s):
        raise DefinitionError("a placeholder that nothing fills")
    if all(isinstance(part, str) for part in value.s):
        plain = "".join(str(part) for part in value.s)
        return Term(field, _VALUES.get(field, str)(plain), case_insensitive=fold)
    pattern = "".join(escape_wildcard(part) if isinstance(part, str) else _SPECIAL[part] for part in value.s)
    return Exists(field) if pattern == "*" else Wildcard(field, pattern, case_insensitive=fold)
