"""Dates of queries stand for the stretch of time they name."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.errors import QueryError
from rarebit.core.time import to_us
from rarebit.query.dates import date_span, is_date

NOW = to_us(datetime.fromisoformat("2026-11-24T10:20:30.123456+00:00"))


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2026-12-31", "2026-12-31", "2027-01-01"),
        ("2026-11-24T10", "2026-11-24T10:00", "2026-11-24T11:00"),
        ("2026-11-24T10:20:30", "2026-11-24T10:20:30", "2026-11-24T10:20:31"),
        ("2026-11-24T10:20:30.5Z", "2026-11-24T10:20:30.500", "2026-11-24T10:20:30.501"),
        ("2026-11-24T10:20:30.123456+02:00", "2026-11-24T08:20:30.123456", "2026-11-24T08:20:30.123457"),
        ("now", "2026-11-24T10:20:30.123456", "2026-11-24T10:20:30.123457"),
        ("now-1d", "2026-11-23T10:20:30.123456", "2026-11-23T10:20:30.123457"),
        ("now-7d/d", "2026-11-17", "2026-11-18"),
        ("now/w", "2026-11-23", "2026-11-30"),
        ("now/M", "2026-11-01", "2026-12-01"),
        ("now+1M-1y/y", "2025-01-01", "2026-01-01"),
        ("now/h", "2026-11-24T10:00", "2026-11-24T11:00"),
        ("2026-01-31||+1M", "2026-02-28", "2026-03-01"),
        ("2026-11-24||/M", "2026-11-01", "2026-12-01"),
        ("1764000000000", "2025-11-24T16:00", "2025-11-24T16:00:00.001"),
        (0, "1970-01-01", "1970-01-01T00:00:00.001"),
    ],
)
def test_spans(value: str | int, start: str, stop: str) -> None:
    expected = tuple(
        to_us(datetime.fromisoformat(text + ("T00:00" if "T" not in text else "") + "+00:00")) for text in (start, stop)
    )
    assert date_span(value, now_us=NOW) == expected


def test_time_zone_moves_days() -> None:
    hour = 3_600_000_000
    utc = date_span("2026-11-24", now_us=NOW)
    assert date_span("2026-11-24", now_us=NOW, time_zone="+01:00") == (utc[0] - hour, utc[1] - hour)
    assert date_span("2026-11-24", now_us=NOW, time_zone="Europe/Berlin") == (utc[0] - hour, utc[1] - hour)
    start, stop = date_span("2026-10-25", now_us=NOW, time_zone="Europe/Berlin")
    assert stop - start == 25 * hour


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2026-13",
        "now-",
        "now-1x",
        "now/",
        "2026||",
        "10000-01-01",
        True,
        "now+999999y",
        1e300,
        "2026-01-01||x",
    ],
)
def test_what_is_no_date(value: str | float) -> None:
    if value == "2026||":
        assert date_span(value, now_us=NOW) == date_span("2026", now_us=NOW)
        return
    with pytest.raises(QueryError, match="not a date"):
        date_span(value, now_us=NOW)


@given(
    st.text(max_size=20)
    | st.from_regex(r"(now|\d{4}-\d\d-\d\d\|\|)([+-]\d{1,6}[yMwdhms]|/[yMwdhms]){0,4}", fullmatch=True),
    st.sampled_from(["", "+14:00", "America/New_York"]),
)
def test_spans_are_not_empty(text: str, zone: str) -> None:
    try:
        start, stop = date_span(text, now_us=NOW, time_zone=zone)
    except QueryError:
        assert not is_date(text) or zone or "now" in text
        return
    assert start < stop
