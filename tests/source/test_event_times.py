from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.time import iso, to_us
from rarebit.source.event_time import ABSENT, parse_one, parse_times

T = 1_714_557_600_000_000


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-05-01T10:00:00Z", T),
        ("2024-05-01T12:00:00+02:00", T),
        ("2024-05-01T12:00:00.123456789+0200", T + 123_456),
        ("2024-05-01 10:00:00.5", T + 500_000),
        ("2024-05-01T10:00:00,250Z", T + 250_000),
        ("2024-05-01", T - 36_000_000_000),
        ("1714557600", T),
        ("1714557600.25", T + 250_000),
        ("1714557600123", T + 123_000),
        ("1714557600123456", T + 123_456),
        ("1714557600123456789", T + 123_456),
        ("133590312000000000", T),
        ("5/1/2024, 10:00:00.000 AM", T),
        ("5/1/24 10:00 AM", T),
    ],
)
def test_every_common_notation(text: str, time: int) -> None:
    assert parse_one(text) == time
    assert parse_times(pa.array([text]))[0] == time


@pytest.mark.parametrize(
    "text", ["", "21:06.9", "2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z", "x", "9" * 30, "-", "T"]
)
def test_what_is_no_time(text: str) -> None:
    assert parse_times(pa.array([text]))[0] == ABSENT


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), st.integers(-23 * 60, 23 * 60))  # noqa: DTZ001 - hypothesis wants them bare
def test_iso_times_of_any_offset(value: datetime, minutes: int) -> None:
    aware = value.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_times(pa.array([aware.isoformat()]))[0] == to_us(aware)
    utc = value.replace(tzinfo=UTC)
    assert parse_times(pa.array([iso(to_us(utc)), None])).tolist() == [to_us(utc), ABSENT]


@given(st.text(max_size=40))
def test_the_compiled_parser_agrees_with_the_careful_one(text: str) -> None:
    assert parse_times(pa.array([text]))[0] == parse_one(text)
