"""What is known of hosts and accounts, asked by queries by what was true when the event happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pytest

from rarebit.app import show
from rarebit.app.home import Home
from rarebit.app.hosts import show_host
from rarebit.app.ingest import ingest
from rarebit.app.scratch import scratch_home
from rarebit.asset.inventory import Inventory
from rarebit.core.errors import DefinitionError, InputError, StateError
from rarebit.core.time import DAY_US, parse_time

OpenHome = Callable[[Path], AbstractContextManager[Home]]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
START = parse_time("2026-10-01T00:00:00Z")


def _log(path: Path, *reports: tuple[str, str, int, list[dict[str, str]]]) -> Path:
    lines = [
        {"name": f"pack_x_{table}", "hostIdentifier": host, "unixTime": START // 10**6 + day * 86_400,
         "action": "snapshot", "snapshot": rows}
        for host, table, day, rows in reports
    ]  # fmt: skip
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return path


SYSTEM = [{"name": "Microsoft Windows Server 2022", "platform": "windows"}]


@pytest.fixture
def events(tmp_path: Path, write_events: WriteEvents) -> Path:
    """One event a day for ten days of each of three hosts."""
    return write_events(
        tmp_path / "events.ndjson",
        [
            {"@timestamp": f"2026-10-{1 + day:02d}T12:00:00Z", "host.name": host, "user.name": f"CORP\\{user}",
             "event.category": "process", "event.type": "start", "process.name": "a.exe"}
            for day in range(10) for host, user in (("srv1", "Ann"), ("srv2", "bob"), ("ws1", "eve"))
        ],
    )  # fmt: skip


def _days(home: Home, where: str) -> list[tuple[str, int]]:
    found = show.events(home, where=where)
    return [(event["host"]["name"], int(event["@timestamp"][8:10])) for event in found]


def test_events_are_judged_by_what_was_true_then(tmp_path: Path, open_home: OpenHome, events: Path) -> None:
    log = _log(
        tmp_path / "results.log",
        ("srv1.corp.example", "os_version", 0, SYSTEM), ("srv1.corp.example", "services", 0, [{"name": "Spooler"}]),
        ("srv1.corp.example", "services", 4, [{"name": "NTDS"}]), ("srv1.corp.example", "services", 7, []),
        ("srv2", "os_version", 3, SYSTEM),
        ("srv2", "windows_optional_features", 3, [{"name": "DHCPServer", "state": "1"}]),
    )  # fmt: skip
    with open_home(tmp_path / "home") as home:
        ingest(home, [events])
        taken = home.import_assets(log)
        assert (taken.form, taken.hosts, taken.read, taken.changed) == ("osquery", 2, 6, 6)
        assert _days(home, "asset.role: domain_controller") == [("srv1", day) for day in (5, 6, 7)]
        assert {day for name, day in _days(home, "asset.role: server") if name == "srv1"} == {1, 2, 3, 4, 8, 9, 10}
        assert len(_days(home, "asset.role: dhcp_server")) == 10  # first told of later, and taken to hold before
        assert len(_days(home, "asset.os: *2022*")) == 20
        assert home.inventory().get("srv1", START + 5 * DAY_US)["role"] == "domain_controller"
        assert home.inventory().get("srv1")["role"] == "server"
        shown = show_host(home, "srv1")
        assert [known["role"] for _, known in shown.states] == ["server", "domain_controller", "server"]
        with scratch_home(home) as trial:
            assert trial.inventory().history == home.inventory().history
        again = home.import_assets(log)
        assert (again.changed, again.skipped) == (0, {"older than what is known": 2})
        assert _days(home, "asset.role: domain_controller") == [("srv1", day) for day in (5, 6, 7)]


def test_what_people_say_comes_first_then_reports_then_the_directory(tmp_path: Path, open_home: OpenHome) -> None:
    (tmp_path / "ad.csv").write_text(
        "SamAccountName,OperatingSystem,PrimaryGroupID\nsrv1$,Windows Server 2022,515\nsrv3$,Windows Server 2022,516\n"
    )
    (tmp_path / "hosts.csv").write_text("host,role,site\nsrv2,jump_host,Lyon\n")
    services = [{"name": "W3SVC"}]
    with open_home(tmp_path / "home") as home:
        home.import_assets(tmp_path / "ad.csv")
        home.import_assets(tmp_path / "hosts.csv")
        home.import_assets(
            _log(tmp_path / "r.log", *((host, table, 0, rows) for host in ("srv1", "srv2")
                                       for table, rows in (("os_version", SYSTEM), ("services", services))))
        )  # fmt: skip
        found = home.inventory()
    assert {name: known["role"] for name, known in found.hosts.items()} == {
        "srv1": "web_server", "srv2": "jump_host", "srv3": "domain_controller",
    }  # fmt: skip
    assert "role_from" not in found.get("srv2")
    assert found.get("srv1")["role_from"].startswith("osquery")
    assert found.peer_of()["srv2"] == "jump_host"


def test_privilege_can_be_asked_for(tmp_path: Path, open_home: OpenHome, events: Path, rarebit: Any) -> None:
    (tmp_path / "people.csv").write_text('SamAccountName,MemberOf\nann,"CN=Domain Admins,DC=x"\nbob,\n')
    with open_home(tmp_path / "home") as home:
        ingest(home, [events])
        with pytest.raises(DefinitionError, match="no account is known"):
            show.events(home, where="user.privilege: admin")
        home.import_assets(tmp_path / "people.csv")
        home.import_assets(
            _log(tmp_path / "r.log", ("ws1", "users", 0, [{"uid": "7", "username": "eve"}]),
                 ("ws1", "user_groups", 0, [{"uid": "7", "gid": "544"}]))
        )  # fmt: skip
        assert {host for host, _ in _days(home, "user.privilege: admin")} == {"srv1"}
        assert {host for host, _ in _days(home, "user.privilege: local_admin")} == {"ws1"}
        assert {host for host, _ in _days(home, "not user.privilege: *admin")} == {"srv2"}
    told = rarebit("asset", "accounts", "--home", tmp_path / "home", "--json").objects
    assert [(each["account"], each["privilege"]) for each in told] == [
        ("ann", "admin"), ("bob", "standard"), ("eve", "local_admin"),
    ]  # fmt: skip
    assert "osquery: local administrator of ws1" in rarebit("asset", "accounts", "--home", tmp_path / "home").out


def test_roles_of_hosts_nobody_lists_are_told_by_what_they_do(ran_copy: Path, open_home: OpenHome) -> None:
    (ran_copy / "assets.json").unlink()
    with open_home(ran_copy) as home:
        found = home.inventory()
        desks = [name for name, states in found.inferred.items() if states[-1][1]["role"] == "workstation"]
        grouping = home.store.groupings.latest("host")
        assert grouping is not None
        before, after = (_days(home, f'asset.role: * and @timestamp {sign} "{grouping.at}"') for sign in ("<", ">="))
    assert found.hosts == {}
    assert desks
    assert all("-ws-" in name for name in desks)
    assert found.get(desks[0])["role_from"] == "behaviour"
    assert found.peer_of() == {}
    assert before == []
    assert after


def test_damage_and_bad_files_are_told(tmp_path: Path, open_home: OpenHome) -> None:
    with open_home(tmp_path / "home") as home:
        with pytest.raises(InputError, match="no such file"):
            home.import_assets(tmp_path / "none.csv")
        (tmp_path / "bad.log").write_bytes(b'{"name": "services", "hostIdentifier": "a"}\n')
        with pytest.raises(InputError, match="no line of it") as told:
            home.import_assets(tmp_path / "bad.log")
        assert "no host or no time" in told.value.hint
        (tmp_path / "empty.csv").write_text("SamAccountName\n")
        with pytest.raises(InputError, match="no accounts in it"):
            home.import_assets(tmp_path / "empty.csv")
        assert home.inventory().hosts == Inventory().hosts
        home.import_assets(_log(tmp_path / "r.log", ("a", "os_version", 0, SYSTEM)))
        (home.path / "assets" / "facts.parquet").write_bytes(b"x")
        with pytest.raises(StateError, match="damaged"):
            home.import_assets(tmp_path / "r.log")
