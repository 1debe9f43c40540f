"""Functions of hours in jobs: what runs, what is refused or ignored, and the words in which it is told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rarebit.core.habits import Rhythm
from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US, parse_time
from rarebit.detect.hours_engine import HoursEngine, step_of
from rarebit.detect.hours_sentence import hours_brief, hours_sentence, stretch_of
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems
from rarebit.detect.stream import JobStream

NIGHT = parse_time("2026-10-06T03:12:00")
OFFICE = tuple(12.0 if 7 <= hour < 17 else 0.0 for hour in range(24))
EVEN = (1.0 / 24.0,) * 24


def _job(function: str, *, span: str = "15m", **detector: Any) -> Job:
    return Job(job_id="j", bucket_span=span, detectors=(Detector(function=function, **detector),))


@pytest.mark.parametrize(("function", "hours"), [("time_of_day", 24), ("time_of_week", 168)])
def test_a_function_of_hours_runs_by_any_fields(function: str, hours: int) -> None:
    job = _job(function, by_field_name="user.name", over_field_name="source.ip", partition_field_name="host.name")
    assert problems(job) == []
    (detector,) = plan(job).detectors
    assert (detector.hours, detector.entity) == (hours, "source.ip")
    assert detector.split == ("host.name", "user.name", "source.ip")
    assert isinstance(JobStream(plan(job)).engine(0), HoursEngine)


@pytest.mark.parametrize(
    ("changes", "place", "kind"),
    [
        ({"field_name": "source.bytes"}, "field_name", "refused"),
        ({"by_field_name": "host.name", "partition_field_name": "host.name"}, "by_field_name", "refused"),
        ({"exclude_frequent": "all"}, "exclude_frequent", "ignored"),
    ],
)
def test_what_is_not_acted_on_is_named(changes: dict[str, Any], place: str, kind: str) -> None:
    found = [(problem.where, problem.kind) for problem in problems(_job("time_of_day", **changes))]
    assert found == [(f"analysis_config.detectors[0].{place}", kind)]


@pytest.mark.parametrize(
    ("span", "step"), [("15m", 15), ("1h", 60), ("6h", 60), ("45m", 15), ("7m", 1), ("1s", 1), ("1d", 60)]
)
def test_hours_are_judged_when_the_bucket_closes_or_the_hour(span: str, step: int) -> None:
    assert step_of(plan(_job("time_of_day", span=span))) == step * MINUTE_US


def _rhythm(**changes: Any) -> Rhythm:
    made = Rhythm(
        detector_index=0, entity_field="user.name", entity="ann", hour=3, shift=0, days=41.2, active_hours=212,
        own=OFFICE, peers=EVEN, peer_group="", peer_count=14, worth=50.0, width=0.8, share=0.01, probability=0.004,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def _told(time_us: int = NIGHT, **changes: Any) -> str:
    return hours_sentence(_rhythm(**changes), [("user.name", "ann")], acted="logged on", time_us=time_us)


def test_it_is_told_how_long_it_was_never_so() -> None:
    assert _told() == (
        "ann logged on at 03:12 UTC: in 41 days none of its 212 active hours lay between 17:00 and 07:00; "
        "58 % of the active hours of its 14 peers did."
    )
    assert hours_brief(_rhythm()).startswith("at an unusual hour (in 41 days none of its 212")


def test_an_hour_it_was_active_in_before_is_told_with_its_part() -> None:
    own = (0.0, 0.0, 0.0, 0.2, *OFFICE[4:])
    assert "in 41 days 0.2 % of its 212 active hours, recent ones counting more, lay between 03:00 and 04:00" in _told(
        own=own
    )


def test_who_was_never_seen_is_judged_by_its_peers() -> None:
    text = _told(own=(0.0,) * 24, active_hours=0, peer_group="domain_controller", peer_count=3)
    assert text == (
        "ann logged on at 03:12 UTC: it was never seen before; 4.2 % of the active hours of its 3 domain controller "
        "peers lay between 03:00 and 04:00."
    )


def test_a_shifted_day_is_told_in_both() -> None:
    assert "at 03:12 UTC (05:12 by the day of its peers): " in _told(hour=5, shift=2)


def test_a_week_is_told_by_its_days() -> None:
    week = (*OFFICE, *OFFICE, *OFFICE, *OFFICE, *OFFICE, *((0.0,) * 48))
    even = (1.0 / 168.0,) * 168
    saturday = parse_time("2026-10-10T03:12:00")
    text = _told(saturday, own=week, peers=even, hour=5 * 24 + 3)
    assert "ann logged on at 03:12 UTC on Saturday: in 41 days none of its 212 active hours lay on a Saturday;" in text
    tuesday = stretch_of(_rhythm(own=week, peers=even, hour=24 + 3))
    assert tuesday.text == "on a Tuesday between 00:00 and 07:00"
    assert tuesday.hours == tuple(range(24, 31))
    assert saturday % DAY_US == 3 * HOUR_US + 12 * MINUTE_US
