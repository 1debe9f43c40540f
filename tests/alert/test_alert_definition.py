"""Definitions of rules: our YAML and Elastic's JSON; what cannot be honoured is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from rarebit.alert.condition import condition, needed_fields
from rarebit.alert.definition import parse_rule, shipped_rules
from rarebit.alert.elastic import is_elastic, parse_elastic
from rarebit.core.errors import DefinitionError
from rarebit.core.rule import NewTerms, Threshold
from rarebit.query.tree import All, fields_of

QUERY: dict[str, Any] = {"id": "q", "name": "Q", "kind": "query", "query": "process.name: a.exe"}
ELASTIC: dict[str, Any] = {
    "rule_id": "e", "name": "E", "type": "query", "language": "kuery", "query": "host.name: x", "severity": "low",
    "risk_score": 30, "from": "now-9m", "tags": ["x"], "threat": [
        {"framework": "MITRE ATT&CK", "tactic": {"id": "TA0002", "name": "Execution"},
         "technique": [{"id": "T1059", "name": "Interpreter", "subtechnique": [{"id": "T1059.001", "name": "PS"}]}]}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "magic"}, "kind"),
        ({"colour": "red"}, "colour"),
        ({"query": "a: (b"}, "query"),
        ({"threshold": {"value": 3}}, "does not take one: threshold"),
        ({"kind": "threshold"}, "has none: threshold"),
        ({"kind": "threshold", "threshold": {"value": 0}}, "from 1"),
        ({"kind": "threshold", "threshold": {"value": 1, "cardinality": 2}}, "cardinality_field"),
        ({"kind": "new_terms", "new_terms": {"fields": []}}, "names no field"),
        ({"kind": "new_terms", "new_terms": {"fields": ["a"], "history": "soon"}}, "history"),
        ({"kind": "anomaly"}, "job"),
        ({"suppress": {"window": "0s"}}, "no time at all"),
        ({"suppress": {"fields": list("abcdef")}}, "more than 5"),
        ({"risk": 101}, "between 0 and 100"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_rule(QUERY | change, where="file.yaml")
    assert said in str(caught.value)


def test_a_rule_without_a_query_takes_every_event() -> None:
    rule = parse_rule({"id": "q", "name": "Q", "kind": "query"}, where="f")
    assert condition(rule) == All()


def test_fields_it_counts_by_are_needed() -> None:
    body = {**QUERY, "kind": "threshold", "threshold": {
        "value": 2, "fields": ["source.ip"], "cardinality_field": "user.name", "cardinality": 2}}  # fmt: skip
    assert needed_fields(parse_rule(body, where="f")) == ("process.name", "source.ip", "user.name")


def test_shipped_rules_are_sound_and_never_on_by_themselves() -> None:
    assert shipped_rules()
    for rule in shipped_rules().values():
        assert rule.state != "on"
        assert rule.guide.meaning
        assert rule.guide.benign
        assert rule.guide.next_steps
        assert rule.guide.techniques
        assert fields_of(condition(rule)) or rule.kind == "indicator"


def test_elastic_query() -> None:
    (rule,) = parse_elastic({**ELASTIC, "surprise": 1}, where="e.json")
    assert is_elastic(ELASTIC)
    assert (rule.id, rule.kind, rule.alert_score, rule.severity) == ("e", "query", 30.0, "low")
    assert (rule.guide.tactics, rule.guide.techniques) == (("Execution",), ("T1059.001",))
    assert rule.not_honoured == ("surprise",)


def test_elastic_threshold_counts_in_its_look_back() -> None:
    given = {"field": ["host.name"], "value": 5, "cardinality": [{"field": "user.name", "value": 2}]}
    (rule,) = parse_elastic({**ELASTIC, "type": "threshold", "threshold": given, "from": "now-20m"}, where="e")
    assert rule.threshold == Threshold(value=5, fields=("host.name",), cardinality_field="user.name", cardinality=2)
    assert rule.suppress.window == "20m"


def test_elastic_new_terms_and_machine_learning() -> None:
    new = {"type": "new_terms", "new_terms_fields": ["a", "b"], "history_window_start": "now-10d"}
    (rule,) = parse_elastic({"rule": {**ELASTIC, **new}}, where="e.toml")
    assert rule.new_terms == NewTerms(fields=("a", "b"), history="10d")
    learnt = {"type": "machine_learning", "machine_learning_job_id": ["j1", "j2"], "anomaly_threshold": 75}
    rules = parse_elastic({**ELASTIC, **learnt}, where="e")
    assert [(rule.id, rule.job, rule.score) for rule in rules] == [("e:j1", "j1", 75.0), ("e:j2", "j2", 75.0)]


@pytest.mark.parametrize("kind", ["eql", "esql", "threat_match", "unheard of"])
def test_types_that_are_not_run_are_refused_by_name(kind: str) -> None:
    with pytest.raises(DefinitionError, match=kind):
        parse_elastic({**ELASTIC, "type": kind}, where="e")


def test_parts_that_change_what_alerts_are_refused() -> None:
    for name in ("filters", "exceptions_list"):
        with pytest.raises(DefinitionError, match=name):
            parse_elastic({**ELASTIC, name: [{"x": 1}]}, where="e")


@pytest.mark.parametrize(
    "change", [{"name": None}, {"threat": [1]}, {"risk_score": "x"}, {"type": "threshold"}, {"type": "new_terms"}]
)
def test_broken_definitions_end_in_an_error(change: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        parse_elastic({**ELASTIC, **change}, where="e")
