"""Rules over matches with indicators: beside behaviour, or alone where a rule or a list says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rarebit.alert.definition import parse_rule
from rarebit.case.context import INDICATOR, Met, indicator_parts
from rarebit.core.errors import DefinitionError
from rarebit.core.time import DAY_US

Rarebit = Callable[..., Any]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
SHIPPED = "indicator_beside_behaviour"
JOB = "rare_user_name_for_a_host"


def _contact(day: int, host: str, address: str) -> dict[str, Any]:
    time = f"2026-01-{day:02}T10:05:00Z"
    return {"@timestamp": time, "host.name": host, "destination.ip": address, "event.category": "network"}


def _logons(days: range) -> list[dict[str, Any]]:
    """Ten hosts, each with its own user all day long; at last one has another's."""
    made = [
        {
            "@timestamp": f"2026-01-{day:02}T{hour:02}:{minute:02}:00Z", "host.name": f"ws{host:02}",
            "user.name": f"user{host:02}", "event.category": "authentication", "event.outcome": "success",
        }
        for day in days for hour in range(8, 18) for minute in (0, 20, 40) for host in range(10)
    ]  # fmt: skip
    odd = {"user.name": "stranger", "@timestamp": f"2026-01-{days[-1]:02}T12:00:00Z"}
    return [*made, {**made[3], **odd}]


@pytest.fixture
def home(rarebit: Rarebit, tmp_path: Path, write_events: WriteEvents) -> Path:
    place = tmp_path / "home"
    (tmp_path / "bad.txt").write_text("198.51.100.7\n")
    (tmp_path / "sure.txt").write_text("198.51.100.9\n")
    assert rarebit("intel", "import", tmp_path / "bad.txt", "--home", place).code == 0
    assert rarebit("intel", "import", tmp_path / "sure.txt", "--alert", "--home", place).code == 0
    events = [
        *_logons(range(1, 15)),
        _contact(14, "ws03", "198.51.100.7"),  # beside the stranger
        _contact(14, "ws05", "198.51.100.7"),  # beside nothing
        _contact(13, "ws06", "198.51.100.9"),  # of a list that is to alert
    ]
    write_events(tmp_path / "events.ndjson", events)
    assert rarebit("rule", "enable", SHIPPED, "--home", place).code == 0
    done = rarebit(
        "run", "--job", JOB, tmp_path / "events.ndjson", "--learn-until", "2026-01-08", "--home", place,
    )  # fmt: skip
    assert done.code == 0, done.err
    return place


def _alerts(rarebit: Rarebit, home: Path, rule: str) -> dict[str, dict[str, Any]]:
    found = rarebit("alert", "list", "--json", "--home", home).objects
    return {alert["entity_id"]: alert for alert in found if alert["rule_id"] == rule}


def test_a_match_is_told_of_beside_behaviour_or_where_its_list_is_to_alert(rarebit: Rarebit, home: Path) -> None:
    told = _alerts(rarebit, home, SHIPPED)
    assert set(told) == {"ws03", "ws06"}
    beside, sure = told["ws03"], told["ws06"]
    assert "destination.ip 198.51.100.7 in 1 events on ws03, by list bad" in beside["sentence"]
    assert "beside 1 record of it" in beside["sentence"]
    assert "beside" not in sure["sentence"].removeprefix("Indicator met beside unusual behaviour")
    assert beside["event_ids"]
    assert beside["score"] == pytest.approx(73.0 * 0.5, abs=2.0)  # by its confidence


def test_it_is_told_once_and_a_rule_can_tell_of_all(rarebit: Rarebit, home: Path, tmp_path: Path) -> None:
    before = _alerts(rarebit, home, SHIPPED)
    assert rarebit("run", "--job", JOB, tmp_path / "events.ndjson", "--home", home).code == 0
    assert _alerts(rarebit, home, SHIPPED) == before
    rule = tmp_path / "alone.yaml"
    rule.write_text("id: alone\nname: Known bad\nkind: indicator\nindicator: {alone: true, sources: [bad]}\n")
    past = rarebit("rule", "test", rule, "--json", "--home", home).objects[0]
    assert sorted(alert["entity_id"] for alert in past["alerts"]) == ["ws03", "ws05"]
    shown = rarebit("rule", "show", SHIPPED, "--home", home).out
    assert "beside a record of the same entity" in " ".join(shown.split())


def test_a_match_gives_a_case_points_that_can_be_recomputed(rarebit: Rarebit, home: Path) -> None:
    listed = rarebit("case", "list", "--json", "--home", home)
    assert listed.code == 0, listed.err
    cases = {case["entity"]["id"]: case for case in listed.objects}
    parts = [part for part in cases["ws03"]["parts"] if part["text"].startswith("indicator met")]
    assert [part["kind"] for part in parts] == ["context"]
    assert parts[0]["points"] == pytest.approx(INDICATOR * 0.5, abs=0.05)
    assert sum(part["points"] for part in cases["ws03"]["parts"]) == pytest.approx(cases["ws03"]["points"], abs=0.01)


def test_only_the_surest_indicator_beside_the_findings_counts() -> None:
    far, near, sure = (
        Met(at, at, confidence, f"met {confidence:g}") for at, confidence in ((0, 99), (9, 40), (10, 60))
    )
    assert indicator_parts([far], 3 * DAY_US, 4 * DAY_US) == ()
    days = [Met(each.first_us * DAY_US, each.last_us * DAY_US, *each[2:]) for each in (far, near, sure)]
    (part,) = indicator_parts(days, 9 * DAY_US, 10 * DAY_US)
    assert (part.text, part.points) == ("met 60; and 1 more", round(INDICATOR * 0.6, 2))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"kind": "indicator"}, "has none: indicator"),
        ({"kind": "indicator", "indicator": {}, "query": "a: b"}, "takes no query"),
        ({"kind": "query", "query": "a: b", "indicator": {}}, "does not take one: indicator"),
        ({"kind": "indicator", "indicator": {"near": "soon"}}, "soon"),
        ({"kind": "indicator", "indicator": {"kinds": ["md7"]}}, "md7"),
    ],
)
def test_what_cannot_be_is_refused(body: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        parse_rule({"id": "r", "name": "R", **body}, where="r.yaml")
