"""Every other format: arrays, Parquet, CSV, syslog; sniffing, finding files, streams."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import InputError
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.maths.hashing import hash_text
from rarebit.source.read import FileRead, ReadSettings, find_files, read_lines
from source.reading import read_bytes, read_path, reasons

TIME = "2024-05-01T10:00:00Z"


def event(number: int) -> dict[str, object]:
    return {"@timestamp": TIME, "host": {"name": f"h{number}"}, "text": '} ] , { [ "\\'}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_arrays(tmp_path: Path, indent: int | None, pack: object) -> None:
    content = json.dumps([event(n) for n in range(50)], indent=indent).encode()
    table, report = read_bytes(tmp_path, pack(content))  # type: ignore[operator]
    assert table["host.name"].to_pylist() == [f"h{n}" for n in range(50)]
    assert report.format == "ECS JSON array"


def test_objects_over_several_lines(tmp_path: Path) -> None:
    content = "\n".join(json.dumps(event(n), indent=1) for n in range(5)).encode()
    assert read_bytes(tmp_path, content)[0].num_rows == 5


def test_an_array_cut_short_gives_what_is_whole(tmp_path: Path) -> None:
    content = json.dumps([event(n) for n in range(5)]).encode()
    table, report = read_bytes(tmp_path, content[:-30])
    assert table.num_rows == 4
    assert reasons(report) == {"the file ends inside this element": 1}
    assert "cut short" in report.error


def test_bad_elements_cost_themselves_only(tmp_path: Path) -> None:
    content = b'[{"@timestamp":"%s"}, 17, {"a":tru}, "x", {"@timestamp":"%s"}]' % (TIME.encode(), TIME.encode())
    table, report = read_bytes(tmp_path, content)
    assert table.num_rows == 2
    assert reasons(report) == {"not a JSON object": 2, "not JSON": 1}


def test_an_element_that_is_too_long_costs_itself_only(tmp_path: Path) -> None:
    long = {"@timestamp": TIME, "x": "a" * (9 << 20)}
    content = orjson.dumps([event(1), long, event(2)])
    table, report = read_bytes(tmp_path, content, ReadSettings(max_line_bytes=1 << 20))
    assert table["host.name"].to_pylist() == ["h1", "h2"]
    assert reasons(report) == {"element longer than 1048576 bytes": 1}


def test_parquet_with_dotted_and_nested_columns(tmp_path: Path) -> None:
    time = datetime(2024, 5, 1, 10, tzinfo=UTC)
    rows = {
        "@timestamp": pa.array([time] * 2, pa.timestamp("ms", "UTC")),
        "host": pa.array([{"name": "A.corp.example", "ip": ["10.0.0.1", "::1"]}, {"name": None, "ip": []}]),
        "process.pid": pa.array([7, None], pa.int32()),
        "event.category": pa.array([["process"], ["network", "file"]]),
        "user.name": pa.array(["CORP\\ann", "ann"]).dictionary_encode(),
        "labels.score": pa.array([0.5, None]),
    }
    pq.write_table(pa.table(rows), tmp_path / "x.parquet")
    table, report = read_path(tmp_path / "x.parquet")
    assert report.format == "Parquet"
    first, second = table.to_pylist()
    assert (first["host.name"], first["host.ip"], first["process.pid"]) == ("a", ["10.0.0.1", "::1"], 7)
    assert (first["user.name"], first["user.domain"], first["event.category"]) == ("ann", "CORP", "process")
    assert orjson.loads(first["rarebit.rest"]) == {"labels.score": "0.5"}
    assert (second["host.name"], second["event.category"], second["@timestamp"]) == (None, "file,network", time)


def test_events_written_as_parquet_read_back_the_same(tmp_path: Path) -> None:
    line = orjson.dumps({"@timestamp": TIME, "host.name": "a", "process.args": ["x", "y"], "other": 1, "event.id": "1"})
    table, _ = read_bytes(tmp_path, line)
    pq.write_table(table, tmp_path / "x.parquet")
    again, _ = read_path(tmp_path / "x.parquet")
    for name in EVENT_SCHEMA.names:
        if name != "rarebit.source":
            assert again[name].to_pylist() == table[name].to_pylist(), name


def test_damaged_parquet_is_reported(tmp_path: Path) -> None:
    pq.write_table(pa.table({"@timestamp": [TIME] * 1000, "x": list(range(1000))}), tmp_path / "x.parquet")
    content = bytearray((tmp_path / "x.parquet").read_bytes())
    assert "Parquet" in read_bytes(tmp_path, bytes(content[:-20]))[1].error
    content[40:200] = os.urandom(160)
    _, report = read_bytes(tmp_path, bytes(content))
    assert report.error or report.skipped


def test_defender_tables(tmp_path: Path) -> None:
    header = "Timestamp,DeviceName,ActionType,FileName,FolderPath,ProcessId,ProcessCommandLine,AccountName,"
    header += "AccountDomain,InitiatingProcessFileName,InitiatingProcessId,SHA256,ReportId\n"
    line = (
        TIME
        + ',ws1.corp.example,ProcessCreated,cmd.exe,C:\\W\\cmd.exe,7,"cmd /c ""x, y""",ann,corp,explorer.exe,3,ab,9\n'
    )
    table, report = read_bytes(tmp_path, (header + line).encode())
    row = table.to_pylist()[0]
    assert report.format == "Defender DeviceProcessEvents"
    assert (row["host.name"], row["process.command_line"], row["process.pid"]) == ("ws1", 'cmd /c "x, y"', 7)
    assert (row["event.category"], row["process.parent.name"], row["user.name"]) == ("process", "explorer.exe", "ann")
    assert orjson.loads(row["rarebit.rest"]) == {"m365_defender.event.ReportId": "9"}


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_sentinel_security_events_take_the_time_that_parses(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["TimeGenerated", "EventID", "Computer", "NewProcessName", "NewProcessId", "TimeCreatedUtc", "SubjectUserName"],
        ["2/10/19 3:21 PM", "4688", "WIN1", "C:\\a.exe", "0x10", "21:06.9", "ann"],
        ["21:06.9", "4688", "WIN1", "C:\\b.exe", "0x11", "2019-02-10 15:22:00.000", "ann"],
        ["nothing", "4688", "WIN1", "C:\\c.exe", "0x12", "21:06.9", "ann"],
    ]
    table, report = read_bytes(tmp_path, "\n".join(delimiter.join(row) for row in rows).encode())
    assert [t.minute for t in table["@timestamp"].to_pylist()] == [21, 22]
    assert table["process.name"].to_pylist() == ["a.exe", "b.exe"]
    assert reasons(report) == {"@timestamp is not a time": 1}


