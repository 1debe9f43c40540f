"""Whether sensors saw the same as a case: by host, time, and the program, hash or technique both are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from rarebit.core.edr import EdrView
from rarebit.core.names import host_key, normal_form
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import DAY_US, HOUR_US, parse_time

AROUND_US: Final = DAY_US
"""How long before and after a case an alert still is about it."""
_TECHNIQUE_US: Final = HOUR_US
"""A shared technique alone counts only so close to a finding: techniques are broad."""
_PROCESS: Final = normal_form("process.name")
_HASHES: Final = ("process.hash.sha256", "file.hash.sha256")
_NAMED: Final = 2


class _Thing(msgspec.Struct, frozen=True):
    """A program or hash that a finding of the case is about."""

    host: str
    value: str
    time_us: int


def reach(case: Case) -> tuple[int, int]:
    """The stretch of time (µs) in which alerts may be about a case."""
    return parse_time(case.opened_at) - AROUND_US, parse_time(case.updated_at) + AROUND_US


def hosts_of(case: Case, records: Iterable[Record]) -> frozenset[str]:
    """Hosts of a case: its entity, those joined, and those its findings name."""
    entities = {host_key(each.id) for each in (case.entity, *case.joined) if each.type == "host"}
    return frozenset(entities | {host for record in records for host in _values(record, "host.name")})


def mark(case: Case, records: Sequence[Record], alerts: Iterable[Alert], watched: frozenset[str] | None) -> Case:
    """The case with what sensors said about the same.

    Parameters
    ----------
    case : Case
    records : sequence of Record
        Its findings.
    alerts : iterable of Alert
        Of sensors, at any time and on any host.
    watched : frozenset of str, optional
        Hosts that a sensor was heard of about that time; None where no sensor's alerts are read at all.
    """
    if watched is None:
        return msgspec.structs.replace(case, edr="none", edr_view=None)
    hosts, users = hosts_of(case, records), _users(case)
    start, end = reach(case)
    near = [a for a in alerts if start <= parse_time(a.timestamp) < end and _about(a, hosts, users)]
    things = [thing for record in records for thing in _things(record)]
    times = sorted(parse_time(record.time) for record in records)
    same = {alert.id: shared for alert in near if (shared := _shared(alert, things, case.techniques, times))}
    known = "seen" if hosts & watched else "unseen"
    if not near:
        return msgspec.structs.replace(
            case, edr="none", edr_view=EdrView(sentence=_silent(hosts, watched), sensor=known)
        )
    begun = times[0] if times else parse_time(case.opened_at)
    return msgspec.structs.replace(case, edr="same" if same else "partial", edr_view=_seen(near, same, begun))


def _seen(near: Sequence[Alert], same: Mapping[str, tuple[str, int]], begun_us: int) -> EdrView:
    """What sensors saw: the first alert that shares something, else the one next to the beginning of the case."""
    told = sorted(
        (alert for alert in near if not same or alert.id in same),
        key=lambda alert: (
            0 if same else abs(parse_time(alert.timestamp) - begun_us),
            parse_time(alert.timestamp),
            alert.id,
        ),
    )
    first = told[0]
    what, begun = same.get(first.id, ("", begun_us))
    after = (parse_time(first.timestamp) - begun) / 1e6
    about = f"the same {what}" if what else "something else of the same host or user"
    names = list(dict.fromkeys(alert.rule_name for alert in told))
    return EdrView(
        sentence=f"{first.edr.product if first.edr else 'EDR'} saw {about} {_gap(after)}: {_some(names)}",
        sensor="seen",
        alert_ids=tuple(alert.id for alert in told),
        seconds_after=round(after, 3),
    )


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _silent(hosts: frozenset[str], watched: frozenset[str]) -> str:
    unseen = sorted(hosts - watched)
    if not unseen:
        return "EDR silent"
    if hosts & watched:
        return f"EDR silent; no EDR data from {_some(unseen)}"
    return f"no EDR data from {_some(unseen)}: whether an EDR would have seen it is not known"


def _gap(seconds: float) -> str:
    size = abs(seconds)
    if size < 60:  # noqa: PLR2004
        return "at the same time"
    text = f"{size / 60:.0f} min" if size < 7200 else f"{size / 3600:.0f} h"  # noqa: PLR2004
    return f"{text} {'later' if seconds > 0 else 'earlier'}"


def _users(case: Case) -> frozenset[str]:
    return frozenset(each.id.lower() for each in (case.entity, *case.joined) if each.type == "user")


def _about(alert: Alert, hosts: frozenset[str], users: frozenset[str]) -> bool:
    told = alert.edr
    return told is not None and (host_key(told.host) in hosts or (bool(told.user) and told.user.lower() in users))


def _shared(
    alert: Alert, things: Sequence[_Thing], techniques: Sequence[str], times: Sequence[int]
) -> tuple[str, int] | None:
    """What an alert shares with the findings of a case, and when the first of them saw it."""
    told = alert.edr
    if told is None:
        return None
    for word, value in (("hash", told.sha256), ("process", _PROCESS(told.process) if told.process else None)):
        found = [thing.time_us for thing in things if value and thing.value == value and thing.host in ("", told.host)]
        if found:
            return word, min(found)
    at = parse_time(alert.timestamp)
    near = [time for time in times if abs(time - at) <= _TECHNIQUE_US]
    own, other = ({name.partition(".")[0] for name in part} for part in (techniques, alert.techniques))
    return ("technique", near[0]) if near and own & other else None


def _values(record: Record, field: str) -> list[str]:
    """Values of a field that a finding names."""
    found = [level.value for level in record.explanation.levels if level.value_field == field]
    found += [level.entity for level in record.explanation.levels if level.entity_field == field]
    named = (
        (record.by_field_name, record.by_field_value),
        (record.over_field_name, record.over_field_value),
        (record.partition_field_name, record.partition_field_value),
    )
    found += [value for name, value in named if name == field and value]
    for part in record.influencers:
        if part.influencer_field_name == field:
            found += part.influencer_field_values
    return list(dict.fromkeys(found))


def _things(record: Record) -> list[_Thing]:
    hosts = [host_key(host) for host in _values(record, "host.name")] or [""]
    values = [form for text in _values(record, "process.name") if (form := _PROCESS(text))]
    values += [text.lower() for field in _HASHES for text in _values(record, field)]
    at = parse_time(record.time)
    return [_Thing(host, value, at) for host in hosts for value in values]
