"""Planned events of iCalendar files (RFC 5545): what a site's change calendar exports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from rarebit.core.errors import InputError, MissingExtraError
from rarebit.core.time import to_us

_MAX_BYTES: Final = 16 << 20
MOST_REPEATS: Final = 1_000
"""Of one event that repeats; later ones are left out."""

_PACES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_HORIZON: Final = timedelta(days=5 * 366)
"""An event that repeats for ever is read so far ahead."""


class Planned(NamedTuple):
    """One event: what, and ``[start, end)`` in microseconds since 1970."""

    text: str
    start_us: int
    end_us: int


def read_events(path: Path) -> list[Planned]:
    """Events of an iCalendar file; every occurrence of one that repeats, cancelled ones left out.

    A time without a zone is UTC; an event without an end lasts a day if it has only a date, else it is left out, for
    it has no length.

    Raises
    ------
    InputError
        If the file cannot be read, or an event is wrong.
    MissingExtraError
        If the package ``icalendar`` is not installed.
    """
    try:
        import icalendar
    except ModuleNotFoundError as error:
        raise MissingExtraError("icalendar", "ical") from error
    try:
        content = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else None
        calendars = icalendar.Calendar.from_ical(content or b"", multiple=True)
        components = [event for calendar in calendars for event in calendar.walk("VEVENT")]
        found = [planned for event in components for planned in _occurrences(event)]
    except InputError as error:
        raise InputError(error.what, where=str(path)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(f"not an iCalendar file: {error}", where=str(path)) from error
    if content is None:
        raise InputError("an iCalendar file of more than 16 MB", where=str(path))
    return sorted(set(found), key=lambda each: (each.start_us, each.end_us, each.text))


def _occurrences(event: Any) -> list[Planned]:  # noqa: ANN401 - a component of the library's
    if "DTSTART" not in event or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return []
    text = str(event.get("SUMMARY", "")) or "planned"
    start = event.decoded("DTSTART")
    first = _moment(start)
    if "DTEND" in event:
        length = _moment(event.decoded("DTEND")) - first
    elif "DURATION" in event:
        length = event.decoded("DURATION")
    else:
        length = timedelta(0) if isinstance(start, datetime) else timedelta(days=1)
    if length <= timedelta(0):
        return []
    return [Planned(text, to_us(at), to_us(at + length)) for at in _starts(event, start, first)]


def _starts(event: Any, start: date, first: datetime) -> list[datetime]:  # noqa: ANN401
    if "RRULE" not in event:
        return [first]
    from dateutil.rrule import rrulestr

    # Repeats are told in the event's own zone, so that nine o'clock stays nine o'clock.
    local = start if isinstance(start, datetime) else datetime(start.year, start.month, start.day, tzinfo=UTC)
    local = local if local.tzinfo else local.replace(tzinfo=UTC)
    rule = event["RRULE"][0] if isinstance(event["RRULE"], list) else event["RRULE"]
    if str(rule.get("FREQ", [""])[0]).upper() not in _PACES:
        raise InputError(f"an event that repeats {rule.to_ical().decode()[:60]}: only days, weeks, months and years do")
    text = rule.to_ical().decode()
    if not {"UNTIL", "COUNT"} & {str(name).upper() for name in rule}:
        text += f";UNTIL={(local + _HORIZON).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    left_out = event.get("EXDATE", [])
    groups = left_out if isinstance(left_out, list) else [left_out]
    gone = {_moment(each.dt) for group in groups for each in group.dts}
    repeats = islice(rrulestr(text, dtstart=local, ignoretz=False), MOST_REPEATS)
    return [moment for moment in (_moment(each) for each in repeats) if moment not in gone]


def _moment(value: Any) -> datetime:  # noqa: ANN401
    """A date or time as UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise InputError(f"{value!r} is no time of an event")
