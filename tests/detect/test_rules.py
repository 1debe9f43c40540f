"""Custom rules as Elastic writes them: read, refused where they are wrong, named where they cannot be applied."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.care import FilterList
from rarebit.core.errors import DefinitionError
from rarebit.core.job import Detector, Job
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems
from rarebit.detect.rules import filters_of, rules_of
from rarebit.detect.scopes import scope_sql

SCOPE = {"process.name": {"filter_id": "known", "filter_type": "include"}}


def _job(*rules: Any, function: str = "rare") -> Job:
    split: dict[str, Any] = {"by_field_name": "process.name", "partition_field_name": "host.name"}
    return Job(job_id="j", detectors=(Detector(function=function, custom_rules=rules, **split),))


def test_a_rule_says_scope_conditions_and_actions() -> None:
    (rule,) = rules_of(
        _job(
            {
                "actions": ["skip_result", "skip_model_update"],
                "scope": {"host.name": {"filter_id": "build", "filter_type": "exclude"}, **SCOPE},
                "conditions": [{"applies_to": "time", "operator": "gte", "value": 5}],
            }
        )
    )
    assert (rule.skip_result, rule.skip_learning) == (True, True)
    assert [(each.field, each.filter_id, each.include) for each in rule.scopes] == [
        ("host.name", "build", False),
        ("process.name", "known", True),
    ]
    assert filters_of(_job({"scope": SCOPE})) == {"known"}
    (default,) = rules_of(_job({"scope": {"process.name": {"filter_id": "known"}}}))
    assert (default.skip_result, default.skip_learning, default.scopes[0].include) == (True, False, True)


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"actions": ["skip_result"]}, {"actions": [], "scope": SCOPE}, {"actions": ["delete"], "scope": SCOPE},
        {"actions": "skip_result", "scope": SCOPE}, {"scope": {"user.name": {"filter_id": "known"}}},
        {"scope": {"process.name": {"filter_id": "known", "filter_type": "only"}}}, {"scope": {"process.name": {}}},
        {"scope": [1]}, {"scope": SCOPE, "when": 1},
        {"conditions": [{"applies_to": "p", "operator": "gt", "value": 1}]},
        {"conditions": [{"applies_to": "actual", "operator": "eq", "value": 1}]},
        {"conditions": [{"applies_to": "actual", "operator": "gt", "value": "1"}]},
        {"conditions": [{"applies_to": "actual", "operator": "gt", "value": True}]}, {"conditions": [3]},
        {"conditions": {"applies_to": "actual"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_rule_is_refused_and_its_place_named(rule: dict[str, Any]) -> None:
    (found,) = problems(_job(rule, function="count"))
    assert found.kind == "refused"
    assert found.where.startswith("analysis_config.detectors[0].custom_rules[0]")
    with pytest.raises(DefinitionError, match="cannot run"):
        plan(_job(rule, function="count"))


_KEYS = st.sampled_from(["actions", "scope", "conditions", "process.name", "filter_id", "applies_to", "value"])
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda part: st.lists(part) | st.dictionaries(_KEYS, part),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _ANYTHING))
def test_any_rule_is_read_or_refused(rule: dict[str, Any]) -> None:
    for problem in problems(_job(rule)):
        assert problem.where.startswith("analysis_config.detectors[0]")


def test_a_condition_on_a_value_that_a_function_has_not_is_named_and_not_applied() -> None:
    rule = {"scope": SCOPE, "conditions": [{"applies_to": "actual", "operator": "gt", "value": 1}]}
    (found,) = problems(_job(rule))
    assert (found.kind, "not applied" in found.text) == ("ignored", True)
    made = plan(_job(rule))
    assert made.care(made.groups[0]).rule_keys.size == 0
    counted = plan(_job(rule, function="high_count"))
    assert counted.care(counted.groups[0]).rule_keys.size == 1
    assert problems(counted.job) == []


def test_a_scope_whose_list_is_not_there_has_no_sql() -> None:
    (rule,) = rules_of(_job({"scope": SCOPE}))
    assert scope_sql(rule, {}) is None
    assert scope_sql(rule, {"known": FilterList(filter_id="known")}) == "(FALSE)"
