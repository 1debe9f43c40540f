"""Alerts and cases as documents of the Elastic Common Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rarebit.core.result import Alert, Case
from rarebit.core.rule import RISK

Document = dict[str, Any]
_OWN: Final = "rarebit"
"""Object of what ECS has no name for."""
_SHOWN: Final = ("process", "file", "registry", "source", "destination", "dns", "url", "user", "host", "network")
"""Of the source event, what the alert repeats, so that it can be read and matched alone."""


def severity_of(score: float) -> str:
    """``low``, ``medium``, ``high`` or ``critical``: the last whose risk the score reaches; below the first, low."""
    return max(("low", "medium", "high", "critical"), key=lambda word: RISK[word] if score >= RISK[word] else 0.0)


def ecs_alert(alert: Alert, source: Mapping[str, Any] | None = None) -> Document:
    """An alert with the fields of its first event.

    Parameters
    ----------
    alert : Alert
        What was told.
    source : mapping, optional
        Its first event as a nested document; ``event.*`` of it is kept under ``rarebit.original_event``.
    """
    first = dict(source or {})
    severity = alert.severity or severity_of(alert.score)
    made: Document = {name: first[name] for name in _SHOWN if name in first}
    made |= {
        "@timestamp": alert.timestamp,
        "message": alert.sentence,
        "event": {
            "kind": "alert", "id": alert.id, "module": _OWN, "dataset": "rarebit.alert",
            "severity": int(RISK[severity]),
            "risk_score": round(alert.score, 2), "start": alert.timestamp, "end": alert.last or alert.timestamp,
        },
        "rule": {"id": alert.rule_id, "name": alert.rule_name or alert.rule_id},
        "threat": _threat(alert.tactics, alert.techniques),
        _OWN: {
            "severity": severity, "state": alert.state, "record_id": alert.record_id or None,
            "expected_per_week": alert.expected_per_week, "entity": {"type": alert.entity_type, "id": alert.entity_id},
            "event_ids": list(alert.event_ids), "event_count": alert.event_count or len(alert.event_ids),
            "group": dict(alert.group) or None, "original_event": first.get("event"),
        },
    }  # fmt: skip
    return _cleared(_named(made, alert.entity_type, alert.entity_id))


def ecs_case(case: Case) -> Document:
    """A case; its evidence as sentences, with the ids of the events."""
    made: Document = {
        "@timestamp": case.updated_at,
        "message": case.sentence,
        "event": {
            "kind": "alert", "id": case.id, "module": _OWN, "dataset": "rarebit.case",
            "severity": int(RISK[severity_of(case.score)]), "risk_score": round(case.score, 2),
            "start": case.opened_at, "end": case.updated_at,
        },
        "threat": _threat(case.tactics, case.techniques),
        _OWN: {
            "severity": severity_of(case.score), "state": case.state, "rank": case.rank, "verdict": case.verdict,
            "expected_per_week": case.expected_per_week, "points": case.points, "edr": case.edr,
            "entity": msgspec.to_builtins(case.entity), "joined": msgspec.to_builtins(case.joined),
            "reasons": msgspec.to_builtins(case.reasons), "event_count": case.event_count,
        },
    }  # fmt: skip
    return _cleared(_named(made, case.entity.type, case.entity.name))


def _named(made: Document, entity_type: str, name: str) -> Document:
    """Host or user by name, where the source event does not say it already, and ``related``."""
    if entity_type in ("host", "user") and not (made.get(entity_type) or {}).get("name"):
        made[entity_type] = {**(made.get(entity_type) or {}), "name": name}
    host, user = (made.get(kind) or {} for kind in ("host", "user"))
    made["related"] = {
        "hosts": [host["name"]] if host.get("name") else None, "user": [user["name"]] if user.get("name") else None
    }  # fmt: skip
    return made


def _threat(tactics: Sequence[str], techniques: Sequence[str]) -> Document | None:
    if not tactics and not techniques:
        return None
    return {
        "framework": "MITRE ATT&CK",
        "tactic": {"name": list(tactics)} if tactics else None,
        "technique": {"id": list(techniques)} if techniques else None,
    }


def _cleared(made: Document) -> Document:
    """Without what is not known."""
    kept = {name: _cleared(value) if isinstance(value, dict) else value for name, value in made.items()}
    return {name: value for name, value in kept.items() if value is not None and value != {}}
