"""No content raises, stops the rest, or is lost without a word."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarebit.source.read import FileRead, ReadSettings
from source.reading import read_bytes, read_path, reasons

GOOD = b'{"@timestamp":"2024-05-01T10:00:00Z","host.name":"a"}\n'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json}", "not JSON"),
        (b'{"a":1', "not JSON"),
        (b'{"a":"\x00"}', "not JSON: holds NUL bytes"),
        (b"\x00\x00\x00", "not JSON: holds NUL bytes"),
        (b'{"a":NaN}', "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[1,2]", "not a JSON object"),
        (b"17", "not a JSON object"),
        (b"{}", "no @timestamp"),
        (b'{"@timestamp":"yesterday"}', "@timestamp is not a time"),
        (b'{"@timestamp":"1601-01-01T00:00:00Z"}', "@timestamp is absurdly early"),
        (b'{"@timestamp":"2999-01-01T00:00:00Z"}', "@timestamp lies in the future"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper than 64"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "nested too deeply"),
    ],
)
def test_a_bad_line_costs_itself_only(tmp_path: Path, line: bytes, reason: str) -> None:
    table, report = read_bytes(tmp_path, GOOD + line + b"\n" + GOOD)
    assert table.num_rows == 2
    assert reasons(report) == {reason: 1}
    assert report.skipped[0].where == "line 2"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"   ", gzip.compress(b"", mtime=0), zstandard.compress(b"")])
def test_empty_files_are_said_to_be_empty(tmp_path: Path, content: bytes) -> None:
    table, report = read_bytes(tmp_path, content)
    assert (table.num_rows, report.format, report.error) == (0, "empty", "the file is empty")


@pytest.mark.parametrize("content", [b"just words\nand more", b"\x7fELF\x01\x02", b"\x00" * 64, b"PK\x03\x04abc"])
def test_unknown_files_are_said_to_be_unknown(tmp_path: Path, content: bytes) -> None:
    table, report = read_bytes(tmp_path, content)
    assert (table.num_rows, report.format) == (0, "unknown")
    assert report.error


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path) -> None:
    limits = ReadSettings(max_line_bytes=1000, block_bytes=2000, threads=1)
    for size in (1500, 50_000):
        long = b'{"@timestamp":"2024-05-01T10:00:00Z","x":"' + b"a" * size + b'"}\n'
        table, report = read_bytes(tmp_path, GOOD + long + GOOD + long + GOOD, limits)
        assert table.num_rows == 3
        assert reasons(report) == {"line longer than 1000 bytes": 2}
        assert report.skipped[0].where == "line 2"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_truncated_archive_gives_what_it_holds(tmp_path: Path, pack: object) -> None:
    lines = b"".join(
        b'{"@timestamp":"2024-05-01T10:00:00Z","x":"%s"}\n' % os.urandom(40).hex().encode() for _ in range(20_000)
    )
    packed = pack(lines)  # type: ignore[operator]
    table, report = read_bytes(tmp_path, packed[: len(packed) // 2])
    assert 1_000 < table.num_rows < 20_000
    assert "damaged or cut short" in report.error
    whole, clean = read_bytes(tmp_path, packed)
    assert (whole.num_rows, clean.error) == (20_000, "")


def test_a_corrupted_archive_is_reported(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(GOOD * 1000))
    packed[len(packed) // 2] ^= 0xFF
    _, report = read_bytes(tmp_path, bytes(packed))
    assert report.error


def test_members_after_one_another_are_read(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, gzip.compress(GOOD) * 3)[0].num_rows == 3
    assert read_bytes(tmp_path, zstandard.compress(GOOD) * 3)[0].num_rows == 3


def test_marks_and_line_ends_of_windows(tmp_path: Path) -> None:
    table, report = read_bytes(tmp_path, b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") * 2 + GOOD.rstrip())
    assert table.num_rows == 3
    assert not report.skipped
    assert len(set(table["event.id"].to_pylist())) == 1


def test_bytes_that_are_no_utf8_inside_a_string_are_replaced(tmp_path: Path) -> None:
    table, report = read_bytes(tmp_path, GOOD + b'{"@timestamp":"2024-05-01T10:00:00Z","host.name":"a\xff"}\n')
    assert table["host.name"].to_pylist() == ["a", "a\ufffd"]
    assert report.notes == ("bytes that are not UTF-8 replaced in 1 rows",)


def test_odd_values_stay_in_the_rest(tmp_path: Path) -> None:
    record = {
        "@timestamp": 1714557600,
        "process": {"pid": "0x1f4", "name": ["a", "b"], "parent": {"pid": "no number"}},
        "source": {"ip": "not an address", "port": "443"},
        "host": {"name": 17},
        "event": {"category": "Process", "code": 4688},
        "process.code_signature.exists": "maybe",
        "event.created": "whenever",
        "big": 10**40,
    }
    table, report = read_bytes(tmp_path, json.dumps(record).encode())
    row = table.to_pylist()[0]
    rest = orjson.loads(row["rarebit.rest"])
    assert not report.skipped
    assert (row["process.pid"], row["process.parent.pid"], row["source.port"]) == (500, None, 443)
    assert (row["process.name"], row["host.name"], row["event.code"]) == ("a", "17", "4688")
    assert row["event.category"] == "process"
    assert rest == {
        "process.name": ["a", "b"],
        "process.parent.pid": "no number",
        "source.ip": "not an address",
        "process.code_signature.exists": "maybe",
        "event.created": "whenever",
        "big": 1e40,
    }


def test_directories_and_unreadable_files(tmp_path: Path) -> None:
    folder = tmp_path / "x.json"
    folder.mkdir()
    assert read_path(folder)[1].error == "this is a directory"
    gone = FileRead(tmp_path / "gone.json", ReadSettings())
    assert list(gone.batches()) == []
    assert "cannot be opened" in gone.report().error


def test_the_quarantine_keeps_every_bad_record(tmp_path: Path) -> None:
    kept = tmp_path / "bad.ndjson"
    bad = b"{bad}\n\xff\xff\n" + b"x" * 100_000 + b"\n"
    _, report = read_bytes(tmp_path, GOOD + bad, ReadSettings(quarantine=kept))
    lines = [orjson.loads(line) for line in kept.read_bytes().splitlines()]
    assert [line["where"] for line in lines] == ["line 2", "line 3", "line 4"]
    assert lines[0]["raw"] == "{bad}"
    assert len(lines[2]["raw"]) == 64 * 1024
    assert sum(part.count for part in report.skipped) == 3


def test_a_quarantine_that_cannot_be_written_is_noted(tmp_path: Path) -> None:
    table, report = read_bytes(tmp_path, GOOD + b"{bad}\n", ReadSettings(quarantine=tmp_path / "no" / "where"))
    assert table.num_rows == 1
    assert "quarantine" in report.notes[0]


HEADS = st.sampled_from(
    (
        b"ElfFile\x00",
        b"PAR1",
        b"{",
        b"[",
        b"[{",
        b"\x1f\x8b\x08",
        b"(\xb5/\xfd",
        b"a,b\n",
        b"EventID,Computer,TimeGenerated\n",
        b"Mar  1 10:00:00 h sshd[1]: ",
        b"\xef\xbb\xbf",
        b"{\n",
        b"DeviceName,LogonType,ActionType,AccountName\n",
    )
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    HEADS,
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from((GOOD, b'"', b"}\n", b"]", b",", b"\n"))), max_size=6),
)
def test_anything_at_all_is_read_without_an_error(tmp_path: Path, head: bytes, parts: list[bytes]) -> None:
    read_bytes(tmp_path, head + b"".join(parts))
