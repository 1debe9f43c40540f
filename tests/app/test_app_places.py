"""A job of places from events to records, whatever form the places have, and its numbers give the probability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US, iso, parse_time
from rarebit.detect.elastic import parse_jobs

START = parse_time("2026-10-05")
JOB: dict[str, Any] = {
    "job_id": "places",
    "analysis_config": {
        "bucket_span": "15m",
        "detectors": [{"function": "lat_long", "field_name": "source.geo.location", "by_field_name": "user.name"}],
        "influencers": ["user.name", "source.ip"],
    },
    "data_description": {"time_field": "@timestamp"},
    "datafeed_config": {"query": {"term": {"event.category": "authentication"}}},
}
FORMS: tuple[Callable[[float, float], Any], ...] = (
    lambda lat, lon: f"{lat},{lon}",
    lambda lat, lon: {"lat": lat, "lon": lon},
    lambda lat, lon: [lon, lat],
)


def _events() -> list[dict[str, Any]]:
    made = []
    for day in range(9):
        for user in range(18):
            for hour in (8, 12, 16):
                place = FORMS[(user + hour) % 3](48.85 + (user % 5) * 2.0, 2.35)
                made.append((START + day * DAY_US + hour * HOUR_US + user * MINUTE_US, f"user{user:02}", place))
    made.append((START + 8 * DAY_US + 16 * HOUR_US + 50 * MINUTE_US, "user05", [103.82, 1.35]))
    made.append((START + 8 * DAY_US + 18 * HOUR_US, "user06", "nowhere"))
    return [
        {
            "@timestamp": iso(at), "event.category": ["authentication"], "host.name": "portal", "user.name": user,
            "source": {"geo": {"location": place}},
        }
        for at, user, place in sorted(made, key=lambda each: each[0])
    ]  # fmt: skip


def test_a_logon_from_the_other_side_of_the_world_is_told(
    tmp_path: Path,
    write_events: Callable[[Path, Sequence[dict[str, Any]]], Path],
    open_home: Callable[[Path], AbstractContextManager[Home]],
) -> None:
    path = write_events(tmp_path / "events.ndjson", _events())
    with open_home(tmp_path / "home") as home:
        (job,) = parse_jobs(JOB)
        home.store.put_job(job, origin="test")
        run(home, [path], RunOptions(jobs=("places",), learn_until_us=START + DAY_US))
        (record,) = home.store.list_records()
    journey = record.explanation.journey
    assert journey is not None
    assert (record.entity_type, record.entity_id, record.by_field_value) == ("user", "user05", "user05")
    assert (record.actual, record.typical) == ((1.35, 103.82), (48.85, 2.35))
    assert record.event_count == 1
    rate = (journey.away + journey.worth * journey.prior) / (journey.seen + journey.worth)
    part = (journey.further + journey.as_far / 2.0) / journey.journeys
    assert record.probability == pytest.approx(journey.tests * rate * part)
    assert record.explanation.sentence.startswith(
        "user05 was active at 16:50 UTC from 1.35, 103.82: 10,730 km from its one usual place (48.85, 2.35); "
        "from where it was seen before that is 14,"
    )
