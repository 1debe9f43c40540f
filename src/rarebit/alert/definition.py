"""Rules as people write them: YAML, one rule a document; every part that cannot be honoured is refused by name."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml

from rarebit.alert.condition import condition
from rarebit.core.errors import DefinitionError, InputError
from rarebit.core.rule import Rule
from rarebit.core.time import parse_span

_MOST_FIELDS = 5


def parse_rule(body: Any, *, where: str, origin: str = "local") -> Rule:  # noqa: ANN401 - YAML from outside
    """A rule of its YAML or JSON, already read.

    Raises
    ------
    DefinitionError
        If a part is missing, unknown or of the wrong type, a span is none, or the query cannot be read.
    """
    try:
        rule = msgspec.convert(body, Rule, strict=True)
    except msgspec.ValidationError as error:
        raise DefinitionError(str(error), where=where) from error
    return checked(msgspec.structs.replace(rule, origin=origin), where=where)


def checked(rule: Rule, *, where: str) -> Rule:
    """The rule, if it can run.

    Raises
    ------
    DefinitionError
        If it cannot.
    """
    wants = {
        "anomaly": bool(rule.job),
        "threshold": rule.threshold is not None,
        "new_terms": rule.new_terms is not None,
        "indicator": rule.indicator is not None,
    }
    if not rule.id or any(char in rule.id for char in "\n\r\0"):
        raise DefinitionError(f"{rule.id!r} is not an id", where=where)
    for kind, given in wants.items():
        if (kind == rule.kind) != given:
            verb = "has none" if kind == rule.kind else "does not take one"
            part = "job" if kind == "anomaly" else kind
            raise DefinitionError(f"a rule of kind {rule.kind!r} {verb}: {part}", where=where)
    if rule.risk is not None and not 0.0 <= rule.risk <= 100.0:  # noqa: PLR2004
        raise DefinitionError(f"a risk of {rule.risk:g} does not lie between 0 and 100", where=where)
    if len(rule.group_fields) > _MOST_FIELDS:
        raise DefinitionError(f"more than {_MOST_FIELDS} fields to group by", where=where)
    if rule.new_terms is not None and not rule.new_terms.fields:
        raise DefinitionError("new_terms names no field", where=where)
    if rule.indicator is not None and rule.query:
        raise DefinitionError("a rule of kind 'indicator' is over matches, and takes no query", where=where)
    _check_threshold(rule, where)
    _check_spans(rule, where)
    condition(rule)
    return rule


def _check_threshold(rule: Rule, where: str) -> None:
    threshold = rule.threshold
    if threshold is None:
        return
    if threshold.value < 1 or threshold.cardinality < 0:
        raise DefinitionError("a threshold counts from 1 on", where=where)
    if bool(threshold.cardinality_field) != bool(threshold.cardinality):
        raise DefinitionError("a threshold of different values needs cardinality_field and cardinality", where=where)


def _check_spans(rule: Rule, where: str) -> None:
    spans = [("suppress.window", rule.suppress.window)]
    if rule.new_terms is not None:
        history = [rule.new_terms.history] if rule.new_terms.history else []
        spans += [("new_terms.history", text) for text in history] + [("new_terms.learn", rule.new_terms.learn)]
    if rule.indicator is not None:
        spans.append(("indicator.near", rule.indicator.near))
    for name, text in spans:
        try:
            span = parse_span(text)
        except InputError as error:
            raise DefinitionError(error.what, where=f"{where}: {name}", hint=error.hint) from error
        if span <= 0 and name != "new_terms.learn":
            raise DefinitionError(f"{text!r} is no time at all", where=f"{where}: {name}")


@cache
def shipped_rules() -> dict[str, Rule]:
    """Rules that ship with the product, by id.

    Raises
    ------
    DefinitionError
        If a content file is wrong; the file is named.
    """
    found: dict[str, Rule] = {}
    for file in sorted(resources.files("rarebit.content").joinpath("rules").iterdir(), key=lambda item: item.name):
        if file.name.endswith(".yaml"):
            rule = parse_rule(yaml.safe_load(file.read_text("utf-8")), where=file.name, origin="shipped")
            if rule.id in found:
                raise DefinitionError(f"rule id {rule.id!r} stands in two files", where=file.name)
            found[rule.id] = rule
    return found
