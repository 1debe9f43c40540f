"""The rule of each job: its records at or above its threshold become alerts."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable

from rarebit.core.job import Job
from rarebit.core.result import Alert, Record


def alerts_of(job: Job, records: Iterable[Record], *, from_score: float, told: Container[str] = ()) -> list[Alert]:
    """Alerts of a job's records.

    A record alerts when its score is at or above the job's threshold (:mod:`rarebit.alert.budget`), unless it was
    found while learning or was taken in by a rollout. A record of which an alert was told before (``told`` has its
    id) alerts whatever its score is now: late events have changed it, and its alert changes with it.

    The id of an alert depends on the record alone: the same finding is one alert.
    """
    return [
        _alert(job, record)
        for record in records
        if record.id in told or (record.record_score >= from_score and not record.learning and not record.rollout)
    ]


def _alert(job: Job, record: Record) -> Alert:
    rule = f"rule:{job.job_id}"
    return Alert(
        id=hashlib.blake2b(f"{rule}|{record.id}".encode(), digest_size=10).hexdigest(),
        rule_id=rule,
        record_id=record.id,
        timestamp=record.time,
        score=record.record_score,
        expected_per_week=record.expected_per_week,
        expected_per_week_low=record.expected_per_week_low,
        expected_per_week_high=record.expected_per_week_high,
        entity_type=record.entity_type,
        entity_id=record.entity_id,
        sentence=record.explanation.sentence,
        tactics=job.guide.tactics,
        techniques=job.guide.techniques,
        event_ids=record.event_ids,
    )
