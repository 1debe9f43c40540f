"""Findings with their attributes: records, and alerts that rules over events made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.case.evidence import Signal, usable
from rarebit.core.fields import ID_CODE
from rarebit.core.result import Alert, Record
from rarebit.core.time import DAY_US, parse_time
from rarebit.maths.hashing import hash_text
from rarebit.query import literal
from rarebit.query.columns import text_sql
from rarebit.tune.attributes import OF_EVENT, SIGNED, of_alert, of_event, of_record

_COLUMNS: Final = {name: text_sql(name) for name in (*OF_EVENT, SIGNED)}


@dataclass(slots=True)
class Finding:
    """A record, or an alert of a rule over events."""

    id: str
    time_us: int
    entity: tuple[str, str]
    score: float
    sentence: str
    event_id: str
    attributes: dict[str, str]
    """What it carries with it; see :func:`complete`."""
    counts: bool
    """Whether it can be evidence: not of learning time, not taken in by a rollout or back."""
    alert: bool = False
    whole: bool = False
    """Whether its first event has told what it knows."""


def findings(home: Home, start_us: int) -> list[Finding]:
    """Findings from a time on, by time."""
    records = [_of_record(record) for record in home.store.read_records(Record, start_us=start_us)]
    alerts = [_of_alert(alert) for alert in home.store.list_alerts(start_us=start_us) if not alert.record_id]
    return sorted([*records, *alerts], key=lambda each: (each.time_us, each.id))


def finding_of(home: Home, record_id: str) -> Finding:
    """A record as a finding, with what its first event tells.

    Raises
    ------
    NotFoundError
        If there is no such record.
    """
    found = _of_record(home.store.get_record(record_id))
    complete(home, [found])
    return found


def complete(home: Home, chosen: Sequence[Finding]) -> None:
    """Add to the attributes of findings what their first events tell, while the lake still has them."""
    asked = [each for each in chosen if not each.whole and each.event_id]
    if not asked:
        return
    wanted = pa.table(
        {
            "row": pa.array(range(len(asked)), pa.int64()),
            "start_us": pa.array([each.time_us - DAY_US for each in asked], pa.int64()),
            "end_us": pa.array([each.time_us + DAY_US for each in asked], pa.int64()),
            "id": pa.array([hash_text(each.event_id) for each in asked], pa.int64()),
        }
    )
    found = home.lake.join(wanted, on={"id": literal.identifier(ID_CODE)}, columns=_COLUMNS, per_row_limit=1)
    for event in found.to_pylist():
        attributes = asked[event["row"]].attributes
        for name, value in of_event(event).items():
            attributes.setdefault(name, value)
    for each in asked:
        each.whole = True


def _of_record(record: Record) -> Finding:
    signal = msgspec.convert(
        {"id": record.id, "job_id": record.job_id, "detector_index": record.detector_index, "time": record.time,
         "expected_per_week": record.expected_per_week, "explanation": {}, "learning": record.learning,
         "revised": record.revised, "rollout": record.rollout, "entity_id": record.entity_id}, Signal,
    )  # fmt: skip
    return Finding(
        id=record.id,
        time_us=parse_time(record.time),
        entity=(record.entity_type, record.entity_id),
        score=record.record_score,
        sentence=record.explanation.sentence,
        event_id=next(iter(record.event_ids), ""),
        attributes=of_record(record),
        counts=usable(signal),
    )


def _of_alert(alert: Alert) -> Finding:
    return Finding(
        id=alert.id,
        time_us=parse_time(alert.timestamp),
        entity=(alert.entity_type, alert.entity_id),
        score=alert.score,
        sentence=alert.sentence,
        event_id=next(iter(alert.event_ids), ""),
        attributes=of_alert(alert),
        counts=True,
        alert=True,
    )
