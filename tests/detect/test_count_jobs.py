"""Count functions in jobs: what is refused, and the same findings however rows are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError, StateError
from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.engine import INFORMATION
from rarebit.detect.findings import Findings
from rarebit.detect.functions import ALIASES, COUNTS, counting
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems
from rarebit.detect.stream import JobStream
from rarebit.maths.hashing import hash_text

START = 20_003 * DAY_US


def _job(function: str = "high_count", span: str = "1h", **detector: Any) -> Job:
    return Job(job_id="j", bucket_span=span, detectors=(Detector(function=function, **detector),))


def _refused(job: Job) -> list[tuple[str, str]]:
    return [(p.where.rpartition(".")[2], p.text) for p in problems(job) if p.kind == "refused"]


@pytest.mark.parametrize("function", [*COUNTS, *(name for name in ALIASES if counting(name))])
def test_every_count_function_runs_with_by_and_partition(function: str) -> None:
    counts = counting(function)
    assert counts is not None
    field = "process.name" if counts.distinct else None
    job = _job(function, field_name=field, by_field_name="user.name", partition_field_name="host.name")
    assert problems(job) == []
    (detector,) = plan(job).detectors
    assert detector.split == ("host.name", "user.name")
    assert detector.entity == "host.name"
    assert set(plan(job).coded) == {"host.name", "user.name", *([field] if field else [])}


@pytest.mark.parametrize(
    ("detector", "place"),
    [
        ({"function": "high_count", "over_field_name": "user.name", "by_field_name": "user.name"}, "over_field_name"),
        ({"function": "high_count", "exclude_frequent": "often"}, "exclude_frequent"),
        ({"function": "high_count", "field_name": "user.name"}, "field_name"),
        ({"function": "distinct_count"}, "field_name"),
        ({"function": "count", "by_field_name": "user.name", "partition_field_name": "user.name"}, "by_field_name"),
        ({"function": "no_such_count"}, "function"),
    ],
)
def test_what_does_not_run_is_refused_by_name(detector: dict[str, Any], place: str) -> None:
    job = _job(**detector)
    assert [where for where, _ in _refused(job)] == [place]
    with pytest.raises(DefinitionError, match=place):
        plan(job)


@pytest.mark.parametrize("function", [*COUNTS, *(name for name in ALIASES if counting(name))])
def test_every_count_function_runs_over_a_population(function: str) -> None:
    counts = counting(function)
    assert counts is not None
    field = "process.name" if counts.distinct else None
    names = {"over_field_name": "user.name", "by_field_name": "process.name", "partition_field_name": "host.name"}
    job = _job(function, field_name=field, exclude_frequent="all", **names)
    assert problems(job) == []
    (detector,) = plan(job).detectors
    assert (detector.entity, detector.populations) == ("user.name", ("host.name", "process.name"))
    assert set(plan(job).coded) == set(names.values())


def test_counts_are_not_combined() -> None:
    job = Job(job_id="j", combine=True, detectors=(Detector(function="high_count"), Detector(function="low_count")))
    assert [where for where, _ in _refused(job)] == ["function", "function"]


def _rows(seed: int, hours: int, hosts: int) -> tuple[Any, Any, dict[str, Any]]:
    """Events of hosts and users over some days, with a burst now and then."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(6.0, (hours, hosts)) + 60 * (rng.random((hours, hosts)) < 0.01)
    hour, host = (np.repeat(part, counts.ravel()) for part in np.divmod(np.arange(counts.size), hosts))
    times = START + hour * HOUR_US + rng.integers(0, HOUR_US, hour.size)
    order = np.argsort(times, kind="stable")
    columns = {
        "host.name": host[order] + 1,
        "user.name": rng.integers(0, 3, hour.size),
        "process.name": rng.integers(1, 9, hour.size),
    }
    return times[order], np.arange(hour.size) + 1, columns


