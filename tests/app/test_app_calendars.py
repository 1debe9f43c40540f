"""Calendars, exclusions and notes from the command line: kept, changed, exported, audited; wrong ones keep nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from rarebit.app.holds import holds_of
from rarebit.app.home import Home
from rarebit.app.jobs import get_job, planned
from rarebit.core.names import host_key
from rarebit.core.time import iso, parse_time
from rarebit.maths.hashing import hash_text

Rarebit = Callable[..., Any]
JOB = "v3_rare_process_by_host_windows"
CALENDAR = {
    "calendar_id": "patching",
    "job_ids": [JOB, "security"],
    "description": "monthly",
    "events": [
        {
            "description": "servers",
            "start_time": 1_790_000_000_000,
            "end_time": "1790003600000",
            "hosts": ["WS01.corp"],
        },
        {"description": "all", "start_time": "2026-10-01", "end_time": "2026-10-02", "skip_model_update": False},
        {"description": "shift", "start_time": 1, "end_time": 2, "force_time_shift": 3600, "groups": ["nobody"]},
    ],
}


def test_a_calendar_goes_in_and_out_and_says_what_is_left_out(rarebit: Rarebit, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    file = tmp_path / "c.json"
    file.write_bytes(orjson.dumps({"calendars": [CALENDAR]}))
    taken = rarebit("calendar", "import", file, *home)
    assert (taken.code, taken.out) == (0, "patching: 3 events\n")
    assert "force_time_shift is kept for export" in taken.err
    assert "no host of the inventory is in the group 'nobody'" in taken.err
    (body,) = rarebit("calendar", "export", "patching", *home).objects
    assert [event["description"] for event in body["events"]] == ["shift", "servers", "all"]
    assert (body["job_ids"], body["events"][2]["end_time"]) == ([JOB, "security"], 1_790_899_200_000)
    file.write_bytes(orjson.dumps(body))
    assert rarebit("calendar", "import", file, *home).code == 2
    assert rarebit("calendar", "import", file, "--replace", "--json", *home).objects == [body]
    opened = Home(tmp_path / "home")
    try:
        holds = holds_of(opened, get_job(opened, JOB))
        assert [hold.hosts for hold in holds] == [frozenset(), frozenset({hash_text(host_key("ws01"))}), None]
        assert [(hold.skip_result, hold.skip_learning) for hold in holds] == [(True, True), (True, True), (True, False)]
        assert "host.name" in planned(opened, get_job(opened, JOB)).coded
        assert [each.action for each in opened.store.list_audit("calendar patching")] == ["calendar put"] * 2
    finally:
        opened.close()
    (gone,) = [event["event_id"] for event in body["events"] if event["description"] == "shift"]
    assert rarebit("calendar", "remove", "patching", gone, *home).code == 0
    assert rarebit("calendar", "remove", "patching", gone, *home).code == 2
    more = ("--description", "move", "--from", "2026-11-01", "--to", "2026-11-02", "--host", "ws2")
    assert "host" not in rarebit("calendar", "add", "patching", *more, *home).err
    assert rarebit("calendar", "put", "patching", "--job", "_all", "--json", *home).objects[0]["job_ids"] == ["_all"]
    assert len(rarebit("calendar", "show", "patching", "--json", *home).objects[0]["events"]) == 3
    ics = tmp_path / "site.ics"
    ics.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:holiday\r\nDTSTART;VALUE=DATE:20261225\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    for _ in range(2):
        assert rarebit("calendar", "import", ics, "--into", "patching", *home).out == "patching: 4 events\n"
    assert rarebit("calendar", "delete", "patching", *home).code == 0
    assert rarebit("calendar", "list", "--json", *home).objects == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"3", b"{}", b'{"calendar_id": "_all"}', b'{"calendar_id": "a", "job_ids": [1]}', b"[" * 100_000,
        b'{"calendar_id": "a", "more": 1}', b'{"calendar_id": "a", "events": [3]}',
        b'{"calendar_id": "a", "events": [{"description": "x"}]}',
        b'{"calendar_id": "a", "events": [{"description": "x", "start_time": 2, "end_time": 1}]}',
        b'{"calendar_id": "a", "events": [{"description": "x", "start_time": 1, "end_time": 1e30}]}',
        b'{"calendar_id": "a", "events": [{"description": "x", "start_time": 1, "end_time": 99999999999999999999}]}',
        b'{"calendar_id": "a", "events": [{"description": "x", "start_time": "soon", "end_time": 2}]}',
        b'{"calendar_id": "a", "events": [{"description": 3, "start_time": 1, "end_time": 2}]}',
        b'{"calendar_id": "a", "events": [{"description": "x", "start_time": 1, "end_time": 2, "skip_result": 3}]}',
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)  # fmt: skip
def test_a_wrong_calendar_is_one_line_and_keeps_nothing(rarebit: Rarebit, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "c.json").write_bytes(body)
    done = rarebit("calendar", "import", tmp_path / "c.json", "--home", tmp_path / "home")
    assert (done.code, done.out, "Traceback" in done.err) == (2, "", False)
    assert rarebit("calendar", "list", "--json", "--home", tmp_path / "home").objects == []


def test_notes_of_people_are_kept_listed_and_removed(rarebit: Rarebit, ran_copy: Path) -> None:
    home = ("--home", ran_copy)
    note = ("job", "annotate", JOB, "new \x1b[31mimage", "--from", "2026-10-05", "--to", "2026-10-06")
    (made,) = rarebit(*note, "--json", *home).objects
    shown = rarebit("job", "annotations", JOB, *home).out
    assert ("image" in shown, "\x1b" in shown) == (True, False)
    assert "noted       " in rarebit("status", *home).out
    assert rarebit("job", "annotate", JOB, "", *home).code == 2
    assert rarebit("job", "annotate", JOB, "--remove", "nope", *home).code == 2
    assert rarebit("job", "annotate", JOB, "--remove", made["id"], *home).code == 0
    assert rarebit("job", "annotations", JOB, "--json", *home).objects == []
    (snapshot,) = rarebit("job", "snapshot", "list", JOB, "--json", *home).objects
    short = snapshot["snapshot_id"].removeprefix(f"{JOB}-")[:8]
    kept = rarebit(
        "job", "snapshot", "retain", JOB, short, "--description", "before the move", "--json", *home
    ).objects[0]
    assert (kept["retain"], kept["description"]) == (True, "before the move")
    assert "for good" not in rarebit("job", "snapshot", "list", JOB, *home).out, "the job stands on it"
    for wrong in (
        ("snapshot", "revert", JOB, "nope"),
        ("exclude", JOB, "--from", "2026-10-02", "--to", "2026-10-01", "--reason", "x"),
        ("include", JOB, "nope"), ("delete", JOB), ("reset", "nope"), ("replay", "nope"), ("annotations", "nope"),
    ):  # fmt: skip
        done = rarebit("job", *wrong, *home)
        assert (done.code, done.out, "Traceback" in done.err) == (2, "", False)
    assert iso(parse_time("2026-10-05")) == made_from(made)


def made_from(note: dict[str, Any]) -> str:
    """When a note begins."""
    return iso(note["start_us"])
