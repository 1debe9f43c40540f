"""Real series are turned into events without their labels, and held against the labels rightly."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from bench.flow_series import BUDGETS, HOURS, JUDGED_FROM

from bench import flow_series, flows, logon_series
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.core.time import HOUR_US, iso

HEADER = (
    "num_flows,total_size_of_flows_orig,total_size_of_flows_resp,label,detailedlabel,"
    "id.orig_h,id.resp_h,id.resp_p,proto,day,hour"
)


def _vectors(folder: Path, name: str, days: int, label: str, address: str, hours: tuple[int, ...]) -> None:
    for day in range(1, days + 1):
        rows = [f"3,500,900,{label},CC,{address},192.0.2.{hour},443,tcp,0,{hour}" for hour in hours]
        (folder / f"{name}_Day{day}.csv").write_text("\n".join([HEADER, *rows, ""]), "utf-8")


@pytest.fixture
def known(tmp_path: Path) -> list[flows.Capture]:
    _vectors(tmp_path, "Client1", 5, "Benign", "10.0.0.x1", (8, 9, 9))
    _vectors(tmp_path, "Client2", 5, "Benign", "10.0.0.x2", (8, 17))
    _vectors(tmp_path, "Malware-1", 5, "Malicious", "10.9.9.x9", (1, 9))
    _vectors(tmp_path, "Malware-2", 1, "Malicious", "10.9.9.x8", (3,))
    return flows.captures(tmp_path)


def test_malware_speaks_as_its_client_on_the_judged_days_only(known: list[flows.Capture]) -> None:
    clients = [capture for capture in known if not capture.malware]
    malware = next(capture for capture in known if capture.name == "Malware-1")
    clean, joined = flows.events(clients), flows.events(clients, malware, "Client2")
    assert clean.num_rows == 25
    assert joined.num_rows == 29
    assert set(joined["source.ip"].to_pylist()) == {"10.0.0.x1", "10.0.0.x2"}
    own = joined.filter(pc.equal(joined["host.name"], "client2"))
    hours = pc.divide(pc.subtract(own["@timestamp"].cast("int64"), flows.FIRST_DAY), HOUR_US).to_pylist()
    everyday = {24 * day + hour for day in range(5) for hour in (8, 17)}
    assert set(hours) == everyday | {24 * day + hour for day in (3, 4) for hour in (1, 9)}
    assert not [name for name in joined.column_names if "label" in name]
    assert "Malicious" not in str(joined.to_pylist())
    assert "Malware" not in str(joined.to_pylist())


def test_malware_of_one_day_begins_with_the_judged_days(known: list[flows.Capture]) -> None:
    malware = next(capture for capture in known if capture.name == "Malware-2")
    assert flows.labelled(malware) == {JUDGED_FROM + 3 * HOUR_US}


def test_events_are_read_whole(known: list[flows.Capture], tmp_path: Path) -> None:
    clients = [capture for capture in known if not capture.malware]
    file = flows.write(flows.events(clients), tmp_path / "flows.parquet")
    home = Home(tmp_path / "home")
    taken = ingest(home, [file])
    kept = home.lake.events(where="\"event.category\" = 'network'")
    home.close()
    assert (taken.new, taken.unread, kept.num_rows) == (25, 0, 25)
    assert set(kept["source.bytes"].to_pylist()) == {500}
    assert "network.flows" in kept["rarebit.rest"][0].as_py()


def test_a_folder_without_captures_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no NAME_DayN"):
        flows.captures(tmp_path)


def _record(client: str, hour: int) -> Any:
    return SimpleNamespace(entity_id=client, timestamp=iso(JUDGED_FROM + hour * HOUR_US))


def test_ranks_recall_and_area_are_right_by_construction() -> None:
    truth, awake = np.zeros((2, HOURS), bool), np.ones((2, HOURS), bool)
    truth[0, :4] = True
    own = [_record("a", 0), _record("b", 7), _record("a", 1), _record("a", 1), _record("other", 2)]
    found = flow_series.measure("f", own, 1, ["a", "b"], truth, awake)
    assert found.best_rank == 1
    unranked = 3 + (1 + 2 * HOURS - 3) / 2  # two labelled hours lie with all those without a record
    assert found.median_rank == (3 + unranked) / 2
    assert found.recall == (0.5,) * len(BUDGETS)
    assert found.on_clean == 1
    wins = 2 * HOURS - 4
    assert found.auc == pytest.approx((wins + (wins - 1) + 2 * (wins - 1) / 2) / (4 * wins))
    assert found.auc_awake == found.auc
    assert math.isnan(flow_series.measure("f", own, 1, ["a", "b"], np.zeros_like(truth), awake).auc)


def test_facts_are_counted_from_the_lines() -> None:
    def line(day: int, hour: int, second: int, text: str) -> str:
        return f"Mar {day:2d} {hour:02d}:00:{second:02d} gate sshd[7]: {text} port 9 ssh2"

    lines = [
        line(1, 9, 0, "Accepted password for ann from 192.0.2.1"),
        *(line(2, 9, at, "Failed password for ann from 192.0.2.66") for at in range(12)),  # while learning
        *(line(5, 9, at, f"Failed password for invalid user u{at} from 192.0.2.77") for at in range(4)),
        *(line(5, 10, at, "Failed password for ann from 192.0.2.88") for at in range(10)),
        line(6, 9, 0, "Accepted password for ann from 192.0.2.1"),
        line(6, 11, 0, "Accepted publickey for ann from 192.0.2.2"),
        line(6, 11, 1, "Accepted publickey for ann from 192.0.2.2"),
    ]
    known = logon_series.facts(lines)
    assert {address for _, address in known.addresses} == {"192.0.2.88"}
    assert len(known.hours) == 1
    assert {address for _, address in known.guessers} == {"192.0.2.77"}
    assert known.newcomers == {("ann", "192.0.2.2")}
    assert len(known.strange_hours) == 1
