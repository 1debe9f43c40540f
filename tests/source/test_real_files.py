"""Every real file is accounted for: read against the indexes kept beside the data."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from source.reading import read_path

DATA = Path(os.environ.get("RAREBIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
STARTS = pa.array(["1", "4688"])

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real telemetry at {DATA}; set RAREBIT_DATA"),
]


def rows_of(index: Path) -> list[dict[str, str]]:
    with index.open(newline="") as lines:
        return list(csv.DictReader(lines))


def process_starts(table: pa.Table) -> pa.Table:
    start = pc.and_(pc.equal(table["event.category"], "process"), pc.equal(table["event.type"], "start"))
    return table.filter(pc.and_(start, pc.is_in(table["event.code"], STARTS)))


def hosts_of(text: str) -> set[str]:
    return {part.rpartition(":")[0].partition(".")[0].lower() for part in text.split()}


def share(table: pa.Table, field: str) -> float:
    return 1.0 - int(table[field].null_count) / max(1, int(table.num_rows))


def test_mordor() -> None:
    starts = []
    for row in rows_of(DATA / "mordor" / "captures.csv"):
        table, report = read_path(DATA / "mordor" / "raw" / f"{row['capture']}.json.gz")
        assert (report.read, report.rows, report.error) == (int(row["events_raw"]), int(row["events_raw"]), ""), row
        found = process_starts(table)
        assert found.num_rows == int(row["process_starts"]), row
        assert set(pc.unique(table["host.name"]).to_pylist()) == hosts_of(row["hosts"]), row
        starts.append(found)
    every = pa.concat_tables(starts)
    for field in ("host.name", "user.name", "process.name", "process.parent.name", "process.command_line"):
        assert share(every, field) > 0.98, field


@pytest.mark.parametrize("folder", ["evtx-to-mitre", "evtx-attack-samples", "evtx-workstations"])
def test_event_logs(folder: str) -> None:
    for row in rows_of(DATA / folder / "index.csv"):
        table, report = read_path(DATA / folder / "raw" / f"{row['file']}.gz")
        expected = int(row["events_raw"])
        assert report.format == "EVTX"
        assert report.read >= expected, row
        assert report.rows == expected or report.skipped, (row, report)
        found = process_starts(table)
        assert found.num_rows == int(row["process_starts"]), row
        for field in ("host.name", "user.name", "process.name", "process.pid"):
            assert not found.num_rows or share(found, field) == 1, (row, field)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("msticpy/processes_on_host.csv.gz", 22_979),
        ("msticpy/host_logons.csv.gz", 164),
        ("msticpy/syslog_data.csv.gz", 5_000),
        ("eqllib/sysmon-rta.json.gz", 37_356),
        ("eqllib/normalized-rta.json.gz", 31_843),
        ("ssh-authlog/auth.log.gz", 7_121),
        ("mordor/events.ecs.jsonl.gz", 132_630),
        ("evtx-to-mitre/events.ecs.jsonl.gz", 4_768),
    ],
)
def test_other_files(name: str, rows: int) -> None:
    _, report = read_path(DATA / name)
    assert (report.rows, report.read, report.error) == (rows, rows, "")


def test_ssh_logins() -> None:
    table, _ = read_path(DATA / "ssh-authlog" / "auth.log.gz")
    counts = {row["values"]: row["counts"] for row in table["event.outcome"].drop_null().value_counts().to_pylist()}
    assert counts["failure"] > 700
    assert counts["success"] > 200
    failures = table.filter(pc.equal(table["event.outcome"], "failure"))
    assert share(failures, "source.ip") > 0.99


@pytest.mark.parametrize("name", ["alerts_list.csv.gz", "az_net_comms_df.csv.gz"])
def test_unknown_tables_are_said_to_be_unknown(name: str) -> None:
    table, report = read_path(DATA / "msticpy" / name)
    assert table.num_rows == 0
    assert "--map" in report.error
