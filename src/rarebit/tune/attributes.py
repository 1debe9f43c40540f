"""Attributes of a finding: field to value in its normal form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rarebit.core.names import normal_form
from rarebit.core.result import Alert, Record
from rarebit.core.time import HOUR_US, parse_time

JOB: Final = "job.id"
RULE: Final = "rule.id"
HOURS: Final = "hours"
"""A quarter of the day in UTC: ``00-06``, ``06-12``, …"""
GROUPS: Final = {"host.name": "host.group", "user.name": "user.group", "process.parent.name": "process.parent.group"}
"""Peer group of an entity, by the entity's field."""
OF_EVENT: Final = (
    "host.name",
    "user.name",
    "process.name",
    "process.executable",
    "process.parent.name",
    "process.parent.executable",
    "process.code_signature.subject_name",
    "destination.domain",
    "destination.ip",
    "dns.question.name",
    "service.name",
    "source.ip",
)
"""Fields that are read from a finding's first event."""
SIGNED: Final = "process.code_signature.trusted"
SIGNER: Final = "process.code_signature.subject_name"

Attributes = Mapping[str, str]


def of_record(record: Record) -> dict[str, str]:
    """Attributes that a record carries with it."""
    found = {JOB: record.job_id, HOURS: hours_of(parse_time(record.time))}
    told = record.explanation
    for name, value in (
        (record.by_field_name, record.by_field_value),
        (record.over_field_name, record.over_field_value),
        (record.partition_field_name, record.partition_field_value),
    ):
        _add(found, name, value)
    for level in told.levels:
        _add(found, level.entity_field, level.entity)
        _add(found, level.value_field, level.value)
        _add(found, GROUPS.get(level.entity_field), level.peer_group)
    for series in (told.tally, told.gauge, told.beacon):
        if series is not None:
            _add(found, series.entity_field, series.entity)
            _add(found, GROUPS.get(series.entity_field), series.peer_group)
    for influencer in record.influencers:
        if len(influencer.influencer_field_values) == 1:
            _add(found, influencer.influencer_field_name, influencer.influencer_field_values[0])
    if record.entity_type == "host":
        _add(found, "host.name", record.entity_id)
    return found


def of_alert(alert: Alert) -> dict[str, str]:
    """Attributes that an alert of a rule over events carries with it."""
    found = {RULE: alert.rule_id, HOURS: hours_of(parse_time(alert.timestamp))}
    for name, value in alert.group.items():
        _add(found, name, value)
    if alert.entity_type == "host":
        _add(found, "host.name", alert.entity_id)
    return found


def of_event(event: Mapping[str, object]) -> dict[str, str]:
    """Attributes that a finding's first event adds; a signer only where the signature is trusted."""
    found: dict[str, str] = {}
    for name in OF_EVENT:
        value = event.get(name)
        if name != SIGNER or str(event.get(SIGNED)).lower() == "true":
            _add(found, name, None if value is None else str(value))
    return found


def hours_of(time_us: int) -> str:
    """The quarter of the UTC day."""
    quarter = time_us // HOUR_US % 24 // 6 * 6
    return f"{quarter:02d}-{quarter + 6:02d}"


def normal(pattern: Attributes) -> dict[str, str]:
    """A pattern with its values in their normal form, by field."""
    return {name: normal_form(name)(value) for name, value in sorted(pattern.items())}


def meets(attributes: Attributes, pattern: Attributes) -> bool:
    """Whether a finding has all that a pattern asks for."""
    return all(attributes.get(name) == value for name, value in pattern.items())


def may_meet(attributes: Attributes, pattern: Attributes) -> bool:
    """Whether it has, or its event may yet tell so."""
    return all(
        attributes.get(name) == value or (name not in attributes and name in OF_EVENT)
        for name, value in pattern.items()
    )


def in_words(pattern: Attributes) -> str:
    """A pattern as it is written: ``user.name=svc-deploy process.name=agent.exe``."""
    return " ".join(f"{name}={value}" for name, value in pattern.items())


def _add(found: dict[str, str], name: str | None, value: str | None) -> None:
    if name and value:
        found.setdefault(name, normal_form(name)(value))
