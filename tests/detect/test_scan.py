"""The one scan of all jobs: numbers beside codes, for those jobs that ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rarebit.core.job import Datafeed, Detector, Job
from rarebit.core.time import DAY_US, iso
from rarebit.detect.engine import NO_NUMBERS, Columns, Numbers
from rarebit.detect.plan import JobPlan, plan
from rarebit.detect.scan import feed, request
from rarebit.detect.stream import JobStream
from rarebit.detect.text_codes import information_of
from rarebit.lake import Lake
from rarebit.source.read import FileRead
from rarebit.source.settings import ReadSettings

START = 20_003 * DAY_US
VALUES: Sequence[tuple[Any, Any, float]] = (
    (12, {"size": 3.5}, 3.5),
    (None, {"size": "12"}, 12.0),
    (0, {"size": "twelve"}, np.nan),
    (-4, {"size": "inf"}, np.nan),
    ("7", {}, np.nan),
    (2**40, {"size": [8]}, np.nan),
    (5, {"size": 1e300}, 1e300),
    (6, {"other": "size"}, np.nan),
)
"""Bytes sent, the further fields of the event, and the number of ``made.size`` among them."""


class _Heard(JobStream):
    """Keeps what it was given."""

    def __init__(self, made: JobPlan) -> None:
        super().__init__(made)
        self.codes: list[Columns] = []
        self.numbers: list[Numbers] = []

    def process(self, times_us: Any, ids: Any, columns: Columns, numbers: Numbers = NO_NUMBERS) -> None:
        self.codes.append(columns)
        self.numbers.append(numbers)
        super().process(times_us, ids, columns, numbers)

    def number(self, name: str) -> Any:
        return np.concatenate([each[name] for each in self.numbers])


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, write_events: Callable[..., Path]) -> Iterator[Lake]:
    path = tmp_path_factory.mktemp("numbers")
    events = [
        {"@timestamp": iso(START + number * 1_000_000), "host.name": f"h{number % 2}", "made": further}
        | ({} if sent is None else {"source.bytes": sent})
        for number, (sent, further, _) in enumerate(VALUES)
    ]
    with Lake(path / "lake") as opened, opened.writer() as writer:
        for batch in FileRead(write_events(path / "all.ndjson", events), ReadSettings()).batches():
            writer.append(batch)
        writer.commit()
        yield opened


def _plan(*numbers: str, query: Mapping[str, Any] | None = None) -> JobPlan:
    counts = Detector(function="high_count", partition_field_name="host.name")
    metrics = [Detector(function="sum", field_name=name, partition_field_name="host.name") for name in numbers]
    query = dict(query or {"match_all": {}})
    return plan(Job(job_id="j", detectors=(counts, *metrics), datafeed=Datafeed(query=query)))


def _scanned(lake: Lake, *plans: JobPlan) -> list[_Heard]:
    streams = [_Heard(each) for each in plans]
    asked = request(plans)
    for _ in feed(streams, lake.scan(columns=asked.columns, where=asked.where)):
        pass
    return streams


def test_numbers_come_with_the_codes_of_the_same_rows(lake: Lake) -> None:
    (heard,) = _scanned(lake, _plan("source.bytes", "made.size"))
    np.testing.assert_array_equal(heard.number("source.bytes"), [12, np.nan, 0, -4, 7, 2**40, 5, 6])
    np.testing.assert_array_equal(heard.number("made.size"), [wanted for *_, wanted in VALUES])
    assert heard.number("made.size").dtype == np.float64
    assert sum(each["host.name"].size for each in heard.codes) == len(VALUES)


def test_each_job_has_its_own_rows_and_only_its_own_numbers(lake: Lake) -> None:
    plans = [_plan("source.bytes", query={"term": {"host.name": "h1"}}), _plan("made.size"), _plan()]
    first, second, none = _scanned(lake, *plans)
    np.testing.assert_array_equal(first.number("source.bytes"), [np.nan, -4, 2**40, 6])
    np.testing.assert_array_equal(second.number("made.size"), [wanted for *_, wanted in VALUES])
    assert all(not each for each in none.numbers)


def test_who_takes_no_number_reads_none() -> None:
    assert not [name for name in request([_plan(), _plan()]).columns if name.startswith("number:")]


def test_a_job_sees_nothing_without_its_numbers() -> None:
    assert _plan("made.size").required == {"host.name", "made.size"}


def test_information_is_that_of_each_text_and_absent_where_there_is_none() -> None:
    column = pa.chunked_array([["abc", None, "abc"], ["", "a" * 40]])
    found = information_of("dns.question.name", column)
    assert np.isnan(found).tolist() == [False, True, False, False, False]
    assert found[0] == found[2] > found[3] == 0.0
    assert found[4] > found[0]
    assert np.isnan(information_of("x", pa.chunked_array([[None]], pa.string()))).all()
