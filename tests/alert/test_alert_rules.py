"""The rule of a job: which of its records become alerts, and what an alert carries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.alert.rules import alerts_of
from rarebit.core.job import Detector, Guide, Job
from rarebit.core.result import Record

MakeRecord = Callable[..., Record]
JOB = Job(
    job_id="j",
    detectors=(Detector(function="rare", by_field_name="process.name"),),
    guide=Guide(tactics=("Execution",), techniques=("T1204",)),
)


@pytest.mark.parametrize(("score", "alerts"), [(0.0, 0), (49.99, 0), (50.0, 1), (100.0, 1)])
def test_the_threshold_is_included(make_record: MakeRecord, score: float, alerts: int) -> None:
    assert len(alerts_of(JOB, [make_record(1, 0, record_score=score)], from_score=50.0)) == alerts


def test_learning_and_rollouts_never_alert(make_record: MakeRecord) -> None:
    records = [make_record(1, 0, learning=True), make_record(2, 0, rollout="lead"), make_record(3, 0)]
    assert [alert.record_id for alert in alerts_of(JOB, records, from_score=50.0)] == [records[2].id]


def test_an_alert_says_what_its_record_says(make_record: MakeRecord) -> None:
    record = make_record(1, 5_000_000)
    (alert,) = alerts_of(JOB, [record], from_score=50.0)
    assert alert.rule_id == "rule:j"
    assert (alert.record_id, alert.event_ids, alert.timestamp) == (record.id, record.event_ids, record.time)
    assert (alert.score, alert.expected_per_week) == (record.record_score, record.expected_per_week)
    assert (alert.entity_type, alert.entity_id, alert.sentence) == ("host", "ws1", record.explanation.sentence)
    assert (alert.tactics, alert.techniques) == (("Execution",), ("T1204",))


@given(numbers=st.lists(st.integers(0, 10**6), unique=True, max_size=20))
def test_ids_depend_on_the_record_alone(make_record: MakeRecord, numbers: list[int]) -> None:
    records = [make_record(number, number) for number in numbers]
    ids = {alert.record_id: alert.id for alert in alerts_of(JOB, records, from_score=50.0)}
    again = {alert.record_id: alert.id for alert in alerts_of(JOB, reversed(records), from_score=50.0)}
    rescored = [make_record(number, number, record_score=99.0) for number in numbers]
    assert ids == again == {alert.record_id: alert.id for alert in alerts_of(JOB, rescored, from_score=50.0)}
    assert len(set(ids.values())) == len(numbers)
