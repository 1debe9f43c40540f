"""Alerts, records and cases as CSV, a row each, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from rarebit.core.result import Alert, Case, Record

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run as a formula by spreadsheets."""

Columns = Mapping[str, Callable[[Any], object]]
CASES: Final[Columns] = {
    "id": lambda case: case.id, "rank": lambda case: case.rank, "score": lambda case: case.score,
    "expected_per_week": lambda case: case.expected_per_week, "state": lambda case: case.state,
    "verdict": lambda case: case.verdict, "entity_type": lambda case: case.entity.type,
    "entity": lambda case: case.entity.name, "joined": lambda case: [entity.name for entity in case.joined],
    "opened_at": lambda case: case.opened_at, "updated_at": lambda case: case.updated_at,
    "tactics": lambda case: case.tactics, "techniques": lambda case: case.techniques, "edr": lambda case: case.edr,
    "events": lambda case: case.event_count, "sentence": lambda case: case.sentence,
    "reasons": lambda case: [reason.sentence for reason in case.reasons],
}  # fmt: skip
ALERTS: Final[Columns] = {
    "id": lambda alert: alert.id, "timestamp": lambda alert: alert.timestamp, "score": lambda alert: alert.score,
    "expected_per_week": lambda alert: alert.expected_per_week, "rule_id": lambda alert: alert.rule_id,
    "severity": lambda alert: alert.severity, "state": lambda alert: alert.state,
    "entity_type": lambda alert: alert.entity_type, "entity": lambda alert: alert.entity_id,
    "tactics": lambda alert: alert.tactics, "techniques": lambda alert: alert.techniques,
    "events": lambda alert: alert.event_count or len(alert.event_ids), "sentence": lambda alert: alert.sentence,
    "record_id": lambda alert: alert.record_id, "event_ids": lambda alert: alert.event_ids,
}  # fmt: skip
RECORDS: Final[Columns] = {
    "id": lambda record: record.id, "job_id": lambda record: record.job_id, "time": lambda record: record.time,
    "function": lambda record: record.function, "record_score": lambda record: record.record_score,
    "expected_per_week": lambda record: record.expected_per_week, "probability": lambda record: record.probability,
    "learning": lambda record: record.learning, "rollout": lambda record: record.rollout,
    "entity_type": lambda record: record.entity_type, "entity": lambda record: record.entity_id,
    "by": lambda record: record.by_field_value, "over": lambda record: record.over_field_value,
    "partition": lambda record: record.partition_field_value, "typical": lambda record: record.typical,
    "actual": lambda record: record.actual, "sentence": lambda record: record.explanation.sentence,
    "event_ids": lambda record: record.event_ids,
}  # fmt: skip


def csv_lines(items: Iterable[Alert] | Iterable[Record] | Iterable[Case], columns: Columns) -> Iterator[str]:
    """Header and rows, each with its line end; lists are joined by ``; ``, and no cell is a formula."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow(columns)
    yield line.getvalue()
    for item in items:
        line.seek(0)
        line.truncate()
        writer.writerow(_cell(take(item)) for take in columns.values())
        yield line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
