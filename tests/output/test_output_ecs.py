"""Alerts and cases as ECS documents."""

from __future__ import annotations

import msgspec
import pytest

from rarebit.core.result import Alert, Case, CaseEntity
from rarebit.core.rule import RISK
from rarebit.output.ecs import ecs_alert, ecs_case, severity_of

ALERT = Alert(
    id="a1", rule_id="r", record_id="", timestamp="2026-10-05T10:00:00Z", score=80.0, expected_per_week=None,
    entity_type="host", entity_id="ws1", sentence="ws1 did it", tactics=("Execution",), techniques=("T1059",),
    event_ids=("e1", "e2"), last="2026-10-05T10:05:00Z",
)  # fmt: skip
EVENT = {
    "@timestamp": "2026-10-05T10:00:00Z", "event": {"code": "1", "id": "e1"},
    "host": {"name": "WS1", "os": {"type": "windows"}},
    "process": {"name": "x.exe"}, "winlog": {"event_id": 1},
}  # fmt: skip


def test_an_alert_carries_its_first_event() -> None:
    made = ecs_alert(ALERT, EVENT)
    assert made["event"]["kind"] == "alert"
    assert (made["event"]["id"], made["event"]["end"]) == ("a1", "2026-10-05T10:05:00Z")
    assert made["host"] == {"name": "WS1", "os": {"type": "windows"}}
    assert made["process"] == {"name": "x.exe"}
    assert made["rarebit"]["original_event"] == {"code": "1", "id": "e1"}
    assert "winlog" not in made
    assert made["threat"]["technique"] == {"id": ["T1059"]}
    assert made["related"] == {"hosts": ["WS1"]}
    assert "expected_per_week" not in made["rarebit"]


def test_every_severity_of_a_rule_has_its_number() -> None:
    for severity, risk in RISK.items():
        assert ecs_alert(msgspec.structs.replace(ALERT, severity=severity))["event"]["severity"] == risk


def test_an_alert_whose_event_is_gone_still_names_its_host() -> None:
    made = ecs_alert(ALERT)
    assert made["host"] == {"name": "ws1"}
    assert made["rarebit"]["event_count"] == 2


@pytest.mark.parametrize(
    ("score", "word"), [(0.0, "low"), (46.9, "low"), (47.0, "medium"), (73.0, "high"), (99.0, "critical")]
)
def test_severity_by_steps(score: float, word: str) -> None:
    assert severity_of(score) == word


def test_a_case_says_whom_it_is_about() -> None:
    case = Case(
        id="c1", rank=1, score=50.0, expected_per_week=1.0, state="open", opened_at="2026-10-05T10:00:00Z",
        entity=CaseEntity(type="user", id="u", name="ada"), updated_at="2026-10-05T11:00:00Z", sentence="ada: x",
    )  # fmt: skip
    made = ecs_case(case)
    assert (made["user"], made["related"]) == ({"name": "ada"}, {"user": ["ada"]})
    assert "threat" not in made
    assert made["rarebit"]["rank"] == 1