_TIMES, _IDS, _COLUMNS = _rows(3, 24 * 6, 8)
_NUMBERS = {INFORMATION + "process.name": 100.0 * _COLUMNS["process.name"]}
_JOBS = [
    _job("high_count", partition_field_name="host.name"),
    _job("count", span="15m"),
    _job("high_non_zero_count", partition_field_name="host.name", by_field_name="user.name", use_null=True),
    _job("distinct_count", field_name="process.name", partition_field_name="host.name"),
    _job("count", over_field_name="host.name", by_field_name="user.name", exclude_frequent="none"),
    _job("high_distinct_count", field_name="process.name", over_field_name="user.name"),
    _job("info_content", field_name="process.name", partition_field_name="host.name"),
]


_LEARNT = [(START + 2 * DAY_US, {"host.name": {1: "server", 2: "server", 3: "host-1"}, "user.name": {1: "user-1"}})]


def _stream(job: Job) -> JobStream:
    return JobStream(plan(job), peer_of={1: "server"}, regroupings=_LEARNT)


def _run(job: Job, edges: Sequence[int], *, restart: bool) -> tuple[Findings, dict[str, Any]]:
    made, found = _stream(job), []
    for start, end in zip([0, *edges], [*edges, _TIMES.size], strict=True):
        part = slice(start, end)
        codes, numbers = ({name: column[part] for name, column in each.items()} for each in (_COLUMNS, _NUMBERS))
        made.process(_TIMES[part], _IDS[part], codes, numbers)
        found.append(made.take_fresh(0))
        if restart:
            made = _stream(job).load_state(made.to_state())
    return Findings.join(found, [part.dtype for part in found[0].parts]), made.to_state()


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(range(len(_JOBS))), st.lists(st.integers(0, _TIMES.size), max_size=6).map(sorted))
def test_findings_do_not_depend_on_cuts_or_restarts(which: int, edges: list[int]) -> None:
    whole, state = _run(_JOBS[which], [], restart=False)
    pieces, other = _run(_JOBS[which], edges, restart=True)
    assert len(whole) > 0
    assert whole.found.tobytes() == pieces.found.tobytes()
    assert [part.tobytes() for part in whole.parts] == [part.tobytes() for part in pieces.parts]
    assert {name: array.tobytes() for name, array in state.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


def test_learnt_groups_move_series_and_leave_populations_alone() -> None:
    """Whoever has a population is compared with all of it."""
    groups = []
    for field in ("partition_field_name", "over_field_name"):
        made = _stream(_job("high_count", **{field: "host.name"}))
        made.process(_TIMES, _IDS, _COLUMNS, _NUMBERS)
        groups.append(set(made.group_codes(0).tolist()))
    assert {hash_text("server"), hash_text("host-1")} <= groups[0]
    assert not {hash_text("server"), hash_text("host-1")} & groups[1]


def test_an_open_bucket_tells_nothing_yet() -> None:
    made = JobStream(plan(_JOBS[0]))
    last = _TIMES[-1] // HOUR_US == _TIMES // HOUR_US
    made.process(_TIMES[~last], _IDS[~last], {name: column[~last] for name, column in _COLUMNS.items()})
    made.take_fresh(0)
    burst = np.full(5000, _TIMES[-1])
    ones = {name: np.ones(5000, np.int64) for name in _COLUMNS}
    made.process(burst, np.arange(5000) + 10**6, ones)
    made.process(burst, np.arange(5000) + 2 * 10**6, ones)
    assert not np.any(made.take_fresh(0).parts[0]["count"] > 1000)
    made.process(burst[:1] + HOUR_US, np.array([7]), {name: column[:1] for name, column in ones.items()})
    assert 10_000 in made.take_fresh(0).parts[0]["count"]


def test_state_of_another_kind_of_detector_is_refused() -> None:
    rare = JobStream(plan(_job("rare", by_field_name="process.name", partition_field_name="host.name")))
    with pytest.raises(StateError, match="lacks"):
        JobStream(plan(_JOBS[0])).load_state(rare.to_state())


def test_a_model_plot_is_honoured_where_series_can_be_plotted() -> None:
    wanted = {"model_plot_config": {"enabled": True, "terms": "ws-1"}}
    rare = _job("rare", by_field_name="process.name", partition_field_name="host.name")
    assert [problem.where for problem in problems(msgspec.structs.replace(rare, rest=wanted))] == ["model_plot_config"]
    assert problems(msgspec.structs.replace(_job(partition_field_name="host.name"), rest=wanted)) == []