def test_a_csv_without_a_known_header_is_not_guessed(tmp_path: Path) -> None:
    content = f"when,machine,prog\n{TIME},H1,x.exe\n".encode()
    table, report = read_bytes(tmp_path, content)
    assert table.num_rows == 0
    assert "--map" in report.error
    mapped = ReadSettings(mapping={"when": "@timestamp", "machine": "host.name", "prog": "process.name"})
    table, report = read_bytes(tmp_path, content, mapped)
    assert (table["host.name"].to_pylist(), table["process.name"].to_pylist(), report.error) == (["h1"], ["x.exe"], "")


def test_a_mapping_renames_json_members(tmp_path: Path) -> None:
    content = orjson.dumps({"when": TIME, "machine": "H1"})
    table, _ = read_bytes(tmp_path, content, ReadSettings(mapping={"when": "@timestamp", "machine": "host.name"}))
    assert table["host.name"].to_pylist() == ["h1"]


def test_rows_of_the_wrong_width_are_skipped(tmp_path: Path) -> None:
    content = f"@timestamp,host.name,user.name\n{TIME},a,b\n{TIME},a\n{TIME},a,b,c\n".encode()
    table, report = read_bytes(tmp_path, content)
    assert table.num_rows == 1
    assert reasons(report) == {"2 columns where the header has 3": 1, "4 columns where the header has 3": 1}


