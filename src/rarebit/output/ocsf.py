"""Cases as Detection Findings of the Open Cybersecurity Schema Framework 1.5, with their anomaly analyses.

Source: the schema's ``detection_finding``, ``finding_info``, ``anomaly_analysis``, ``anomaly``, ``baseline`` and
``observation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rarebit import __version__
from rarebit.core.result import Case, Level, Record
from rarebit.core.time import parse_time

Document = dict[str, Any]
SCHEMA_VERSION: Final = "1.5.0"
_CLASS: Final = 2004
_ACTIVITIES: Final = {"open": 1, "below": 1, "closed": 3, "withdrawn": 3}
"""1 create, 2 update, 3 close."""
_STATUSES: Final = {"open": 1, "below": 3, "closed": 4, "withdrawn": 4}
"""1 new, 3 suppressed, 4 resolved."""
_SEVERITIES: Final = ((90.0, 5, "Critical"), (70.0, 4, "High"), (40.0, 3, "Medium"), (20.0, 2, "Low"))
_STATISTICAL: Final = 3
_PATTERNS: Final = {
    "new_to_entity": "UNSEEN", "new_to_peers": "UNSEEN", "new_to_fleet": "UNSEEN", "rare_in_fleet": "RARE",
    "seen": "INFREQUENT",
}  # fmt: skip


def finding(case: Case, records: Sequence[Record]) -> Document:
    """One case.

    Parameters
    ----------
    case : Case
        Of any state; one that the budget left out is a suppressed finding.
    records : sequence of Record
        Those of the case, whose counts become its anomaly analyses.
    """
    activity = 2 if case.state == "open" and len(case.notices) > 1 else _ACTIVITIES[case.state]
    severity, caption = next(((i, word) for least, i, word in _SEVERITIES if case.score >= least), (1, "Informational"))
    made: Document = {
        "activity_id": activity, "category_uid": 2, "class_uid": _CLASS, "type_uid": _CLASS * 100 + activity,
        "time": _ms(case.updated_at), "severity_id": severity, "severity": caption, "status_id": _STATUSES[case.state],
        "is_alert": case.state == "open", "message": case.sentence, "risk_score": round(case.score),
        "metadata": {
            "version": SCHEMA_VERSION, "uid": case.id,
            "product": {"name": "Rarebit", "vendor_name": "Rarebit", "version": __version__},
        },
        "finding_info": _info(case),
        "resources": [
            {"name": entity.name, "uid": entity.id, "type": entity.type} for entity in (case.entity, *case.joined)
        ],
        "evidences": [{"data": {"sentence": reason.sentence, "event_ids": list(reason.event_ids)}}
                      for reason in case.reasons],
        "anomaly_analyses": [analysis for record in records if (analysis := _analysis(record))],
        "unmapped": {"expected_per_week": case.expected_per_week, "points": case.points, "edr": case.edr},
    }  # fmt: skip
    if case.verdict:
        made["verdict"] = case.verdict
    return {name: value for name, value in made.items() if value != []}


def _info(case: Case) -> Document:
    return {
        "uid": case.id, "title": case.sentence, "desc": " ".join(reason.sentence for reason in case.reasons),
        "created_time": _ms(case.opened_at), "first_seen_time": _ms(case.opened_at),
        "last_seen_time": _ms(case.updated_at), "related_events_count": case.event_count,
        "analytic": {"name": "Rarebit case", "uid": "rarebit.case", "type_id": _STATISTICAL, "type": "Statistical"},
        "attacks": [{"tactic": {"name": name}} for name in case.tactics]
        + [{"technique": {"uid": uid}} for uid in case.techniques],
        "types": ["anomaly"],
    }  # fmt: skip


def _analysis(record: Record) -> Document | None:
    """What was seen and what is usual, from the counts that the record explains itself with."""
    told = record.explanation
    if told.levels:
        levels = told.levels
        targets = [{"name": level.entity, "type": level.entity_field} for level in levels]
        anomalies = [_rare(level) for level in levels]
        baselines = [_habit(level) for level in levels]
    elif told.tally is not None or told.gauge is not None:
        basis = told.tally if told.tally is not None else told.gauge
        assert basis is not None  # noqa: S101 one of the two
        attribute = told.tally.counted if told.tally is not None else told.gauge.measured if told.gauge else ""
        pattern = "SURGE" if basis.side == "high" else "LOW_VOLUME"
        targets = [{"name": basis.entity, "type": basis.entity_field}]
        anomalies = [_observed("Volume Analysis", attribute, pattern, [(f"{basis.actual:g}", None)])]
        baselines = [_observed("Volume Analysis", attribute, "NORMAL_VOLUME",
                               [(f"{basis.typical:g}", basis.buckets_seen)])]  # fmt: skip
    else:
        return None
    return {"analysis_targets": targets, "anomalies": anomalies, "baselines": baselines}


def _rare(level: Level) -> Document:
    return _observed("Frequency Analysis", level.value_field, _PATTERNS.get(level.level, "RARE"), [(level.value, 1)])


def _habit(level: Level) -> Document:
    """How many have the value, of how many."""
    group = level.peer_group or "fleet"
    counts = [
        (f"others with it in {group}", level.peers_with_value), (f"others in {group}", level.peers),
        ("others with it in the fleet", level.fleet_with_value), ("others in the fleet", level.fleet),
        (f"observations of {level.entity}", round(level.entity_observations)),
        ("new ones among them", round(level.entity_novel)),
    ]  # fmt: skip
    return _observed("Frequency Analysis", level.value_field, "FREQUENT", counts)


def _observed(kind: str, attribute: str, pattern: str, values: Sequence[tuple[str, int | None]]) -> Document:
    return {
        "observation_type": kind, "observed_attribute": attribute, "observed_pattern": pattern,
        "observations": [
            {"value": value} if number is None else {"value": value, "count": number} for value, number in values
        ],
    }  # fmt: skip


def _ms(text: str) -> int:
    return parse_time(text) // 1000
