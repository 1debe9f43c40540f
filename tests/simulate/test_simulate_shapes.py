"""What each shape of intrusion, and the benign work that resembles it, leaves behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from rarebit.core.time import HOUR_US, parse_time
from rarebit.simulate.fleet import Fleet, FleetSettings, simulate

SETTINGS = FleetSettings(hosts=80, days=10, seed=5, events_per_host_day=150)


@pytest.fixture(scope="module")
def truth() -> dict[str, dict[str, Any]]:
    return {entry["shape"]: entry for entry in Fleet(SETTINGS).truth()}


@pytest.fixture(scope="module")
def starts() -> pa.Table:
    table = pa.Table.from_batches(list(simulate(SETTINGS)))
    return table.filter(pc.and_(pc.equal(table["event.category"], "process"), pc.equal(table["event.type"], "start")))


@pytest.fixture(scope="module")
def benign(starts: pa.Table) -> pa.Table:
    labelled = [event["id"] for entry in Fleet(SETTINGS).truth() for event in entry["events"]]
    return starts.filter(pc.invert(pc.is_in(starts["event.id"], pa.array(labelled))))


def programs(entry: dict[str, Any]) -> set[str]:
    return {event["process"] for event in entry["events"] if event["process"]}


def names(table: pa.Table) -> set[str]:
    return set(table["process.name"].unique().to_pylist())


def test_implants_are_new_to_the_fleet(truth: dict[str, dict[str, Any]], benign: pa.Table) -> None:
    for shape in ("hands_on_keyboard", "worm", "slow_implant", "webshell"):
        assert programs(truth[shape]) - names(benign), shape


def test_living_off_the_land_uses_nothing_new_to_the_fleet(truth: dict[str, dict[str, Any]]) -> None:
    clean = FleetSettings(hosts=80, days=10, seed=5, intrusions=())
    known = {activity.name for activity in Fleet(clean)._world.table._rows}
    assert programs(truth["lolbin_only"]) <= known
    assert programs(truth["insider"]) <= known


def test_living_off_the_land_is_new_to_its_host(truth: dict[str, dict[str, Any]], benign: pa.Table) -> None:
    host = truth["lolbin_only"]["hosts"][0]
    short = pc.utf8_lower(pc.list_element(pc.split_pattern(benign["host.name"], "."), 0))
    own = names(benign.filter(pc.equal(short, host)))
    assert len(programs(truth["lolbin_only"]) - own) >= 4


def test_a_worm_takes_many_hosts_within_an_hour(truth: dict[str, dict[str, Any]]) -> None:
    entry = truth["worm"]
    assert 5 <= len(entry["hosts"]) <= 31
    assert parse_time(entry["end"]) - parse_time(entry["start"]) <= 1.1 * HOUR_US


def test_the_insider_comes_in_the_evening_on_several_days(truth: dict[str, dict[str, Any]]) -> None:
    entry = truth["insider"]
    assert len(entry["users"]) == 1
    assert len({event["time"][:10] for event in entry["events"]}) >= 2
    assert len(entry["hosts"]) >= 3


def test_a_service_account_sits_at_screens(truth: dict[str, dict[str, Any]]) -> None:
    entry = truth["service_account_abuse"]
    assert entry["users"][0].startswith("svc-")
    assert all("-ws-" in host for host in entry["hosts"])


def test_the_keyboard_reaches_a_domain_controller(truth: dict[str, dict[str, Any]]) -> None:
    entry = truth["hands_on_keyboard"]
    assert any("-dc-" in host for host in entry["hosts"])
    assert any(user.startswith("adm-") for user in entry["users"])


def test_children_name_their_real_parents(truth: dict[str, dict[str, Any]], starts: pa.Table) -> None:
    labelled = pa.array([event["id"] for event in truth["hands_on_keyboard"]["events"]])
    told = starts.filter(pc.is_in(starts["event.id"], labelled))
    identities = set(told["process.entity_id"].to_pylist())
    children = told.filter(pc.equal(told["process.parent.name"], "cmd.exe"))
    assert children.num_rows > 3
    assert set(children["process.parent.entity_id"].to_pylist()) - {None} <= identities


def test_rollouts_bring_a_signed_program_to_many_hosts_at_once(benign: pa.Table) -> None:
    first = benign.group_by(["process.name", "host.name"]).aggregate([("@timestamp", "min")])
    grouped = first.group_by("process.name").aggregate(
        [("host.name", "count"), ("@timestamp_min", "min"), ("@timestamp_min", "max")]
    )
    late = pc.greater(grouped["@timestamp_min_min"].cast(pa.int64()), parse_time("2026-10-07"))
    wide = grouped.filter(pc.and_(late, pc.greater(grouped["host.name_count"], 20)))
    last, earliest = (np.asarray(wide[f"@timestamp_min_{end}"].cast(pa.int64())) for end in ("max", "min"))
    spans = last - earliest
    assert wide.num_rows >= 5
    assert (spans < 36 * HOUR_US).any()
    setup = benign.filter(pc.match_substring(benign["process.name"], "AM_Delta_Patch"))
    assert setup["process.code_signature.subject_name"].drop_null().unique().to_pylist() == ["Microsoft Corporation"]


def test_only_some_principals_run_programs(benign: pa.Table) -> None:
    users = set(pc.utf8_lower(benign["user.name"]).unique().to_pylist())
    assert {"system", "local service", "network service", "dwm-1", "umfd-0", "root", "svc-backup", "svc-scan"} <= users
    assert any(user.startswith("adm-") for user in users)


def test_versions_change_hashes_and_only_now_and_then(benign: pa.Table) -> None:
    path = r"C:\Program Files\Google\Chrome\Application\chrome.exe"
    browser = benign.filter(pc.equal(benign["process.executable"], path))
    hashes = browser["process.hash.sha256"].drop_null().unique()
    assert 2 <= len(hashes) <= 4
    assert all(len(value) == 64 for value in hashes.to_pylist())