def test_auth_log(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    path.write_text(
        "Dec 31 23:59:58 gate sshd[12]: Failed password for invalid user bob from 203.0.113.9 port 4022 ssh2\n"
        "Jan  1 00:00:02 gate sshd[13]: Accepted publickey for ann from 10.0.0.5 port 50000 ssh2: RSA x\n"
        "Jan  1 00:00:03 gate sudo:      ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/id\n"
        "no syslog at all\n"
        "Jan  1 00:00:04 gate systemd-logind[1]: New seat seat0.\n"
    )
    os.utime(path, (datetime(2024, 1, 2, tzinfo=UTC).timestamp(),) * 2)
    table, report = read_path(path)
    rows = table.to_pylist()
    assert [row["@timestamp"].year for row in rows] == [2023, 2024, 2024, 2024]
    assert [row["event.outcome"] for row in rows[:2]] == ["failure", "success"]
    assert [row["user.name"] for row in rows[:3]] == ["bob", "ann", "ann"]
    assert [row["source.ip"] for row in rows[:2]] == ["203.0.113.9", "10.0.0.5"]
    assert rows[2]["user.target.name"] == "root"
    assert rows[3]["process.name"] == "systemd-logind"
    assert reasons(report) == {"not a syslog line": 1}
    assert "2023 to 2024" in report.notes[0]


def test_finding_files(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/1.json", "a.json", "b/.hidden/3.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_files([tmp_path, tmp_path / "a.json"])]
    assert found == ["a.json", "b/1.json", "b/2.json"]
    with pytest.raises(InputError, match="no such file"):
        find_files([tmp_path / "gone"])


def test_a_stream_of_lines() -> None:
    lines = [orjson.dumps(event(n)) for n in range(5)] + [b"", b"{bad"]
    batches, report = read_lines(iter(lines), source="tcp", settings=ReadSettings(batch_rows=2))
    tables = list(batches)
    assert [table.num_rows for table in tables] == [2, 2, 1]
    assert tables[0]["rarebit.source"].to_pylist() == ["tcp", "tcp"]
    assert (report().rows, report().read, reasons(report())) == (5, 6, {"not JSON": 1})


def test_progress_and_order_over_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"".join(orjson.dumps(event(n)) + b"\n" for n in range(2000)))
    file = FileRead(path, ReadSettings(block_bytes=10_000, threads=3))
    names = [name for batch in file.batches() for name in batch["host.name"].to_pylist()]
    assert names == [f"h{n}" for n in range(2000)]
    assert file.bytes_done == file.bytes_total == path.stat().st_size


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 5000), st.integers(1, 4))
def test_blocks_and_threads_do_not_change_the_events(
    tmp_path_factory: pytest.TempPathFactory, size: int, threads: int
) -> None:
    path = tmp_path_factory.mktemp("d") / "x"
    path.write_bytes(b"".join(orjson.dumps(event(n)) + b"\n\n{bad\n" for n in range(40)))
    tables = []
    for limits in (ReadSettings(threads=1), ReadSettings(block_bytes=size, threads=threads)):
        table, report = read_path(path, limits)
        tables.append((table.to_pylist(), report))
    assert tables[0] == tables[1]


def test_codes_and_ids(tmp_path: Path) -> None:
    line = orjson.dumps(
        {"@timestamp": TIME, "host.name": "WS1.corp", "user.name": "Ann", "process.name": "Setup-1.2.exe"}
    )
    row = read_bytes(tmp_path, line)[0].to_pylist()[0]
    assert row["rarebit.code.host.name"] == hash_text("ws1")
    assert row["rarebit.code.user.name"] == hash_text("ann")
    assert row["rarebit.code.process.name"] == hash_text("setup-*.exe")
    assert row["rarebit.code.process.parent.name"] == 0
    assert row["rarebit.code.event.id"] == hash_text(row["event.id"])
    assert (row["day"], len(row["event.id"])) == ("2024-05-01", 32)
    careful = read_bytes(tmp_path, b"[" + line + b"]")[0].to_pylist()[0]
    assert careful["event.id"] == row["event.id"]
