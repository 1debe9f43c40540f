"""Files in another order, events that come late, and clocks that are wrong: what a job of counts tells in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.app.run import RunOptions, RunSummary, run
from rarebit.core.job import Datafeed, Detector, Job
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

START = parse_time("2026-10-05")
DAYS = 5
LAST = START + DAYS * DAY_US
SILENCE = LAST - 8 * HOUR_US
BURST = LAST - 20 * HOUR_US
JOB = Job(
    job_id="starts",
    bucket_span="1h",
    counted="process starts",
    detectors=(
        Detector(function="count", partition_field_name="host.name"),
        Detector(function="high_distinct_count", field_name="user.name", partition_field_name="host.name"),
        Detector(function="high_count"),
    ),
    influencers=("host.name", "user.name"),
    datafeed=Datafeed(query={"term": {"event.category": "process"}}),
)
Event = dict[str, Any]
Write = Callable[[Path, Sequence[Event]], Path]
OpenHome = Callable[[Path], AbstractContextManager[Home]]


def _event(at_us: int, host: int, user: str, number: int) -> Event:
    common = {"event.category": ["process"], "event.type": ["start"]}
    return common | {
        "@timestamp": iso(at_us), "host.name": f"host-{host:02}", "user.name": user, "process.pid": number
    }  # fmt: skip


def _events() -> list[Event]:
    """Twelve steady hosts; those of host 7 are sent hours late, and so is a burst of everybody."""
    rng = np.random.default_rng(4)
    made = []
    for hour in range(24 * DAYS):
        for host, count in enumerate(rng.poisson(20, 12)):
            times = START + hour * HOUR_US + np.sort(rng.integers(0, HOUR_US // 1000, count)) * 1000
            made += [_event(int(at), host, f"user{rng.integers(3)}", at_all) for at_all, at in enumerate(times)]
    made += [_event(BURST + number * 1_000_000, number % 12, f"guess{number}", 1000 + number) for number in range(1500)]
    return sorted(made, key=lambda event: (event["@timestamp"], event["host.name"], event["process.pid"]))


def _is_late(event: Event) -> bool:
    return bool(event["host.name"] == "host-07" and event["@timestamp"] >= iso(SILENCE)) or event["process.pid"] > 999


def _run(home: Home, file: Path) -> RunSummary:
    if not home.store.list_jobs():
        home.store.put_job(JOB, origin="test")
    return run(home, [file], RunOptions(jobs=(JOB.job_id,), learn_until_us=START + 2 * DAY_US))


def _plain(record: Record) -> dict[str, Any]:
    """A record but for what depends on when it was told."""
    later = (
        "expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score",
        "initial_expected_per_week", "initial_record_score", "revised",
    )  # fmt: skip
    return {name: value for name, value in msgspec.to_builtins(record).items() if name not in later}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, write_events: Write, open_home: OpenHome) -> dict[str, Any]:
    """All in order; and the same with what is late in a second file, before and after that one was read."""
    path = tmp_path_factory.mktemp("late")
    events = _events()
    with open_home(path / "whole") as home:
        _run(home, write_events(path / "all.ndjson", events))
        whole = {record.id: record for record in home.store.list_records()}
    with open_home(path / "home") as home:
        _run(home, write_events(path / "a.ndjson", [event for event in events if not _is_late(event)]))
        before = {record.id: record for record in home.store.list_records()}
        first_alerts = home.store.list_alerts()
        summary = _run(home, write_events(path / "b.ndjson", [event for event in events if _is_late(event)]))
        after = {record.id: record for record in home.store.list_records()}
        alerts, cases = home.store.list_alerts(), home.store.list_cases()
    return {
        "whole": whole, "before": before, "after": after, "summary": summary,
        "first_alerts": first_alerts, "alerts": alerts, "cases": cases,
    }  # fmt: skip


def test_the_order_of_files_does_not_matter(homes: dict[str, Any]) -> None:
    whole, after = homes["whole"], homes["after"]
    assert set(whole) <= set(after)
    for key, record in whole.items():
        assert _plain(after[key]) == _plain(record)
        assert after[key].expected_per_week == pytest.approx(record.expected_per_week, rel=0.5, abs=1e-3)
    assert all(after[key].revised and after[key].record_score == 0 for key in set(after) - set(whole))


def test_a_silence_that_was_only_late_is_taken_back_and_kept(homes: dict[str, Any]) -> None:
    (silent,) = (
        record for record in homes["before"].values()
        if record.partition_field_value == "host-07" and record.record_score > 50
    )  # fmt: skip
    assert silent.actual == (0.0,)
    assert silent.time == iso(SILENCE)
    now = homes["after"][silent.id]
    assert now.actual[0] > 5
    assert (now.record_score, now.initial_record_score) == (0.0, silent.initial_record_score)
    (alert,) = (alert for alert in homes["alerts"] if alert.record_id == silent.id)
    assert alert.score == 0.0
    assert alert.sentence == now.explanation.sentence
    assert any(alert.record_id == silent.id for alert in homes["first_alerts"])
    open_now = [case for case in homes["cases"] if case.state == "open"]
    assert not any(case.entity.id == "host-07" and silent.id in case.record_ids for case in open_now)


def test_a_burst_that_came_late_is_told_of_the_fleet_too(homes: dict[str, Any]) -> None:
    fleet = [record for record in homes["after"].values() if record.detector_index == 2 and record.actual[0] > 1500]
    assert [record.entity_type for record in fleet] == ["fleet"]
    assert fleet[0].id not in homes["before"]
    (case,) = (case for case in homes["cases"] if case.entity.type == "fleet" and fleet[0].id in case.record_ids)
    assert case.sentence.startswith("The whole fleet showed many process starts")
    assert "host.name" not in case.queries["sql"]
    assert (homes["summary"].jobs[0].late_events > 0, homes["summary"].jobs[0].too_late_events) == (True, 0)


@pytest.mark.parametrize("days", [2.5, 30.0])
def test_a_wrong_clock_does_not_move_the_fleet(
    days: float, tmp_path: Path, write_events: Write, open_home: OpenHome, homes: dict[str, Any]
) -> None:
    events = _events()
    half = START + 3 * DAY_US
    odd = [_event(half + int(days * DAY_US) + number, 3, "user1", 5000 + number) for number in range(40)]
    with open_home(tmp_path / "home") as home:
        first = [event for event in events if event["@timestamp"] < iso(half)]
        summary = _run(home, write_events(tmp_path / "a.ndjson", [*first, *odd]))
        assert (fleet_clock(home) or 0) <= half
        assert summary.jobs[0].ahead_events == 40
        rest = [event for event in events if event["@timestamp"] >= iso(half)]
        summary = _run(home, write_events(tmp_path / "b.ndjson", rest))
        records = {record.id: record for record in home.store.list_records()}
        cases = home.store.list_cases("open")
    assert summary.jobs[0].too_late_events == 0
    assert summary.jobs[0].ahead_events == (0 if days < 3 else 40)
    told = {key for key, record in homes["whole"].items() if record.record_score > 50}
    assert told <= set(records)
    assert all(records[key].actual == homes["whole"][key].actual for key in told)
    assert any(case.entity.type == "fleet" for case in cases)
