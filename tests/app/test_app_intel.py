"""Indicators in a run: hits, what was refused, what came from outside, false positives, expiry, hunting."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Rarebit = Callable[..., Any]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
Event = dict[str, Any]
JOB = "rare_user_name_for_a_host"
MD5 = "0123456789abcdef" * 2


def event(minute: int, fields: Event, day: int = 5) -> Event:
    return {"@timestamp": f"2026-01-{day:02}T10:{minute:02}:00Z", "host.name": "WS01.corp.example", **fields}


EVENTS: list[Event] = [
    event(0, {"destination.ip": "198.51.100.7", "event.category": "network"}),
    event(1, {"destination.ip": "198.51.100.7", "event.category": "network", "event.action": "connection denied"}),
    event(2, {"destination.ip": "203.0.113.9", "event.category": "network", "event.type": "denied"}),
    event(3, {"source.ip": "203.0.113.9", "event.category": "network"}),
    event(4, {"source.ip": "203.0.113.9", "event.category": "authentication", "event.outcome": "failure"}),
    event(5, {"source.ip": "203.0.113.10", "event.category": "authentication", "event.outcome": "success"}),
    event(6, {"dns.question.name": "a.b.evil.example.", "event.category": "network"}),
    event(7, {"dns.question.name": "notevil.example", "event.category": "network"}),
    event(8, {"process.pe.imphash": MD5, "event.category": "process"}),
    event(9, {"file.hash.md5": MD5.upper(), "event.category": "file"}),
    event(10, {"destination.ip": "8.8.8.8", "event.category": "network"}),
    event(11, {"destination.ip": "198.51.100.7", "event.category": "network"}, day=6),
]
LIST = "198.51.100.7\n203.0.113.0/24\nevil.example\n8.8.8.8\n"


@pytest.fixture
def home(rarebit: Rarebit, tmp_path: Path, write_events: WriteEvents) -> Path:
    (tmp_path / "l.txt").write_text(LIST)
    (tmp_path / "h.csv").write_text(f"md5\n{MD5}\n")
    (tmp_path / "w.json").write_text(
        json.dumps({"name": "Resolvers", "type": "cidr", "category": "False positive", "list": ["8.8.8.8/32"]})
    )
    place = tmp_path / "home"
    for name in ("l.txt", "h.csv", "w.json"):
        assert rarebit("intel", "import", tmp_path / name, "--home", place).code == 0
    write_events(tmp_path / "one.ndjson", EVENTS[:6])
    write_events(tmp_path / "two.ndjson", EVENTS[6:])
    return place


def matches(rarebit: Rarebit, home: Path) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    found = rarebit("intel", "list", "matches", "--json", "--home", home).objects
    return {(m["value"], m["field"], m["day"]): (m["hits"], m["attempts"], m["inbound"]) for m in found}


EXPECTED = {
    ("198.51.100.7", "destination.ip", "2026-01-05"): (1, 1, 0),
    ("198.51.100.7", "destination.ip", "2026-01-06"): (1, 0, 0),
    ("203.0.113.0/24", "destination.ip", "2026-01-05"): (0, 1, 0),
    ("203.0.113.0/24", "source.ip", "2026-01-05"): (1, 1, 1),
    ("evil.example", "dns.question.name", "2026-01-05"): (1, 0, 0),
    (MD5, "file.hash.md5", "2026-01-05"): (1, 0, 0),
}


def test_a_match_is_what_went_through_was_refused_or_came_from_outside(
    rarebit: Rarebit, home: Path, tmp_path: Path
) -> None:
    done = rarebit("run", "--job", JOB, tmp_path / "one.ndjson", tmp_path / "two.ndjson", "--home", home)
    assert "5 looked for: 5 hits, 1 refused or failed, 0 only from outside" in done.err
    assert "1 values are on lists of false positives" in done.err
    assert matches(rarebit, home) == EXPECTED
    found = rarebit("intel", "list", "matches", "--json", "--home", home).objects
    assert {match["entity_id"] for match in found} == {"ws01"}
    hit = next(match for match in found if match["value"] == "evil.example")
    assert (hit["seen"], hit["kind"], hit["sources"]) == ("a.b.evil.example.", "domain", ["l"])
    shown = rarebit("event", "list", "--where", f"event.id: {hit['event_ids'][0]}", "--json", "--home", home).objects
    assert [each["dns"]["question"]["name"] for each in shown] == ["a.b.evil.example."]
    status = rarebit("status", "--json", "--home", home).objects[0]
    assert status["indicator_matches"] == {"hit": 5, "attempt": 1}


def test_cuts_and_repeats_change_nothing(rarebit: Rarebit, home: Path, tmp_path: Path) -> None:
    for name in ("two", "one", "one", "two"):
        rarebit("run", "--job", JOB, tmp_path / f"{name}.ndjson", "--home", home)
    assert matches(rarebit, home) == EXPECTED


def test_a_hunt_finds_what_was_here_before_the_list(rarebit: Rarebit, home: Path, tmp_path: Path) -> None:
    (tmp_path / "late.txt").write_text("notevil.example\n203.0.113.0/28\n198.18.0.0/24\n")
    rarebit("run", "--job", JOB, tmp_path / "one.ndjson", tmp_path / "two.ndjson", "--home", home)
    done = rarebit("intel", "import", tmp_path / "late.txt", "--home", home)
    assert "rarebit intel hunt --source late" in done.err
    found = rarebit("intel", "hunt", "--source", "late", "--json", "--home", home).objects
    assert {(each["value"], each["seen"], each["field"], each["events"], *each["on"]) for each in found} == {
        ("notevil.example", "notevil.example", "dns.question.name", 1, "ws01"),
        ("203.0.113.0/28", "203.0.113.9", "destination.ip", 1, "ws01"),
        ("203.0.113.0/28", "203.0.113.9", "source.ip", 2, "ws01"),
        ("203.0.113.0/28", "203.0.113.10", "source.ip", 1, "ws01"),
    }
    every = rarebit("intel", "hunt", "--json", "--home", home).objects
    assert "8.8.8.8" not in {each["seen"] for each in every}
    assert {each["kind"] for each in every} == {"ip", "cidr", "domain"}
    assert rarebit("intel", "hunt", "--since", "2100-01-01", "--json", "--home", home).objects == []


def test_an_expired_indicator_is_not_met_after_its_time(rarebit: Rarebit, home: Path, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("ioc,valid_until,confidence\n198.51.100.7,2026-01-06T00:00:00Z,80\n")
    assert rarebit("intel", "remove", "--source", "l", "--json", "--home", home).objects == [
        {"source": "l", "indicators": 4, "matches": 0}
    ]
    rarebit("intel", "import", tmp_path / "l.csv", "--home", home)
    rarebit("run", "--job", JOB, tmp_path / "one.ndjson", tmp_path / "two.ndjson", "--home", home)
    assert [day for value, _, day in matches(rarebit, home) if value == "198.51.100.7"] == ["2026-01-05"]
    assert rarebit("intel", "remove", "--source", "l", "--json", "--home", home).objects[0]["matches"] == 1
    assert set(matches(rarebit, home)) == {(MD5, "file.hash.md5", "2026-01-05")}


def test_a_list_taken_again_keeps_what_it_had(rarebit: Rarebit, home: Path, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("198.51.100.7\nother.example\n")
    taken = rarebit("intel", "import", tmp_path / "l.txt", "--json", "--home", home).objects[0]
    assert (taken["taken"], taken["new"], taken["held"]) == (2, 1, 5)
    found = rarebit("intel", "list", "indicators", "--source", "l", "--json", "--home", home).objects
    times = {each["value"]: (each["first_import"], each["last_seen"]) for each in found}
    assert times["198.51.100.7"][0] == times["evil.example"][0] == times["evil.example"][1]
    assert times["198.51.100.7"][1] == times["other.example"][1] > times["evil.example"][1]
    assert rarebit("intel", "import", tmp_path / "none", "--home", home).code == 2
    assert rarebit("intel", "remove", "--source", "none", "--home", home).code == 2
