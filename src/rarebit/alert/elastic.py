"""Detection rules in Elastic's JSON or TOML: taken over as far as they can be honoured, the rest named or refused."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from rarebit.alert.definition import checked
from rarebit.core.errors import DefinitionError
from rarebit.core.job import Guide
from rarebit.core.rule import NewTerms, Rule, Suppress, Threshold

Json = dict[str, Any]
_KINDS: Final = {
    "query": "query", "saved_query": "query", "threshold": "threshold", "new_terms": "new_terms",
    "machine_learning": "anomaly",
}  # fmt: skip
_READ: Final = frozenset({
    "rule_id", "id", "name", "type", "language", "query", "threshold", "new_terms_fields", "history_window_start",
    "machine_learning_job_id", "anomaly_threshold", "alert_suppression", "severity", "risk_score", "threat", "enabled",
    "description", "false_positives", "note", "from",
})  # fmt: skip
_SAYS_NOTHING: Final = frozenset({
    "author", "license", "tags", "references", "version", "setup", "timestamp_override", "rule_source", "immutable",
    "created_at", "created_by", "updated_at", "updated_by", "revision", "related_integrations", "required_fields",
    "risk_score_mapping", "severity_mapping", "to", "interval", "index", "max_signals", "meta", "output_index",
    "investigation_fields", "timeline_id", "timeline_title", "transform", "actions", "throttle", "data_view_id",
})  # fmt: skip
"""Parts that say nothing of which events alert, and what has no meaning here: schedules, indices, authors."""
_DURATION: Final = {"s": "s", "m": "m", "h": "h", "d": "d", "w": "w"}
_AGO: Final = re.compile(r"now-(\d+(?:s|m|h|d|w))")
_LONGEST_NOTE: Final = 4_000


def is_elastic(body: object) -> bool:
    """Whether a definition, already read, looks like one of Elastic's."""
    return isinstance(body, dict) and ("rule_id" in body or isinstance(body.get("rule"), dict) or "risk_score" in body)


def parse_elastic(body: Json, *, where: str) -> list[Rule]:
    """Rules of one of Elastic's; a rule over several jobs gives one a job.

    Raises
    ------
    DefinitionError
        If its type, or a part that decides which events alert, cannot be honoured.
    """
    draft = body.get("rule", body)
    if not isinstance(draft, dict) or not isinstance(draft.get("type"), str):
        raise DefinitionError("not a detection rule: it has no type", where=where)
    kind = _KINDS.get(draft["type"])
    if kind is None:
        raise DefinitionError(
            f"rules of type {draft['type']!r} are not run", where=where, hint=f"Run are {', '.join(_KINDS)}"
        )
    for name in ("filters", "exceptions_list"):
        if draft.get(name):
            raise DefinitionError(f"{name} would change which events alert, and is not honoured", where=where)
    try:
        common = _common(draft, where)
        made = [msgspec.convert({**common, "kind": kind, **part}, Rule) for part in _parts(kind, draft, common["id"])]
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DefinitionError(f"not a detection rule: {error}", where=where) from error
    return [checked(rule, where=where) for rule in made]


def _common(draft: Json, where: str) -> Json:
    guide = Guide(
        meaning=str(draft.get("description", "")),
        benign=tuple(str(line) for line in draft.get("false_positives", ())),
        next_steps=(str(draft["note"])[:_LONGEST_NOTE],) if draft.get("note") else (),
        tactics=tuple(part["tactic"]["name"] for part in draft.get("threat", ())),
        techniques=tuple(_techniques(draft.get("threat", ()))),
    )
    unread = sorted(name for name in draft if name not in _READ | _SAYS_NOTHING)
    return {
        "id": draft.get("rule_id") or draft["id"],
        "name": draft["name"],
        "state": "off" if draft.get("enabled") is False else "on",
        "severity": draft.get("severity", "medium"),
        "risk": float(draft["risk_score"]) if "risk_score" in draft else None,
        "description": str(draft.get("description", "")),
        "guide": msgspec.to_builtins(guide),
        "origin": where,
        "suppress": _suppress(draft),
        "not_honoured": tuple(unread),
    }


def _techniques(threat: Any) -> list[str]:  # noqa: ANN401 - JSON from outside
    found: list[str] = []
    for part in threat:
        for technique in part.get("technique", ()):
            below = [each["id"] for each in technique.get("subtechnique", ())]
            found += below or [technique["id"]]
    return list(dict.fromkeys(found))


def _suppress(draft: Json) -> Json:
    given = draft.get("alert_suppression") or {}
    duration = given.get("duration")
    window = f"{int(duration['value'])}{_DURATION[duration['unit']]}" if duration else Suppress().window
    if draft.get("type") == "threshold":
        window = window if duration else _ago(str(draft.get("from", "now-6m")))
    return {"fields": list(given.get("group_by", Suppress().fields)), "window": window}


def _ago(text: str) -> str:
    match = _AGO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not now minus a span")
    return match[1]


def _parts(kind: str, draft: Json, rule_id: str) -> list[Json]:
    """What each kind has of its own; several for a rule over several jobs."""
    if kind == "anomaly":
        names = draft["machine_learning_job_id"]
        jobs = [names] if isinstance(names, str) else list(names)
        score = float(draft["anomaly_threshold"])
        return [{"id": rule_id if len(jobs) == 1 else f"{rule_id}:{job}", "job": job, "score": score} for job in jobs]
    own: Json = {"query": draft.get("query", ""), "language": draft.get("language", "kuery")}
    if kind == "threshold":
        own["threshold"] = msgspec.to_builtins(_threshold(draft["threshold"]))
    if kind == "new_terms":
        history = _ago(str(draft["history_window_start"]))
        own["new_terms"] = msgspec.to_builtins(NewTerms(fields=tuple(draft["new_terms_fields"]), history=history))
    return [own]


def _threshold(given: Json) -> Threshold:
    fields = given.get("field", ())
    counted = given.get("cardinality") or []
    if len(counted) > 1:
        raise ValueError("a threshold over the different values of several fields is not run")
    return Threshold(
        value=int(given["value"]),
        fields=tuple(name for name in ([fields] if isinstance(fields, str) else fields) if name),
        cardinality_field=counted[0]["field"] if counted else "",
        cardinality=int(counted[0]["value"]) if counted else 0,
    )
