"""From a definition to what runs: modes, entities, coded fields, contexts, conditions, memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Datafeed, Detector, Job
from rarebit.detect.plan import plan
from rarebit.detect.problems import memory_limit
from rarebit.model.rare_kernel import FLEET, INDIVIDUAL, POPULATION


def _job(detector: Detector, **changes: Any) -> Job:
    return Job(job_id="j", detectors=(detector,), **changes)


@pytest.mark.parametrize(
    ("fields", "influencers", "mode", "entity", "scope"),
    [
        ({"partition_field_name": "host.name"}, (), INDIVIDUAL, "host.name", None),
        ({"over_field_name": "user.name"}, (), POPULATION, "user.name", None),
        ({"over_field_name": "user.name", "partition_field_name": "x"}, (), POPULATION, "user.name", "x"),
        ({}, (), FLEET, "host.name", None),
        ({}, ("user.name",), FLEET, "user.name", None),
        ({}, ("host.name", "user.name"), FLEET, "host.name", None),
    ],
)
def test_whom_a_detector_watches(
    fields: dict[str, Any], influencers: tuple[str, ...], mode: int, entity: str, scope: str | None
) -> None:
    made = plan(_job(Detector(function="rare", by_field_name="process.name", **fields), influencers=influencers))
    (view,) = made.detectors
    assert (view.mode, view.entity, view.value, view.scope) == (mode, entity, "process.name", scope)
    assert set(made.coded) == {name for name in (entity, "process.name", scope) if name}
    assert made.vital == set(made.coded)


def test_a_value_does_not_watch_itself() -> None:
    (view,) = plan(_job(Detector(function="rare", by_field_name="host.name"))).detectors
    assert view.entity == "user.name"


def test_a_context_is_a_second_view_of_the_same_finding() -> None:
    detector = Detector(function="rare", by_field_name="process.name", partition_field_name="host.name")
    made = plan(_job(detector, context=("process.parent.name", "host.name", "process.name")))
    ((lead, second),) = made.groups
    assert (lead.entity, second.entity, second.is_context) == ("host.name", "process.parent.name", True)
    assert "process.parent.name" in made.coded
    assert "process.parent.name" not in made.vital


def test_combined_detectors_judge_together() -> None:
    pair = (
        Detector(function="rare", by_field_name="user.name", partition_field_name="host.name"),
        Detector(function="rare", by_field_name="host.name", partition_field_name="user.name"),
    )
    assert [len(group) for group in plan(Job(job_id="j", detectors=pair, combine=True)).groups] == [2]
    assert [len(group) for group in plan(Job(job_id="j", detectors=pair)).groups] == [1, 1]


def test_a_clone_narrows_its_query() -> None:
    feed = Datafeed(query={"term": {"event.category": "process"}})
    detector = Detector(function="rare", by_field_name="process.name", partition_field_name="host.name")
    made = plan(_job(detector, datafeed=feed, where="asset.role: server"))
    assert {"event.category", "asset.role", "host.name", "process.name"} == made.required
    with pytest.raises(DefinitionError, match="cannot run"):
        plan(_job(detector, where="a: (("))


def test_all_that_is_refused_is_named_at_once() -> None:
    job = _job(Detector(function="guess"), bucket_span="soon", time_field="event.created")
    with pytest.raises(DefinitionError, match=r"function.*bucket_span.*time_field"):
        plan(job)


@pytest.mark.parametrize(
    ("text", "size"),
    [("256mb", 256 << 20), ("1GB", 1 << 30), ("2g", 2 << 30), (64, 64 << 20), ("1048576b", 1 << 20)],
)
def test_memory_limits_of_elastic(text: Any, size: int) -> None:
    job = _job(Detector(function="rare"), rest={"analysis_limits": {"model_memory_limit": text}})
    assert memory_limit(job) == size


def test_memory_is_bounded_without_a_limit() -> None:
    assert memory_limit(_job(Detector(function="rare"))) == 1 << 30


@given(st.text(max_size=12) | st.integers() | st.floats() | st.lists(st.integers(), max_size=2))
def test_any_memory_limit_is_a_size_or_refused(text: Any) -> None:
    job = _job(Detector(function="rare"), rest={"analysis_limits": {"model_memory_limit": text}})
    try:
        size = memory_limit(job)
    except DefinitionError:
        return
    assert 1 << 20 <= size <= 1 << 50
