"""Dates of queries: ISO 8601 at any precision, epoch milliseconds, and Elasticsearch's date math.

A date stands for a stretch of time: ``2026-01-01`` is the whole day, and ``now-7d/d`` the whole day it falls in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from rarebit.core.errors import QueryError
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US, to_us

_HINT = "Write ISO 8601, as 2026-11-24T08:00:00Z, epoch milliseconds, or date math, as now-7d/d."
_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?)?)?)?"
    r"(Z|z|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_MATH: Final = re.compile(r"([+-])(\d{1,6})([yMwdhHms])|/([yMwdhHms])", re.ASCII)
_MILLIS: Final = re.compile(r"-?\d{5,15}", re.ASCII)
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
_FIXED_US: Final = {
    "w": 7 * DAY_US,
    "d": DAY_US,
    "h": HOUR_US,
    "H": HOUR_US,
    "m": MINUTE_US,
    "s": 1_000_000,
}
_MONTHS: Final = {"y": 12, "M": 1}
_PARTS: Final = ("y", "M", "d", "h", "m", "s")


def date_span(value: str | float, *, now_us: int, time_zone: str = "") -> tuple[int, int]:
    """First microsecond of a date, and the first one after it.

    Parameters
    ----------
    value : str, int or float
        The date. A number is milliseconds since 1970.
    now_us : int
        What ``now`` means, in microseconds since 1970.
    time_zone : str
        Zone of dates that name none; empty is UTC.

    Returns
    -------
    tuple of int, int
        Microseconds since 1970: start, and end (not included).

    Raises
    ------
    QueryError
        If the value is no date, or one out of the years 1 to 9999.
    """
    try:
        return _span(value, now_us, _zone(time_zone))
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{_short(value)} is not a date", hint=_HINT) from error


def is_date(value: object) -> bool:
    """Whether a text is a full date or date math, and not merely a number or a word."""
    if not isinstance(value, str) or not re.match(r"now(?=$|[+\-/|])|\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return False
    try:
        date_span(value, now_us=0)
    except QueryError:
        return False
    return True


def _short(value: object) -> str:
    return repr(value)[:80]


def _span(value: str | float, now_us: int, zone: tzinfo) -> tuple[int, int]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _millis(round(value))
    text = str(value).strip()
    if text.startswith("now"):
        return _apply(now_us, now_us + 1, text[3:], zone)
    anchor, bars, math = text.partition("||")
    start, stop = _millis(int(anchor)) if _MILLIS.fullmatch(anchor) else _iso(anchor, zone)
    return _apply(start, stop, math, zone) if bars else (start, stop)


def _millis(value: int) -> tuple[int, int]:
    start = value * 1000
    _to_datetime(start, UTC)
    return start, start + 1000


def _iso(text: str, zone: tzinfo) -> tuple[int, int]:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    parts = [int(part) for part in match.groups()[:6] if part is not None]
    where = _zone(match[8]) if match[8] else zone
    start = datetime(*(parts + [1] * (3 - len(parts))), tzinfo=where)  # type: ignore[arg-type, misc]
    start_us = to_us(start)
    if match[7] is None:
        return start_us, _add(start, 1, _PARTS[len(parts) - 1])
    digits = match[7][:6]
    start_us += int(digits.ljust(6, "0"))
    width = 1000 if len(digits) <= 3 else 1  # noqa: PLR2004 - three digits are milliseconds
    return start_us, start_us + width


def _zone(text: str) -> tzinfo:
    if text in {"", "Z", "z", "UTC"}:
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is not None:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(text) from error


def _apply(start: int, stop: int, math: str, zone: tzinfo) -> tuple[int, int]:
    at = 0
    while at < len(math):
        match = _MATH.match(math, at)
        if match is None:
            raise ValueError(math)
        at = match.end()
        if match[4]:
            floor = _floor(_to_datetime(start, zone), match[4])
            start, stop = to_us(floor), _add(floor, 1, match[4])
        else:
            moved = _add(_to_datetime(start, zone), int(match[1] + match[2]), match[3])
            start, stop = moved, moved + stop - start
    return start, stop


def _add(value: datetime, count: int, unit: str) -> int:
    if unit in _FIXED_US:
        moved = to_us(value) + count * _FIXED_US[unit]
        return moved if unit not in "dw" else to_us(_local(value, count * (7 if unit == "w" else 1)))
    months = value.year * 12 + value.month - 1 + count * _MONTHS[unit]
    year, month = months // 12, months % 12 + 1
    for day in range(value.day, 27, -1):
        try:
            return to_us(value.replace(year=year, month=month, day=day))
        except ValueError:
            continue
    return to_us(value.replace(year=year, month=month))


def _local(value: datetime, days: int) -> datetime:
    return (value.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=value.tzinfo)


def _floor(value: datetime, unit: str) -> datetime:
    if unit == "w":
        value = _local(value, -value.weekday())
        unit = "d"
    keep = _PARTS.index("h" if unit == "H" else unit) + 1
    parts = [value.year, value.month, value.day, value.hour, value.minute, value.second][:keep]
    return datetime(*(parts + [1] * (3 - len(parts))), tzinfo=value.tzinfo)  # type: ignore[arg-type, misc]


def _to_datetime(value_us: int, zone: tzinfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value_us)).astimezone(zone)
