"""Count jobs from events to cases: several runs tell what one tells, and the numbers shown give the probability."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.job import Datafeed, Detector, Job
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time
from rarebit.maths.count import Predicted, p_high, p_low, predict, quantile

START = parse_time("2026-10-05")
DAYS = 4
BURST = START + 3 * DAY_US + 10 * HOUR_US
SILENCE = START + 3 * DAY_US + 15 * HOUR_US
JOB = Job(
    job_id="starts",
    bucket_span="1h",
    counted="process starts",
    detectors=(
        Detector(function="count", partition_field_name="host.name"),
        Detector(function="high_distinct_count", field_name="user.name", partition_field_name="host.name"),
        Detector(function="high_count", over_field_name="host.name"),
    ),
    influencers=("host.name", "user.name"),
    datafeed=Datafeed(query={"term": {"event.category": "process"}}),
)
Write = Callable[[Path, Sequence[dict[str, Any]]], Path]
OpenHome = Callable[[Path], AbstractContextManager[Home]]


def _events() -> list[dict[str, Any]]:
    """Twelve steady hosts; one has a burst of many users, another falls silent."""
    rng = np.random.default_rng(4)
    made = []
    for hour in range(24 * DAYS):
        for host, count in enumerate(rng.poisson(20, 12)):
            silent = host == 7 and START + hour * HOUR_US >= SILENCE
            times = START + hour * HOUR_US + np.sort(rng.integers(0, HOUR_US // 1000, 0 if silent else count)) * 1000
            made += [(int(at), host, f"user{rng.integers(3)}", number) for number, at in enumerate(times)]
    made += [(BURST + number * 1_000_000, 2, f"guess{number}", 1000 + number) for number in range(300)]
    common = {"event.category": ["process"], "event.type": ["start"]}
    return [
        common | {"@timestamp": iso(at), "host.name": f"host-{host:02}", "user.name": user, "process.pid": number}
        for at, host, user, number in sorted(made)
    ]


def _run(home: Home, files: Sequence[Path]) -> None:
    home.store.put_job(JOB, origin="test")
    for file in files:
        run(home, [file], RunOptions(jobs=(JOB.job_id,), learn_until_us=START + 2 * DAY_US))


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, write_events: Write, open_home: OpenHome) -> Path:
    path = tmp_path_factory.mktemp("counted")
    with open_home(path / "home") as home:
        _run(home, [write_events(path / "all.ndjson", _events())])
    return path / "home"


def _records(path: Path, open_home: OpenHome) -> list[Record]:
    with open_home(path) as home:
        return sorted(home.store.list_records(), key=lambda record: (-record.record_score, record.id))


def test_several_runs_tell_what_one_tells(
    counted: Path, tmp_path: Path, write_events: Write, open_home: OpenHome
) -> None:
    events = _events()
    edges = [0, 5003, 13_001, 13_002, len(events)]
    files = [
        write_events(tmp_path / f"{at}.ndjson", events[start:end])
        for at, (start, end) in enumerate(itertools.pairwise(edges))
    ]
    with open_home(tmp_path / "home") as home:
        _run(home, files)
    later = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")
    one, several = (
        {
            record.id: {name: v for name, v in msgspec.to_builtins(record).items() if name not in later}
            for record in _records(path, open_home)
        }
        for path in (counted, tmp_path / "home")
    )
    assert one == several


def test_burst_and_silence_lead(counted: Path, open_home: OpenHome) -> None:
    first = [record for record in _records(counted, open_home) if record.record_score >= 50]
    told = {(record.partition_field_value, record.function, record.time[:13]) for record in first}
    assert told >= {
        ("host-02", "count", iso(BURST)[:13]),
        ("host-02", "high_distinct_count", iso(BURST)[:13]),
        ("host-07", "count", iso(SILENCE)[:13]),
        (None, "high_count", iso(BURST)[:13]),
    }
    assert sum(record.partition_field_value == "host-07" for record in first) == 1


def test_every_number_shown_gives_the_next(counted: Path, open_home: OpenHome) -> None:
    records = _records(counted, open_home)
    assert len(records) > 10
    for record in records:
        tally = record.explanation.tally
        assert tally is not None
        assert tally.population == (record.function == "high_count")
        if tally.population:
            continue
        law = predict(
            tally.events, tally.buckets, prior_shape=tally.prior_shape, prior_exposure=tally.prior_buckets,
            coming=tally.season * tally.fleet, dispersion=tally.dispersion,
        )  # fmt: skip
        assert float(law.mean) == pytest.approx(tally.mean)
        assert float(law.shape) == pytest.approx(tally.shape)
        law = Predicted(np.array([tally.shape]), np.array([tally.mean]))
        p = (p_high if tally.side == "high" else p_low)(tally.actual, law)[0] * (2 if tally.both else 1)
        assert tally.bucket_probability == pytest.approx(min(p, 1.0))
        windows = [window.probability / 0.05 for window in tally.windows] if tally.drift else []
        assert record.probability == pytest.approx(min([tally.bucket_probability / tally.share, 1.0, *windows]))
        assert (tally.lower, tally.upper) == (int(quantile(0.01, law)[0]), int(quantile(0.99, law)[0]))
        assert record.typical[0] == tally.typical
        assert f"{tally.actual:,}" in record.explanation.sentence or tally.actual == 0


def test_the_parts_of_a_population_give_its_probability(counted: Path, open_home: OpenHome) -> None:
    records = [record for record in _records(counted, open_home) if record.over_field_value]
    assert records[0].over_field_value == records[0].entity_id == "host-02"
    for record in records:
        tally = record.explanation.tally
        assert tally is not None
        weights, means, shapes = (
            np.array([getattr(part, name) for part in tally.parts]) for name in ("weight", "mean", "shape")
        )
        p = float((weights * p_high(tally.actual - 1, Predicted(shapes, means))).sum())
        assert record.probability == pytest.approx(p, rel=0.01)
        assert tally.lower <= tally.typical <= tally.upper
        assert tally.upper < tally.actual or tally.probability > 0.005
        assert "for it by" in record.explanation.sentence


def test_the_events_of_a_record_are_its_bucket_and_series(counted: Path, open_home: OpenHome) -> None:
    with open_home(counted) as home:
        records = [record for record in home.store.list_records() if record.function == "count"]
        for record in records:
            held = home.lake.by_id(record.event_ids)
            assert set(held.column("host.name").to_pylist()) == {record.partition_field_value}
            assert record.event_count == record.actual[0]
            assert len(record.event_ids) == min(max(record.event_count, 1), 20)


def test_a_case_says_how_many_and_how_many_are_usual(counted: Path, open_home: OpenHome) -> None:
    with open_home(counted) as home:
        case = next(case for case in home.store.list_cases() if case.entity.id == "host-02")
    assert "many process starts" in case.sentence
    assert any("300" in entry.text or "usual" in entry.text for entry in case.timeline)
    assert case.queries["kql"].startswith('host.name: "host-02" and')
    assert "()" not in case.queries["kql"]


def test_a_run_that_finds_only_silence_has_no_event_to_show_but_the_last(
    tmp_path: Path, write_events: Write, open_home: OpenHome
) -> None:
    low = msgspec.structs.replace(JOB, detectors=(Detector(function="low_count", partition_field_name="host.name"),))
    events = _events()
    before = [event for event in events if event["@timestamp"] < iso(SILENCE)]
    with open_home(tmp_path / "home") as home:
        home.store.put_job(low, origin="test")
        options = RunOptions(jobs=(JOB.job_id,), learn_until_us=START + 2 * DAY_US)
        run(home, [write_events(tmp_path / "a.ndjson", before)], options)
        held = {record.id for record in home.store.list_records()}
        soon = [event for event in events if iso(SILENCE) <= event["@timestamp"] < iso(SILENCE + 2 * HOUR_US)]
        run(home, [write_events(tmp_path / "b.ndjson", soon)], options)
        told = [record for record in home.store.list_records() if record.id not in held]
    assert [record.actual for record in told if record.partition_field_value == "host-07"] == [(0.0,)]
    assert all(record.event_ids for record in told)
