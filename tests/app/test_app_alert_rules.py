"""Rules from events to alerts through the command: the same in one run, in many, and over the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rarebit.app.home import Home
from rarebit.app.rule_past import rule_past
from rarebit.app.rules import get_rule, import_rules, list_rules
from rarebit.app.run import RunOptions, run
from rarebit.core.errors import NotFoundError
from rarebit.core.result import Alert
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

START = parse_time("2026-10-05")
MINUTE_US = HOUR_US // 60
RULES = """
id: shell
name: Shell
kind: query
severity: high
query: 'process.name: cmd.exe'
suppress: {fields: [host.name], window: 1h}
---
id: burst
name: Burst of failures
kind: threshold
query: 'event.outcome: failure'
threshold: {value: 10, fields: [source.ip], cardinality_field: user.name, cardinality: 3}
suppress: {window: 10m}
---
id: first
name: New pair
kind: new_terms
query: 'event.category: authentication'
new_terms: {fields: [user.name, source.ip], learn: 2d}
---
id: quiet
name: Shell in the shadow
kind: query
state: shadow
query: 'process.name: cmd.exe'
---
id: blind
name: Needs what is not there
kind: query
query: 'cloud.account.id: 7'
"""
Rarebit = Callable[..., Any]
Write = Callable[[Path, Sequence[dict[str, Any]]], Path]
OpenHome = Callable[[Path], AbstractContextManager[Home]]


def _event(at: int, **fields: Any) -> dict[str, Any]:
    return {
        "@timestamp": iso(at),
        "host.name": "ws1",
        **{name.replace("_", "."): each for name, each in fields.items()},
    }


def _events() -> list[dict[str, Any]]:
    """Shells on two hosts; a burst of failures over five accounts, one over a single account; ordinary logons."""
    made = [(START + day * DAY_US + 9 * HOUR_US, "u1", "192.0.2.1", "success") for day in range(5)]
    made += [(START + 4 * DAY_US + n * MINUTE_US // 2, f"u{n % 5}", "198.51.100.9", "failure") for n in range(12)]
    made += [(START + 3 * DAY_US + n * MINUTE_US // 2, "u1", "198.51.100.8", "failure") for n in range(12)]
    found = [
        _event(at, event_category=["authentication"], event_outcome=outcome, user_name=user, source_ip=address)
        for at, user, address, outcome in made
    ]
    shells = [(0, "ws1"), (5, "ws1"), (6, "ws2"), (70, "ws1"), (3000, "ws1")]
    return found + [
        {**_event(START + minute * MINUTE_US, event_category=["process"], process_name="cmd.exe", user_name="u1"),
         "host.name": host}
        for minute, host in shells
    ]  # fmt: skip


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, "utf-8")
    return path


def _told(home: Home) -> dict[str, tuple[Any, ...]]:
    alerts = [alert for alert in home.store.list_alerts(sort="time") if not alert.record_id]
    return {a.id: (a.rule_id, a.timestamp, a.last, a.event_count, a.event_ids, a.entity_id, a.sentence) for a in alerts}


def _of(alerts: Sequence[Alert], rule_id: str) -> list[Alert]:
    return [alert for alert in alerts if alert.rule_id == rule_id]


def test_live_equals_replay_equals_the_past(
    tmp_path: Path, write_events: Write, open_home: OpenHome, rules: Path
) -> None:
    events = sorted(_events(), key=lambda event: str(event["@timestamp"]))
    with open_home(tmp_path / "whole") as home:
        assert len(import_rules(home, rules).rules) == 5
        summary = run(home, [write_events(tmp_path / "all.ndjson", events)], RunOptions())
        whole = _told(home)
        past = {
            alert.id for name in ("shell", "burst", "first") for alert in rule_past(home, get_rule(home, name)).alerts
        }
        alerts = home.store.list_alerts(sort="time")
    with open_home(tmp_path / "parts") as home:
        import_rules(home, rules)
        for part in range(0, len(events), 7):
            run(home, [write_events(tmp_path / f"{part}.ndjson", events[part : part + 7])], RunOptions())
        run(home, [tmp_path / "0.ndjson"], RunOptions())
        parts = _told(home)
    assert whole == parts
    assert past == set(whole)
    assert [(a.entity_id, a.event_count, a.state) for a in _of(alerts, "shell")] == [
        ("ws1", 2, "new"), ("ws2", 1, "new"), ("ws1", 1, "ongoing"), ("ws1", 1, "new"),
    ]  # fmt: skip
    (burst,) = _of(alerts, "burst")
    assert (burst.group, burst.event_count) == ({"source.ip": "198.51.100.9"}, 12)
    assert [alert.group["source.ip"] for alert in _of(alerts, "first")] == ["198.51.100.8", *["198.51.100.9"] * 5]
    outcomes = {outcome.rule_id: outcome for outcome in summary.rules}
    assert not _of(alerts, "quiet")
    assert outcomes["quiet"].alerts == 3
    assert outcomes["blind"].blind == ("cloud.account.id",)


def test_the_order_of_files_does_not_matter(
    tmp_path: Path, write_events: Write, open_home: OpenHome, rules: Path
) -> None:
    events = _events()
    told = []
    for name, parts in (("forward", (events[::2], events[1::2])), ("back", (events[1::2], events[::2]))):
        with open_home(tmp_path / name) as home:
            import_rules(home, rules)
            for number, part in enumerate(parts):
                run(home, [write_events(tmp_path / f"{name}{number}.ndjson", part)], RunOptions())
            told.append({key: line[:4] for key, line in _told(home).items() if line[0] != "first"})
    assert told[0] == told[1]


def test_new_terms_wait_where_the_memory_is_left_out(
    tmp_path: Path, write_events: Write, open_home: OpenHome, rules: Path
) -> None:
    with open_home(tmp_path / "home") as home:
        import_rules(home, rules)
        path = write_events(tmp_path / "all.ndjson", _events())
        outcomes = {each.rule_id: each for each in run(home, [path], RunOptions(remember=False)).rules}
        assert outcomes["first"].waiting
        again = {each.rule_id: each for each in run(home, [path], RunOptions()).rules}
    assert again["first"].alerts == 6
    assert again["shell"].alerts == 0


def test_commands(tmp_path: Path, write_events: Write, rarebit: Rarebit, rules: Path) -> None:
    home = ("--home", tmp_path / "home")
    taken = rarebit("rule", "import", rules, *home, "--json")
    assert [line["id"] for line in taken.objects] == ["shell", "burst", "first", "quiet", "blind"]
    events = write_events(tmp_path / "all.ndjson", _events())
    assert rarebit("rule", "disable", "shell", *home).out.strip() == "shell: off"
    done = rarebit("run", events, *home)
    assert "shell:" not in done.err
    assert "blind: blind, no event has cloud.account.id" in done.err
    assert rarebit("rule", "enable", "shell", *home, "--json").objects == [{"id": "shell", "state": "on"}]
    assert "shell: 4 alerts of 5 events, 1 ongoing" in rarebit("run", events, *home).err
    assert "shell: 0" not in rarebit("run", events, *home).err
    listed = rarebit("alert", "list", *home, "--json").objects
    shell = next(line for line in listed if line["rule_id"] == "shell" and line["entity_id"] == "ws2")
    assert "Shell: 1 event, host.name ws2" in rarebit("alert", "show", shell["id"], *home).out
    (event,) = rarebit("event", "list", "--alert", shell["id"], *home, "--json").objects
    assert event["host"]["name"] == "ws2"
    tried = rarebit("rule", "test", "shell", "--from", iso(START + DAY_US), *home, "--json").objects[0]
    assert [alert["entity_id"] for alert in tried["alerts"]] == ["ws1"]
    assert "Shell: 4 alerts in 5 days, 0.8 a day; 1 of them go on" in rarebit("rule", "test", "shell", *home).out
    assert "blind" in [line["id"] for line in rarebit("rule", "list", "--blind", *home, "--json").objects]
    assert "never seen before" in rarebit("rule", "show", "first", *home).out
    assert rarebit("rule", "list", "--state", "maybe", *home).code == 2
    assert rarebit("rule", "show", "nothing", *home).code == 2


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path, open_home: OpenHome) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yaml").write_text("id: a\nname: A\nkind: query\nquery: 'host.name: x'\n", "utf-8")
    (folder / "b.json").write_text("{not json", "utf-8")
    (folder / "c.yaml").write_text("[1, 2]", "utf-8")
    (folder / "d.toml").write_text('[rule]\nrule_id = "d"\nname = "D"\ntype = "eql"\n', "utf-8")
    (folder / "e.yaml").write_text("id: e\nname: E\nkind: query\nquery: 'asset.role: x'\n", "utf-8")
    with open_home(tmp_path / "home") as home:
        taken = import_rules(home, folder)
        assert [rule.id for rule in taken.rules] == ["a"]
        assert [each.where for each in taken.refused] == ["b.json", "c.yaml", "d.toml", "e.yaml"]
        assert "a" in [rule.id for rule in list_rules(home)]
        with pytest.raises(NotFoundError):
            get_rule(home, "zzz")
