"""Alerts of every product come out in one form, and whatever is wrong with one costs itself only."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source.alert_samples import (
    DEFEND,
    DEFENDER,
    ENDGAME,
    FALCON_ALERT,
    FALCON_DETECT,
    FALCON_STREAM,
    GRAPH,
    SAMPLES,
    SENTINEL,
    SHA256,
    SURICATA,
    WAZUH,
)
from source.reading import read_bytes

EXPECTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (DEFENDER, {
        "event.module": "m365_defender", "rule.name": "Remote service made by an unusual program", "rule.id": "det-1",
        "rule.severity": "low", "rarebit.alert.id": "da1_2", "rarebit.alert.state": "New", "host.name": "ws07",
        "user.name": "ann", "process.name": "psexesvc.exe", "process.executable": "C:\\Windows\\psexesvc.exe",
        "process.hash.sha256": SHA256, "process.parent.name": "services.exe", "process.pid": 412,
        "threat.tactic.name": ["Lateral Movement"], "threat.technique.id": ["T1021.002", "T1569"],
        "event.type": "allowed,info",
    }),
    (GRAPH, {
        "event.module": "m365_defender", "rule.name": "Credential dump", "rule.severity": "high", "host.name": "ws07",
        "rarebit.alert.id": "g1", "rarebit.alert.state": "resolved, falsePositive", "process.name": "procdump.exe",
        "process.executable": "C:\\tools\\procdump.exe", "process.hash.sha256": SHA256, "user.name": "ann",
        "threat.tactic.name": ["Credential Access"], "threat.technique.id": ["T1003.001"],
        "event.type": "denied,info",
    }),
    (FALCON_STREAM, {
        "event.module": "crowdstrike", "rule.name": "Suspicious Activity", "rule.severity": "high", "host.name": "ws07",
        "rarebit.alert.id": "ldt:1:2", "process.name": "rundll32.exe", "process.hash.sha256": SHA256,
        "process.hash.sha1": None, "threat.tactic.name": ["Defense Evasion"], "threat.technique.id": ["T1218.011"],
        "event.type": "denied,info", "user.name": "ann",
    }),
    (FALCON_ALERT, {
        "event.module": "crowdstrike", "rule.name": "LsassHandle", "rule.severity": "medium", "host.name": "ws07",
        "rarebit.alert.id": "c:ind:1", "rarebit.alert.state": "in_progress", "process.name": "x.exe",
        "process.parent.name": "cmd.exe", "threat.technique.id": ["T1003"], "event.type": "allowed,info",
    }),
    (FALCON_DETECT, {
        "event.module": "crowdstrike", "rule.name": "ScriptRun", "rule.severity": "high", "host.name": "ws07",
        "rarebit.alert.id": "ldt:9:9", "process.name": "x.exe", "threat.technique.id": ["T1059"],
    }),
    (SENTINEL, {
        "event.module": "sentinel_one", "rule.name": "Malware, On-Write Static AI", "rule.severity": "medium",
        "rarebit.alert.id": "77", "rarebit.alert.state": "unresolved", "host.name": "ws07", "user.name": "ann",
        "file.hash.sha256": SHA256, "threat.technique.id": ["T1027"], "event.type": "allowed,info",
        "process.name": "explorer.exe",
    }),
    (WAZUH, {
        "event.module": "wazuh", "rule.name": "Process injected", "rule.id": "92910", "rule.severity": "high",
        "host.name": "ws07", "user.name": "ann", "process.name": "x.exe", "process.hash.sha256": SHA256,
        "threat.tactic.name": ["Defense Evasion"], "threat.technique.id": ["T1055"], "rarebit.alert.id": None,
    }),
    (SURICATA, {
        "event.module": "suricata", "rule.name": "EX Odd certificate", "rule.severity": "medium",
        "host.name": "10.0.0.7", "source.ip": "203.0.113.9", "threat.tactic.name": ["Command and Control"],
        "threat.technique.id": ["T1071"], "rarebit.alert.id": None, "event.type": "allowed,info",
    }),
    (DEFEND, {
        "event.module": "endpoint", "rule.name": "Odd child of a browser", "rarebit.alert.id": "E+1",
        "threat.tactic.name": ["Execution"], "threat.technique.id": ["T1059", "T1059.003"], "host.name": "ws07",
    }),
    (ENDGAME, {
        "event.module": "endgame", "rule.name": "cred_theft_event", "rarebit.alert.id": "eg1", "host.name": "ws07",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("record", "expected"), EXPECTED, ids=[str(each["event.module"]) for _, each in EXPECTED])
def test_every_product_comes_out_in_one_form(tmp_path: Path, record: dict[str, Any], expected: dict[str, Any]) -> None:
    table, report = read_bytes(tmp_path, orjson.dumps(record))
    assert report.rows == 1, report
    row = table.to_pylist()[0]
    rest = json.loads(row["rarebit.rest"])
    found = {name: row.get(name, rest.get(name)) if name in row else rest.get(name) for name in expected}
    assert found == expected
    assert row["event.kind"] == "alert"
    assert row["@timestamp"].isoformat().startswith("2026-03-02T10:00:00")
    assert row["process.hash.sha256"] in (None, SHA256)


@pytest.mark.parametrize(("name", "record"), SAMPLES.items(), ids=SAMPLES)
def test_the_report_names_the_product(tmp_path: Path, name: str, record: dict[str, Any]) -> None:
    assert read_bytes(tmp_path, orjson.dumps(record))[1].format == name


def test_each_state_of_an_alert_is_an_event_and_the_same_twice_is_one(tmp_path: Path) -> None:
    later = {**FALCON_ALERT, "status": "closed", "updated_timestamp": "2026-03-03T09:00:00Z"}
    lines = b"\n".join(map(orjson.dumps, (FALCON_ALERT, later, FALCON_ALERT)))
    ids = read_bytes(tmp_path, lines)[0]["event.id"].to_pylist()
    assert ids[0] == ids[2] != ids[1]


def test_events_that_are_no_alerts_keep_their_id_and_rule(tmp_path: Path) -> None:
    event = {"@timestamp": "2026-03-02T10:00:00Z", "event": {"id": "e1", "kind": "event"}, "rule": {"name": "fw 7"}}
    row = read_bytes(tmp_path, orjson.dumps(event))[0].to_pylist()[0]
    assert row["event.id"] == "e1"
    assert json.loads(row["rarebit.rest"]) == {"rule.name": "fw 7"}


def test_other_lines_of_suricata_are_events_of_the_network(tmp_path: Path) -> None:
    line = {"timestamp": "2026-03-02T10:00:00+0000", "flow_id": 3, "event_type": "dns", "src_ip": "10.0.0.7",
            "dest_ip": "10.0.0.2", "proto": "UDP", "dns": {"rrname": "example.org"}}  # fmt: skip
    row = read_bytes(tmp_path, orjson.dumps(line))[0].to_pylist()[0]
    assert (row["event.kind"], row["event.dataset"]) == ("event", "suricata.dns")
    assert (row["source.ip"], row["dns.question.name"]) == ("10.0.0.7", "example.org")


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def _paths(record: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = record.items() if type(record) is dict else enumerate(record) if type(record) is list else ()
    return [found for key, value in items for found in ((*path, key), *_paths(value, (*path, key)))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_alert_with_anything_in_any_place_is_read_or_told_of(tmp_path: Path, data: st.DataObject) -> None:
    record = copy.deepcopy(data.draw(st.sampled_from([record for record, _ in EXPECTED])))
    path = data.draw(st.sampled_from(_paths(record)))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(_JUNK)
    try:
        line = orjson.dumps(record)
    except TypeError:
        return  # integers beyond 64 bits are no JSON of ours
    table, report = read_bytes(tmp_path, line + b"\n" + orjson.dumps(WAZUH))
    assert report.read == 2
    assert table.num_rows >= 1
    assert not report.error
