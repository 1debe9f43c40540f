"""Correlations of Sigma that count, as thresholds; others are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from rarebit.alert.condition import condition
from rarebit.alert.sigma_correlation import parse_correlation
from rarebit.core.errors import DefinitionError
from rarebit.core.rule import Rule, Threshold
from rarebit.query.tree import fields_of
from rarebit.source.windows_fields import fields_of_event_data

BASE: dict[str, Any] = {
    "title": "Failed logon", "name": "failed", "id": "7f3a1c52-58b1-4d0e-9a3f-0d6a3c1b2e44",
    "logsource": {"product": "windows", "service": "security"},
    "detection": {"a": {"EventID": 4625}, "condition": "a"},
}  # fmt: skip
OTHER = BASE | {"name": "other", "detection": {"a": {"EventID": 4771}, "condition": "a"}}
BODY: dict[str, Any] = {
    "title": "Many failed logons", "id": "0e95725d-7320-415d-80f7-004da920fc11", "level": "high",
    "tags": ["attack.credential-access", "attack.t1110"],
    "correlation": {
        "type": "event_count", "rules": ["failed", "other"], "group-by": ["Computer"], "timespan": "5m",
        "condition": {"gte": 20},
    },
}  # fmt: skip


def _rule(**change: Any) -> Rule:
    body = BODY | {"correlation": BODY["correlation"] | change}
    named = {"failed": BASE, "other": OTHER, "self": body}
    return parse_correlation(body, named, where="c.yml", moved=fields_of_event_data)


def test_so_many_events_are_a_threshold() -> None:
    rule = _rule()
    assert (rule.kind, rule.state, rule.severity, rule.suppress.window) == ("threshold", "shadow", "high", "5m")
    assert rule.threshold == Threshold(value=20, fields=("host.name",))
    assert {"winlog.channel", "event.code", "host.name"} <= fields_of(condition(rule))
    assert rule.guide.techniques == ("T1110",)
    assert "slides" in rule.not_honoured[0]


def test_so_many_values_are_a_threshold_of_different_ones() -> None:
    rule = _rule(type="value_count", condition={"gt": 9, "field": "TargetUserName"}, rules="failed")
    assert rule.threshold is not None
    assert (rule.threshold.cardinality, rule.threshold.value) == (10, 10)
    assert rule.threshold.cardinality_field == fields_of_event_data("TargetUserName", ("security",))[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "temporal"}, "'temporal' is not run"),
        ({"rules": ["nowhere"]}, "nowhere"),
        ({"rules": ["self"]}, "a correlation itself"),
        ({"rules": []}, "refers to no rule"),
        ({"condition": {"lt": 3}}, "gte and gt"),
        ({"condition": {"gte": True}}, "whole number"),
        ({"type": "value_count"}, "not the same|one field"),
        ({"aliases": {"a": {}}}, "aliases"),
        ({"timespan": "soon"}, "soon"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        _rule(**change)
