"""Times: microseconds since 1970 in UTC inside, ISO 8601 outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from rarebit.core.errors import InputError

MINUTE_US = 60 * 1_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US

_SPAN = re.compile(r"^\s*(\d+)\s*(ms|s|m|h|d|w)\s*$")
_UNIT_US = {"ms": 1_000, "s": 1_000_000, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": WEEK_US}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_span(text: str) -> int:
    """Microseconds of a span such as ``15m``, ``2h`` or ``7d``.

    Raises
    ------
    InputError
        If the text is not a whole number and one of ms, s, m, h, d, w.
    """
    match = _SPAN.match(text)
    if match is None:
        raise InputError(f"{text!r} is not a span of time", hint="Write for example 15m, 2h or 7d.")
    return int(match[1]) * _UNIT_US[match[2]]


def parse_time(text: str, *, now_us: int | None = None) -> int:
    """Microseconds since 1970 of an ISO 8601 time, or of a span before now (``7d``).

    A time without a zone is UTC.

    Raises
    ------
    InputError
        If the text is neither.
    """
    if _SPAN.match(text):
        now = to_us(datetime.now(UTC)) if now_us is None else now_us
        return now - parse_span(text)
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"{text!r} is not a time", hint="Write ISO 8601, as 2026-11-24T08:00:00Z, or a span before now, as 7d."
        ) from error
    return to_us(value if value.tzinfo else value.replace(tzinfo=UTC))


def to_us(value: datetime) -> int:
    """Microseconds since 1970 of a datetime that has a zone."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def to_datetime(value_us: int) -> datetime:
    """UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value_us)


def iso(value_us: int) -> str:
    """ISO 8601 in UTC: milliseconds unless there are finer digits."""
    value = to_datetime(value_us)
    spec = "milliseconds" if value_us % 1000 == 0 else "microseconds"
    return value.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def day_of(value_us: int) -> str:
    """UTC date as ``YYYY-MM-DD``."""
    return to_datetime(value_us).strftime("%Y-%m-%d")


def hour_end(time_us: int) -> int:
    """End of the hour of an observation: its further events lie before it."""
    return (time_us // HOUR_US + 1) * HOUR_US
