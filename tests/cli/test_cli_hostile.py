"""Hostile text in events, inventories, jobs and mappings moves no cursor, opens no markup and stops no run."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

Rarebit = Callable[..., Any]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
NASTY = [
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred.exe",
    "[bold red]tool[/bold red] [/] [link=file:///etc]x.exe",
    "abc\u202eexe.txt\u2066",
    "line\nbreak\r\ttab.exe",
    "\x9b31m\x7fc1.exe",
    "'; DROP TABLE events; --.exe",
    "a\"b\\c' or 1=1.exe",
    "😀" * 40 + ".exe",
]
NUL = "nul\x00.exe"
"""Kept as it came, but no query can hold it."""
START = parse_time("2026-10-05")


def _events(texts: Sequence[str]) -> list[dict[str, Any]]:
    common = {"event.category": ["process"], "event.type": ["start"], "host.os.type": "windows"}
    events = []
    for day in range(12):
        for host in range(20):
            at = iso(START + day * DAY_US + 8 * HOUR_US + host * 61_000_000)
            who = {"host.name": f"host-{host}", "user.name": "SYSTEM", "process.name": "svchost.exe"}
            events.append(common | who | {"@timestamp": at})
    for number, text in enumerate(texts):
        at = iso(START + 11 * DAY_US + 12 * HOUR_US + number * 1_000_000)
        who = {"host.name": f"host-{number}", "user.name": text, "process.name": text, "process.command_line": text}
        events.append(common | who | {"@timestamp": at, "process.parent.name": text, text or "x": text})
        late = {"@timestamp": iso(START + 11 * DAY_US + 13 * HOUR_US), "host.name": text, "user.name": text}
        events.append(common | late | {"process.name": f"odd-{number}.exe"})
    return events


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory, write_events: WriteEvents) -> Path:
    return write_events(tmp_path_factory.mktemp("nasty") / "[red]ev\x1b[1mil.ndjson", _events([*NASTY, NUL]))


def _is_clean(text: str) -> bool:
    return all(char == "\n" or unicodedata.category(char)[0] != "C" for char in text)


def test_no_command_lets_hostile_text_through(rarebit: Rarebit, nasty: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    done = rarebit("run", nasty, *home)
    assert done.code == 0
    assert _is_clean(done.out + done.err)
    records = rarebit("record", "list", "--json", *home).objects
    values = {record["by_field_value"] for record in records}
    assert len(values) > len(NASTY)
    cases = rarebit("case", "list", "--state", "all", "--json", *home).objects
    commands = [
        ("check", nasty), ("status",), ("record", "list"), ("alert", "list"), ("case", "list", "--state", "all"),
        ("event", "list", "--where", "process.name: *"), *(("record", "show", each["id"]) for each in records[::8]),
        *(("case", "show", case["id"]) for case in cases[::3]),
        *(("event", "list", "--case", case["id"]) for case in cases[::5]),
    ]  # fmt: skip
    for command in commands:
        done = rarebit(*command, *home)
        assert done.code == 0, command
        assert _is_clean(done.out + done.err), command


def test_queries_of_a_case_find_its_events_and_nothing_else(
    rarebit: Rarebit, tmp_path: Path, write_events: WriteEvents
) -> None:
    home = ("--home", tmp_path / "home")
    rarebit("run", write_events(tmp_path / "events.ndjson", _events(NASTY)), *home)
    cases = rarebit("case", "list", "--state", "all", "--json", *home).objects
    assert cases
    for case in cases:
        proof = rarebit("event", "list", "--case", case["id"], "--json", *home).objects
        found = rarebit("event", "list", "--where", case["queries"]["kql"], "--json", *home).objects
        ids = {event["event"]["id"] for event in found}
        assert {event["event"]["id"] for event in proof} <= ids
        assert {event["host"]["name"] for event in found} == {case["entity"]["name"]}


@pytest.mark.parametrize("text", NASTY)
def test_job_files(rarebit: Rarebit, tmp_path: Path, text: str) -> None:
    detector = {"function": "rare", "by_field_name": text, "partition_field_name": "host.name", text: text}
    body = {"job_id": text, "description": text, "analysis_config": {"detectors": [detector]}, text: text}
    path = tmp_path / "job.json"
    path.write_bytes(orjson.dumps(body))
    home = ("--home", tmp_path / "home")
    taken = rarebit("job", "import", path, *home)
    assert taken.code in (0, 2)
    for command in (("job", "list"), ("job", "show", text), ("job", "validate", path), ("status",)):
        done = rarebit(*command, *home)
        assert done.code in (0, 2)
        assert _is_clean(taken.out + taken.err + done.out + done.err)
    if taken.code == 0:
        assert rarebit("job", "export", text, *home).objects[0]["job"][text] == text


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"job_id": 1}', b'[{"job": []}]']
)
def test_a_file_that_is_no_job(rarebit: Rarebit, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "job.json"
    path.write_bytes(content)
    for verb in ("import", "validate"):
        done = rarebit("job", verb, path, "--home", tmp_path / "home")
        assert done.code == 2
        assert "Traceback" not in done.err


def test_inventories(rarebit: Rarebit, tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    header = ",".join(["host", *(f'"{text.replace(chr(34), chr(34) * 2)}"' for text in NASTY if "\n" not in text)])
    rows = [",".join([f'"{text.replace(chr(34), chr(34) * 2)}"'] * 3) for text in NASTY]
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    home = ("--home", tmp_path / "home")
    for command in (("asset", "import", path), ("asset", "list"), ("asset", "list", "--json")):
        done = rarebit(*command, *home)
        assert done.code == 0
        assert command[-1] == "--json" or _is_clean(done.out + done.err)


@pytest.mark.parametrize(
    "content", ["- a", "5", "a: [1]", "a: {b: c}", "{", "x: 2026-13-45", "[" * 3000, "!!python/name:os.system a"]
)
def test_a_mapping_that_is_none(rarebit: Rarebit, tmp_path: Path, content: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(content)
    done = rarebit("run", tmp_path, "--home", tmp_path / "home", "--map", path)
    assert (done.code, done.out) == (2, "")
    assert str(path) in done.err
