"""The plot of a series gives the numbers of the run, and shows its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rarebit.app.home import Home
from rarebit.app.plot import plot
from rarebit.app.run import RunOptions, run
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

START = parse_time("2026-10-05")
BURST = START + 3 * DAY_US + 10 * HOUR_US
JOB = Job(
    job_id="starts",
    bucket_span="1h",
    counted="process starts",
    detectors=(
        Detector(function="high_count"),
        Detector(function="count", partition_field_name="host.name"),
        Detector(function="high_non_zero_count", partition_field_name="host.name", by_field_name="user.name"),
    ),
)
OpenHome = Callable[[Path], AbstractContextManager[Home]]


@pytest.fixture(scope="module")
def plotted(tmp_path_factory: pytest.TempPathFactory, write_events: Any, open_home: OpenHome) -> Path:
    """Four days of six hosts, in two runs; one has a burst."""
    rng = np.random.default_rng(7)
    made: list[tuple[int, int]] = []
    for hour in range(24 * 4):
        for host, count in enumerate(rng.poisson(12, 6)):
            made += [(START + hour * HOUR_US + int(at), host) for at in rng.integers(0, HOUR_US, count)]
    made += [(BURST + number * 1_000_000, 2) for number in range(200)]
    events: Sequence[dict[str, Any]] = [
        {"@timestamp": iso(at), "host.name": f"host-{host}", "user.name": "kim", "process.pid": number}
        for number, (at, host) in enumerate(sorted(made))
    ]
    path = tmp_path_factory.mktemp("plotted")
    with open_home(path / "home") as home:
        home.store.put_job(JOB, origin="test")
        for name, part in (("a", events[:2500]), ("b", events[2500:])):
            run(home, [write_events(path / f"{name}.ndjson", part)], RunOptions(jobs=(JOB.job_id,)))
    return path / "home"


def test_the_plot_gives_the_numbers_of_the_run(plotted: Path, open_home: OpenHome) -> None:
    with open_home(plotted) as home:
        records = [record for record in home.store.list_records() if record.detector_index == 1]
        assert records
        for host in sorted({record.partition_field_value or "" for record in records}):
            points = {point.timestamp: point for point in plot(home, JOB.job_id, [host])}
            assert len(points) == 24 * 4 - 1  # the last bucket is open
            for record in (each for each in records if each.partition_field_value == host):
                point, tally = points[record.timestamp], record.explanation.tally
                assert tally is not None
                assert (point.record_id, point.actual) == (record.id, record.actual[0])
                assert (point.typical, point.lower, point.upper) == (tally.typical, tally.lower, tally.upper)
                assert point.probability == record.probability


def test_series_of_no_field_and_of_two(plotted: Path, open_home: OpenHome) -> None:
    with open_home(plotted) as home:
        whole = plot(home, JOB.job_id, [], since_us=BURST, until_us=BURST + HOUR_US)
        both = plot(home, JOB.job_id, ["host-2", "kim"], since_us=BURST, until_us=BURST + HOUR_US)
        assert [point.detector_index for point in (*whole, *both)] == [0, 2]
        assert whole[0].actual > both[0].actual > 200
        assert (both[0].partition_field_value, both[0].by_field_value) == ("host-2", "kim")
        first = plot(home, JOB.job_id, ["host-2"], until_us=START + HOUR_US)
        assert (first[0].typical, first[0].lower, first[0].probability) == (None, None, None)


def test_what_is_not_there_is_named(plotted: Path, open_home: OpenHome) -> None:
    with open_home(plotted) as home:
        with pytest.raises(NotFoundError, match="host-9"):
            plot(home, JOB.job_id, ["host-9"])
        with pytest.raises(InputError, match="3 values"):
            plot(home, JOB.job_id, ["a", "b", "c"])
        with pytest.raises(InputError, match="0 values"):
            plot(home, JOB.job_id, [], detector=1)


def test_a_line_a_day_with_its_record(plotted: Path, rarebit: Any) -> None:
    shown = rarebit("job", "plot", "starts", "--series", "host-2", "--home", plotted)
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0].startswith("host-2: count, buckets of 60 min (UTC); a full bar is 2")
    assert [line[:10] for line in lines[1:]] == ["2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08"]
    assert "learning" in lines[1]
    assert "█" in lines[4]
    assert "10:00 2" in lines[4]
    assert "usual" in lines[4]
    assert "score" in lines[4]
    points = rarebit("job", "plot", "starts", "--series", "host-2", "--json", "--home", plotted).objects
    assert {"timestamp", "actual", "typical", "lower", "upper"} <= points[0].keys()
