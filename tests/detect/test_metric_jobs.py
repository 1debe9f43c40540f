"""Metric functions in jobs: what runs, what is refused or ignored, summaries, and the same findings however cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.engine import NO_NUMBERS
from rarebit.detect.findings import Findings
from rarebit.detect.functions import ALIASES, METRICS, measuring
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems
from rarebit.detect.stream import JobStream

START = 20_003 * DAY_US
FUNCTIONS = [*METRICS, *(name for name in ALIASES if measuring(name))]


def _job(function: str, *, summary: Any = None, span: str = "1h", **detector: Any) -> Job:
    rest = {} if summary is None else {"summary_count_field_name": summary}
    detectors = (Detector(function=function, **detector),)
    return Job(job_id="j", bucket_span=span, detectors=detectors, analysis_rest=rest)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_metric_function_runs_with_by_and_partition(function: str) -> None:
    job = _job(function, field_name="source.bytes", by_field_name="user.name", partition_field_name="host.name")
    assert problems(job) == []
    made = plan(job)
    (detector,) = made.detectors
    assert (detector.split, detector.entity) == (("host.name", "user.name"), "host.name")
    assert (made.coded, made.numeric) == (("host.name", "user.name"), ("source.bytes",))
    assert made.vital == {"host.name", "user.name", "source.bytes"}


def test_functions_have_the_sides_and_forms_of_the_field() -> None:
    forms = {
        f"{side}{name}" for side in ("", "high_", "low_") for name in ("sum", "non_null_sum", "mean", "median", "varp")
    }
    assert set(METRICS) == forms | {"min", "max", "metric"}
    assert {name for name, made in METRICS.items() if made.zero} == {"sum", "high_sum", "low_sum"}
    assert measuring("avg") == METRICS["mean"]


@pytest.mark.parametrize(
    ("changes", "place", "kind"),
    [
        ({"field_name": None}, "analysis_config.detectors[0].field_name", "refused"),
        ({"over_field_name": "user.name"}, "analysis_config.detectors[0].over_field_name", "refused"),
        (
            {"by_field_name": "user.name", "partition_field_name": "user.name"},
            "analysis_config.detectors[0].by_field_name",
            "refused",
        ),
        ({"exclude_frequent": "all"}, "analysis_config.detectors[0].exclude_frequent", "ignored"),
        ({"summary": 7}, "analysis_config.summary_count_field_name", "refused"),
    ],
)
def test_what_is_not_acted_on_is_named(changes: dict[str, Any], place: str, kind: str) -> None:
    job = _job(**{"function": "high_mean", "field_name": "source.bytes"} | changes)
    assert [(problem.where, problem.kind) for problem in problems(job)] == [(place, kind)]
    if kind == "refused":
        with pytest.raises(DefinitionError, match=place.rpartition(".")[2]):
            plan(job)


@pytest.mark.parametrize(
    ("detector", "ignored"),
    [
        ({"function": "mean", "field_name": "x"}, False),
        ({"function": "high_count"}, False),
        ({"function": "dc", "field_name": "x"}, True),
        ({"function": "rare", "by_field_name": "x"}, True),
    ],
)
def test_a_summary_weighs_what_can_be_weighed(detector: dict[str, Any], ignored: bool) -> None:
    job = _job(summary="events", **detector)
    assert [problem.kind for problem in problems(job)] == ["ignored"] * ignored
    assert ("events" in plan(job).numeric) is not ignored


def test_a_row_of_a_summary_is_so_many_events_of_a_count() -> None:
    found = []
    for summary in (None, "events"):
        stream = JobStream(plan(_job("high_count", summary=summary, partition_field_name="host.name")))
        weights = np.zeros(0)
        times = START + np.repeat(np.arange(30), 40) * HOUR_US + np.tile(np.arange(40), 30)
        if summary:
            times, counts = np.unique(times // HOUR_US, return_counts=True)
            times = times * HOUR_US
            weights = np.append(counts.astype(np.float64), [np.nan, 0.0])
            times = np.append(times, [times[-1] + 1, times[-1] + 2])
        hosts = {"host.name": np.full(times.size, 5)}
        stream.process(times, np.arange(times.size) + 1, hosts, {"events": weights} if summary else NO_NUMBERS)
        found.append(stream.to_state()["m0.0.series.events"])
    assert found[0] == pytest.approx(found[1])


_RNG = np.random.default_rng(9)
_ROWS = 8000
_TIMES = np.sort(_RNG.integers(START, START + 9 * DAY_US, _ROWS))
_IDS = _RNG.integers(1, 1 << 62, _ROWS)
_COLUMNS = {"host.name": _RNG.integers(1, 25, _ROWS)}
_VALUES = np.where(_RNG.random(_ROWS) < 0.02, np.nan, _RNG.lognormal(9.0, 1.0, _ROWS))
_VALUES[7000] = 1e12


def _heard(function: str, edges: Sequence[int], *, restart: bool) -> tuple[Findings, dict[str, Any]]:
    made = plan(_job(function, field_name="source.bytes", partition_field_name="host.name"))
    stream, found = JobStream(made), []
    for start, end in zip([0, *edges], [*edges, _ROWS], strict=True):
        part = slice(start, end)
        columns = {name: column[part] for name, column in _COLUMNS.items()}
        stream.process(_TIMES[part], _IDS[part], columns, {"source.bytes": _VALUES[part]})
        found.append(stream.take_fresh(0))
        if restart:
            stream = JobStream(made).load_state(stream.to_state())
    state = {name: array for name, array in stream.to_state().items() if not name.startswith("t")}
    return Findings.join(found, [part.dtype for part in found[0].parts]), state


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, _ROWS), max_size=3), st.sampled_from(["sum", "median", "metric"]))
def test_cuts_and_restarts_change_nothing(cuts: list[int], function: str) -> None:
    whole, state = _heard(function, [], restart=False)
    pieces, other = _heard(function, sorted(cuts), restart=True)
    assert len(whole) > 0
    assert whole.found.tobytes() == pieces.found.tobytes()
    assert whole.parts[0].tobytes() == pieces.parts[0].tobytes()
    assert {name: array.tobytes() for name, array in state.items()} == {n: a.tobytes() for n, a in other.items()}
    odd = whole.found[np.argmin(whole.found["p"])]
    assert odd["id"] == _IDS[7000] or function == "sum"
