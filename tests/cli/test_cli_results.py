"""What the terminal says of cases, records, alerts and events, and what a person does with them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rarebit.alert.rules import alerts_of
from rarebit.app.cases import regroup
from rarebit.app.home import Home
from rarebit.core.influencer import Influencer
from rarebit.core.result import Record
from rarebit.core.time import parse_time
from rarebit.detect.catalog import catalog

Rarebit = Callable[..., Any]
GOLDEN = Path(__file__).parent.parent / "golden"
START = parse_time("2026-10-05T08:00:00Z")
MAIN = "v3_rare_process_by_host_windows"


@pytest.fixture
def told(
    tmp_path: Path,
    open_home: Callable[[Path], AbstractContextManager[Home]],
    make_record: Callable[..., Record],
    write_events: Callable[[Path, Any], Path],
    rarebit: Rarebit,
) -> Path:
    """A home with one case of three records, and an event behind each."""
    events = [
        {
            "@timestamp": f"2026-10-05T{8 + n:02}:00:00Z", "event.id": f"event-{n}", "host.name": "ws1",
            "user.name": "mara", "event.category": ["process"], "event.type": ["start"], "event.action": "start",
            "host.os.type": "windows",
            "process.name": f"odd-{n}.exe", "process.command_line": f"odd-{n}.exe -x", "process.parent.name": "cmd.exe",
        }
        for n in range(3)
    ]  # fmt: skip
    path = tmp_path / "home"
    rarebit("run", write_events(tmp_path / "events.ndjson", events), "--home", path, "--learn-until", "2026-11-01")
    who = (Influencer(influencer_field_name="user.name", influencer_field_values=("mara",)),)
    records = [
        make_record(n, START + n * 3_600_000_000, job_id=MAIN, expected=0.5 / (n + 1), influencers=who)
        for n in range(3)
    ]
    (tmp_path / "assets.csv").write_text("host,role,site\nws1,workstation,Lyon\n")
    with open_home(path) as home:
        home.import_assets(tmp_path / "assets.csv")
        home.store.put_records(records)
        home.store.put_alerts(alerts_of(catalog()[MAIN].job, records, from_score=25.0))
        regroup(home, 10.0)
    return path


def _golden(name: str, text: str) -> None:
    path = GOLDEN / name
    lines = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("RAREBIT_UPDATE_GOLDEN"):
        path.write_text(lines)
    assert lines == path.read_text()


def test_a_case_can_be_judged_from_one_screen(rarebit: Rarebit, told: Path) -> None:
    _golden("case_show.txt", rarebit("case", "show", "1", "--home", told).out)


def test_a_list_of_cases(rarebit: Rarebit, told: Path) -> None:
    _golden("case_list.txt", rarebit("case", "list", "--home", told).out)


def test_a_record_shows_the_counts_it_rests_on(rarebit: Rarebit, told: Path) -> None:
    _golden("record_show.txt", rarebit("record", "show", f"{2:020x}", "--home", told).out)


def test_an_alert_shows_its_record(rarebit: Rarebit, told: Path) -> None:
    (first, *_) = rarebit("alert", "list", "--json", "--home", told).objects
    shown = rarebit("alert", "show", first["id"][:10], "--home", told)
    assert shown.code == 0
    assert first["sentence"] in shown.out
    assert "T1059" in shown.out


def test_every_finding_leads_to_its_events(rarebit: Rarebit, told: Path) -> None:
    home = ("--home", told)
    (case,) = rarebit("case", "list", "--json", *home).objects
    (alert, *_) = rarebit("alert", "list", "--json", *home).objects

    def ids(*which: str) -> set[str]:
        return {event["event"]["id"] for event in rarebit("event", "list", *which, "--json", *home).objects}

    assert ids("--case", case["id"]) == {"event-0", "event-1", "event-2"}
    assert ids("--record", case["record_ids"][1]) == {"event-1"}
    assert ids("--alert", alert["id"]) == set(alert["event_ids"])
    assert ids("--where", case["queries"]["kql"]) == {"event-0", "event-1", "event-2"}
    assert ids("--where", "process.name:odd*", "--language", "lucene") == {"event-0", "event-1", "event-2"}
    assert ids("--where", '{"term": {"process.name": "odd-1.exe"}}', "--language", "dsl") == {"event-1"}
    assert ids("--where", "asset.role: workstation and user.name: mara") == {"event-0", "event-1", "event-2"}


def test_where_a_value_was_ever_seen(rarebit: Rarebit, told: Path) -> None:
    home = ("--home", told)
    (seen,) = rarebit("event", "seen", "ODD-1.exe", "--json", *home).objects
    assert (seen["field"], seen["value"], seen["events"], seen["hosts"]) == ("process.name", "odd-1.exe", 1, 1)
    assert seen["first"] == seen["last"] == "2026-10-05T09:00:00.000Z"
    assert [on["host"] for on in seen["on"]] == ["ws1"]
    assert "1 event on 1 day, 1 host; first 2026-10-05T09:00:00" in rarebit("event", "seen", "odd-1.exe", *home).out
    assert len(rarebit("event", "seen", "odd-*", "--json", *home).objects) == 3
    assert rarebit("event", "seen", "mara", "--field", "process.name", "--json", *home).objects == []
    never = rarebit("event", "seen", "evil.example", *home)
    assert (never.code, never.out) == (0, "")
    assert "never seen in any of" in never.err
    assert rarebit("event", "seen", "x", "--field", "no.field", *home).code == 2
    assert rarebit("event", "seen", *home).code == 2
    assert "remembered" in rarebit("event", "seen", "--rebuild", *home).err


def test_a_verdict_closes_a_case_and_unsure_opens_it(rarebit: Rarebit, told: Path) -> None:
    home = ("--home", told)
    (case,) = rarebit("case", "list", "--json", *home).objects
    for verdict in ("true", "benign", "false"):
        said = rarebit("case", "verdict", "1", verdict, *home).out.splitlines()
        assert said[0] == f"case {case['id']}: closed, verdict {verdict}"
        assert "the same behaviour" in said[1]
    assert rarebit("case", "list", "--json", *home).objects == []
    assert rarebit("case", "list", "--state", "closed", "--json", *home).objects[0]["verdict"] == "false"
    assert "verdict false" in rarebit("case", "show", case["id"], *home).out
    assert rarebit("case", "verdict", case["id"][:6], "unsure", "--json", *home).objects[0]["state"] == "open"
    assert rarebit("case", "close", "1", *home).code == 0
    assert rarebit("case", "list", *home).out == "no cases\n"


def test_lists_can_be_narrowed(rarebit: Rarebit, ran: Path) -> None:
    home = ("--home", ran, "--json")
    every = rarebit("record", "list", *home).objects
    scores = [record["record_score"] for record in every]
    assert scores == sorted(scores, reverse=True)
    middle = sorted(scores)[len(scores) // 2]
    assert len(rarebit("record", "list", "--min-score", middle, *home).objects) == sum(s >= middle for s in scores)
    host = every[0]["entity_id"]
    assert {record["entity_id"] for record in rarebit("record", "list", "--host", host, *home).objects} == {host}
    assert len(rarebit("record", "list", "--limit", "2", *home).objects) == 2
    job = every[0]["job_id"]
    assert {record["job_id"] for record in rarebit("record", "list", "--job", job, *home).objects} == {job}


def test_a_record_has_the_names_of_elastic(rarebit: Rarebit, ran: Path) -> None:
    names = """id job_id detector_index timestamp bucket_span function field_name by_field_name by_field_value
    over_field_name over_field_value partition_field_name partition_field_value typical actual probability record_score
    initial_record_score influencers is_interim expected_per_week explanation event_ids event_count"""
    for record in rarebit("record", "list", "--json", "--home", ran).objects:
        assert set(names.split()) <= set(record)
        assert 0 <= record["record_score"] <= 100
        assert 0 < record["probability"] <= 1
        assert record["event_count"] >= len(record["event_ids"]) > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{3})?Z", record["time"])
        assert record["timestamp"] <= record["time"]


def test_every_number_of_a_sentence_stands_beside_it(rarebit: Rarebit, ran: Path) -> None:
    for record in rarebit("record", "list", "--json", "--home", ran).objects:
        for level in record["explanation"]["levels"]:
            assert level["peers_with_value"] <= level["peers"]
            assert level["fleet_with_value"] <= level["fleet"]
            assert level["entity_novel"] <= level["entity_observations"] + 1e-9
            if level["fleet_with_value"] and "of" in record["explanation"]["sentence"]:
                assert f"{level['fleet_with_value']:,} of {level['fleet']:,}" in record["explanation"]["sentence"]


def test_looking_at_an_installation_that_is_not_there_does_not_make_it(rarebit: Rarebit, tmp_path: Path) -> None:
    for words in (("status",), ("case", "list"), ("record", "list"), ("event", "list", "--where", "*")):
        done = rarebit(*words, "--home", tmp_path / "nowhere")
        assert (done.code, "rarebit run" in done.err, done.out) == (2, True, "")
    assert not (tmp_path / "nowhere").exists()
