"""The budget of alerts: kept over all jobs, weighted by verdicts, and a threshold of a job's own wins."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.alert.budget import Judged, Streams, judged_by_job, precision_weight, thresholds
from rarebit.core.result import Case, CaseEntity, Reason
from rarebit.maths.tail import expected_of

REASON = Reason(sentence="", id="r1", kind="record", score=1.0, expected_per_week=1.0, event_ids=())
CASE = Case(
    id="c", rank=1, score=1.0, expected_per_week=1.0, state="closed", entity=CaseEntity(type="host", id="h", name="h"),
    opened_at="", updated_at="", reasons=(REASON, msgspec.structs.replace(REASON, id="r2")),
)  # fmt: skip


@given(
    jobs=st.lists(st.lists(st.floats(0.0, 1e5), max_size=3).map(tuple), min_size=1, max_size=12),
    per_week=st.floats(0.5, 500.0),
)
def test_the_promises_of_all_jobs_are_the_budget(jobs: list[tuple[float, ...]], per_week: float) -> None:
    found = thresholds([Streams(str(at), None, most) for at, most in enumerate(jobs)], per_week, {})
    room = sum(sum(most) for most in jobs)
    assert sum(each.per_week for each in found.values()) == pytest.approx(min(per_week, room), rel=1e-6)


def test_a_promise_is_what_its_score_says() -> None:
    found = thresholds([Streams("a", None, (1e4, 1e4)), Streams("b", None, (1e4,))], 30.0, {})
    assert found["a"].per_week == pytest.approx(20.0)
    assert 2 * expected_of(found["a"].score) == pytest.approx(20.0, rel=1e-3)
    assert found["a"].score == found["b"].score


def test_a_threshold_of_its_own_wins_and_costs_the_others_nothing() -> None:
    found = thresholds([Streams("own", 50.0, (1e4,)), Streams("other", None, (1e4,))], 7.0, {})
    assert (found["own"].score, found["own"].per_week) == pytest.approx((50.0, 1.0))
    assert found["other"].per_week == pytest.approx(7.0)


def test_a_job_that_proved_wrong_gets_less_and_never_nothing() -> None:
    judged = {"wrong": Judged(0, 50), "right": Judged(50, 0)}
    found = thresholds([Streams("wrong", None, (1e4,)), Streams("right", None, (1e4,))], 10.0, judged)
    assert (found["wrong"].per_week, found["right"].per_week) == pytest.approx((2.04, 7.96), abs=0.01)
    assert precision_weight(Judged(0, 50)) == 0.25
    assert precision_weight(Judged()) == 0.5


def test_a_blind_job_has_nothing_to_give() -> None:
    found = thresholds([Streams("blind", None, ()), Streams("seeing", None, (1e4,))], 7.0, {})
    assert (found["blind"].per_week, found["seeing"].per_week) == pytest.approx((0.0, 7.0))


def test_verdicts_count_once_a_case_for_each_job_that_led_to_it() -> None:
    cases = [msgspec.structs.replace(CASE, verdict=said) for said in ("true", "benign", "false", "unsure", None)]
    assert judged_by_job(cases, {"r1": "a", "r2": "a"}) == {"a": Judged(1, 2)}
    assert judged_by_job(cases[:1], {"r1": "a", "r2": "b"}) == {"a": Judged(1, 0), "b": Judged(1, 0)}
