"""iCalendar files: events with zones, days, repeats and exceptions; what is none ends in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from rarebit.asset.ics import MOST_REPEATS, Planned, read_events
from rarebit.core.errors import InputError
from rarebit.core.time import DAY_US, HOUR_US, parse_time

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//site//EN\r\n"


def _read(folder: Path, *events: str) -> list[Planned]:
    body = "".join(f"BEGIN:VEVENT\r\nUID:{at}\r\n{event}\r\nEND:VEVENT\r\n" for at, event in enumerate(events))
    file = folder / "site.ics"
    file.write_bytes(f"{HEAD}{body}END:VCALENDAR\r\n".encode())
    return read_events(file)


def _at(text: str) -> int:
    return parse_time(text)


def test_events_are_read_in_utc(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "SUMMARY:patch day\r\nDTSTART:20261010T200000Z\r\nDTEND:20261010T230000Z",
        "SUMMARY:inventory\r\nDTSTART;TZID=Europe/Paris:20261011T090000\r\nDURATION:PT90M",
        "SUMMARY:holiday\r\nDTSTART;VALUE=DATE:20261225",
        "SUMMARY:off\r\nSTATUS:CANCELLED\r\nDTSTART:20261010T200000Z\r\nDTEND:20261010T230000Z",
        "SUMMARY:a moment\r\nDTSTART:20261010T200000Z",
        "SUMMARY:backwards\r\nDTSTART:20261010T200000Z\r\nDTEND:20261010T190000Z",
    )
    assert found == [
        Planned("patch day", _at("2026-10-10T20:00Z"), _at("2026-10-10T23:00Z")),
        Planned("inventory", _at("2026-10-11T07:00Z"), _at("2026-10-11T08:30Z")),
        Planned("holiday", _at("2026-12-25"), _at("2026-12-26")),
    ]


def test_repeats_keep_their_hour_over_a_change_of_clocks_and_leave_out_exceptions(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "SUMMARY:backup\r\nDTSTART;TZID=Europe/Paris:20261018T020000\r\nDTEND;TZID=Europe/Paris:20261018T030000\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=4\r\nEXDATE;TZID=Europe/Paris:20261101T020000",
    )
    assert [each.start_us for each in found] == [
        _at(day) for day in ("2026-10-18T00:00Z", "2026-10-25T00:00Z", "2026-11-08T01:00Z")
    ]
    assert {each.end_us - each.start_us for each in found} == {HOUR_US}


def test_what_repeats_for_ever_is_bounded(tmp_path: Path) -> None:
    found = _read(tmp_path, "SUMMARY:daily\r\nDTSTART;VALUE=DATE:20261001\r\nRRULE:FREQ=DAILY")
    assert len(found) == MOST_REPEATS
    assert found[-1].end_us == _at("2026-10-01") + MOST_REPEATS * DAY_US
    with pytest.raises(InputError, match="only days, weeks"):
        _read(tmp_path, "SUMMARY:x\r\nDTSTART:20261001T000000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=SECONDLY")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"x", b"\x00\xff", b"BEGIN:VCALENDAR", b"BEGIN:VEVENT\r\nEND:VCALENDAR\r\n",
        HEAD.encode() + b"BEGIN:VEVENT\r\nDTSTART:soon\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        HEAD.encode() + b"BEGIN:VEVENT\r\nDTSTART:20260101T000000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=\r\n"
        b"END:VEVENT\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\n" * 5_000,
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_calendar_is_an_error_or_holds_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ics").write_bytes(content)
    try:
        found = read_events(tmp_path / "x.ics")
    except InputError as error:
        found = []
        place = error.where
    else:
        place = str(tmp_path / "x.ics")
    assert (found, place) == ([], str(tmp_path / "x.ics"))
