"""Result logs of osquery in their three forms; what held when; roles and administrators by what hosts report."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.asset.derive import attributes_of, known, states_of
from rarebit.asset.ledger import Fact, Ledger
from rarebit.asset.osquery import KEPT, Reading, Reported, head_of, is_osquery, read_results, reports_of

START = 1_790_000_000


def _line(table: str, at: int, **body: Any) -> bytes:
    return orjson.dumps(
        {"name": f"pack_inventory_{table}", "hostIdentifier": "DC01.corp.example", "unixTime": at} | body
    )


def _read(*lines: bytes) -> tuple[list[Reported], Reading]:
    reading = Reading()
    return list(reports_of(lines, reading)), reading


def test_the_three_forms_say_the_same() -> None:
    row = {"name": "NTDS", "status": "RUNNING", "display_name": "left out"}
    kept = ('{"name":"NTDS","status":"RUNNING"}',)
    found, reading = _read(
        _line("services", START, columns=row, action="added", counter=3),
        _line("services", START, diffResults={"added": [row], "removed": [row]}, counter="5"),
        _line("services", START, snapshot=[row, row], action="snapshot"),
        _line("services", START, columns=row, action="added", counter=0),
    )
    assert [(each.how, each.rows) for each in found] == [
        ("added", kept), ("removed", kept), ("added", kept), ("snapshot", kept), ("initial", kept)
    ]  # fmt: skip
    assert {(each.host, each.table, each.at_us) for each in found} == {("dc01", "services", START * 10**6)}
    assert (reading.lines, reading.taken) == (4, 4)


def test_bad_lines_are_counted_and_others_named() -> None:
    found, reading = _read(
        b"not json\n", b"[1]\n", b"\n", _line("services", 0, snapshot=[]), _line("dns_cache", START, snapshot=[{}]),
        orjson.dumps({"name": "services", "unixTime": START, "snapshot": []}),
        _line("user_groups", START, snapshot=["odd", {"uid": 7, "gid": 544}]),
    )  # fmt: skip
    assert [(each.table, each.rows) for each in found] == [("user_groups", ('{"gid":"544","uid":"7"}',))]
    assert dict(reading.skipped) == {"no JSON object": 2, "no host or no time": 2}
    assert dict(reading.others) == {"pack_inventory_dns_cache": 1}


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_end_in_a_count(lines: list[bytes]) -> None:
    found, reading = _read(*lines)
    assert found == []
    assert reading.taken == 0


def test_decorations_name_the_host_and_packed_logs_are_read(tmp_path: Path) -> None:
    line = _line("users", START, snapshot=[], decorations={"hostname": "WS-7.corp.example"}) + b"\n"
    (tmp_path / "a.gz").write_bytes(gzip.compress(line))
    assert is_osquery(head_of(tmp_path / "a.gz"))
    (only,) = read_results(tmp_path / "a.gz", Reading())
    assert only.host == "ws-7"
    assert not is_osquery(b'{"@timestamp": 1}')


def _report(how: Any, at: int, *rows: str) -> Reported:
    return Reported("h", "services", at, how, rows)


def _held(ledger: Ledger, at: int) -> set[str]:
    again = Ledger(ledger.to_table())
    facts = again.by_host().get("h", [])
    assert facts == ledger.by_host().get("h", [])
    return {fact.row["n"] for fact in facts if fact.held_at(at)}


def _row(name: str) -> str:
    return orjson.dumps({"n": name}).decode()


def test_rows_hold_from_when_they_were_told_until_they_were_gone() -> None:
    ledger = Ledger()
    ledger.take([_report("initial", 10, _row("a")), _report("initial", 10, _row("b"))])
    ledger.take([_report("added", 20, _row("c")), _report("removed", 30, _row("a"))])
    assert [_held(ledger, at) for at in (9, 10, 25, 30)] == [set(), {"a", "b"}, {"a", "b", "c"}, {"b", "c"}]
    ledger.take([_report("initial", 40, _row("c"))])  # the daemon began anew: b is gone
    assert _held(ledger, 39) == {"b", "c"}
    assert _held(ledger, 40) == {"c"}
    ledger.take([_report("snapshot", 50, _row("d"))])
    assert _held(ledger, 50) == {"d"}
    assert ledger.take([_report("snapshot", 45, _row("x"))]) == 0
    assert ledger.older == 1
    assert _held(ledger, 60) == {"d"}


names = st.sampled_from("abcd")


@given(st.lists(st.frozensets(names), min_size=1, max_size=6))
def test_snapshots_give_back_what_was_told_at_every_time(told: list[frozenset[str]]) -> None:
    ledger = Ledger()
    for at, rows in enumerate(told):
        ledger.take([_report("snapshot", at * 10, *map(_row, sorted(rows)))])
    for at, rows in enumerate(told):
        assert _held(ledger, at * 10 + 5) == rows


@given(st.lists(st.tuples(st.sampled_from(["added", "removed"]), names), max_size=12))
def test_differences_give_back_the_set_they_describe(steps: list[tuple[str, str]]) -> None:
    ledger, expected = Ledger(), set[str]()
    for at, (how, name) in enumerate(steps):
        ledger.take([_report(how, at, _row(name))])
        (expected.add if how == "added" else expected.discard)(name)
        assert _held(ledger, at) == expected


def _fact(table: str, since: int = 0, until: int | None = None, **row: str) -> Fact:
    return Fact("h", table, row, since, until)


SERVER = _fact("os_version", name="Microsoft Windows Server 2022 Standard", version="10.0", platform="windows")


@pytest.mark.parametrize(
    ("facts", "role", "told"),
    [
        ([SERVER], "server", "Server 2022"),
        ([_fact("os_version", name="Microsoft Windows 11 Pro")], "workstation", "Windows 11"),
        ([SERVER, _fact("windows_optional_features", name="DirectoryServices-DomainController", state="1")],
         "domain_controller", "optional feature"),
        ([SERVER, _fact("windows_optional_features", name="DirectoryServices-DomainController", state="2")],
         "server", "Server 2022"),
        ([SERVER, _fact("services", name="NTDS", start_type="AUTO_START"), _fact("services", name="DNS")],
         "domain_controller", "service NTDS"),
        ([SERVER, _fact("services", name="NTDS", start_type="DISABLED")], "server", "Server 2022"),
        ([SERVER, *(_fact("listening_ports", port=port, address="10.0.0.5") for port in ("88", "389", "464"))],
         "domain_controller", "listens on 88, 389, 464"),
        ([SERVER, *(_fact("listening_ports", port=port, address="127.0.0.1") for port in ("88", "389", "464"))],
         "server", "Server 2022"),
        ([_fact("os_version", name="Microsoft Windows 11 Pro"), _fact("services", name="W3SVC")],
         "workstation", "Windows 11"),
        ([SERVER, _fact("services", name="W3SVC"), _fact("services", name="MSSQLSERVER")], "database_server", "MSSQL"),
    ],
)  # fmt: skip
def test_roles(facts: list[Fact], role: str, told: str) -> None:
    found = attributes_of(facts)
    assert found["role"] == role
    assert told in found["role_from"]


def test_addresses_sensors_administrators_and_owner() -> None:
    facts = [
        _fact("os_version", name="Microsoft Windows 11 Pro"),
        *(_fact("interface_addresses", address=each) for each in ("127.0.0.1", "fe80::1%3", "2001:db8::7", "10.0.0.7")),
        _fact("services", name="csfalconservice"), _fact("services", name="Sysmon64"),
        _fact("groups", gid="544", groupname="Administrators"), _fact("groups", gid="545", groupname="Users"),
        _fact("user_groups", uid="1001", gid="544"), _fact("user_groups", uid="1002", gid="545"),
        _fact("users", uid="1001", username="Ann"), _fact("users", uid="1002", username="Bob"),
        _fact("logged_in_users", user="bob"), _fact("logged_in_users", 5, 9, user="BOB"),
        _fact("logged_in_users", user="ann"), _fact("logged_in_users", user="DWM-1"),
    ]  # fmt: skip
    (_, found), *_ = states_of(facts)
    assert found["ip"] == "10.0.0.7"
    assert found["sensors"] == "CrowdStrike Falcon,Sysmon"
    assert found["local_admins"] == "ann"
    assert found["owner"] == "bob"


def test_a_host_that_becomes_something_else_has_two_states() -> None:
    promoted = _fact("services", 100, name="NTDS")
    states = states_of([SERVER, promoted, _fact("programs", 50, name="x")])
    assert [(since, state["role"]) for since, state in states] == [(0, "server"), (100, "domain_controller")]


def test_the_pack_asks_for_what_is_kept() -> None:
    from rarebit.app.assets import osquery_pack

    queries = orjson.loads(osquery_pack())["queries"]
    assert set(queries) == set(KEPT)
    for table, query in queries.items():
        assert f"FROM {table}" in query["query"]
        asked = query["query"].partition(" FROM ")[0]
        assert asked == "SELECT *" or all(column in asked for column in KEPT[table])
    assert {entry["role"] for entry in known()["roles"]} >= {"domain_controller", "web_server", "file_server"}
