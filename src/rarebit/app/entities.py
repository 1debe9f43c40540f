"""One entity of any kind: since when and where it is seen, its peers, how well it is known, what was found of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from rarebit.app import memory
from rarebit.app.edr import Sensed, coverage
from rarebit.app.home import Home
from rarebit.app.hosts import InJob, known_in_jobs
from rarebit.app.memory import Seen
from rarebit.app.run import require_events
from rarebit.core.errors import InputError
from rarebit.core.names import account_form, host_key
from rarebit.core.peer import PeerGroup
from rarebit.core.result import Alert, Case, Record

FIELDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "host": ("host.name",),
    "user": ("user.name",),
    "process": ("process.name",),
    "hash": (
        "process.hash.sha256", "process.hash.sha1", "process.hash.md5", "file.hash.sha256", "process.pe.imphash",
    ),
    "destination": (
        "destination.ip", "destination.domain", "dns.question.name", "url.domain", "destination.registered_domain",
        "dns.question.registered_domain", "url.registered_domain",
    ),
}  # fmt: skip
"""Kinds of entities that have a page, and the fields that name them."""
KIND_OF: Final = {field: kind for kind, fields in FIELDS_OF.items() for field in fields}
_ACTORS: Final = ("host", "user")
"""Kinds that records and cases are about; the others are what these show."""
_MOST: Final = 50
"""Records, cases, alerts, hosts told of."""
_HOSTS: Final = 25
"""Hosts whose records are gone through for a value that they show."""
_PEERS: Final = 20


class Peers(msgspec.Struct, frozen=True, kw_only=True):
    """The group of an entity."""

    group: PeerGroup
    learnt_at: str
    members: tuple[str, ...]
    """Some of the others."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one entity."""

    kind: str
    name: str
    attributes: dict[str, str]
    """Of a host: what the inventory says."""
    seen: tuple[Seen, ...]
    """By field; the hosts it was seen on are cut to the first 50."""
    hosts: int
    """Hosts that are remembered: of so many it was seen on so many."""
    behind: bool
    """Whether the newest events are not in the memory yet."""
    peers: Peers | None
    alone: str
    """Why it has no group; empty if it has one, or is of a kind that has none."""
    jobs: tuple[InJob, ...]
    records: tuple[Record, ...]
    records_of: int
    """Hosts whose records were gone through; 0 where all records of the entity were."""
    cases: tuple[Case, ...]
    alerts: tuple[Alert, ...]
    """Of sensors, and of rules over events; those made of a record are left out."""
    sensed: Sensed | None
    """Of a host: the sensors that were heard of it."""


def entity(home: Home, kind: str, name: str) -> Entity:
    """Look at one entity; of one that was never seen, that.

    Raises
    ------
    InputError
        If there is no such kind, or no name.
    """
    require_events(home)
    if kind not in FIELDS_OF:
        raise InputError(f"{kind!r} is no kind of entity", hint=f"One of {', '.join(FIELDS_OF)}")
    if not name.strip():
        raise InputError(f"which {kind}?", hint=f"Give its name: /entity/{kind}?name=…")
    name = name.strip()
    remembered = {trait.name for trait in home.first_seen.traits}
    seen = [each for field in FIELDS_OF[kind] if field in remembered for each in memory.seen(home, name, field=field)]
    on = _newest_hosts(seen)
    records = _records_of(home, name) if kind in _ACTORS else _records_with(home, name, on)
    peers, alone = _peers(home, kind, name)
    return Entity(
        kind=kind,
        name=name,
        attributes=home.inventory().get(name) if kind == "host" else {},
        seen=tuple(msgspec.structs.replace(each, on=each.on[:_MOST]) for each in seen),
        hosts=len(home.first_seen.matching("host.name", "*")) if "host.name" in remembered else 0,
        behind=home.lake.has_since(home.first_seen.report().version),
        peers=peers,
        alone=alone,
        jobs=tuple(known_in_jobs(home, FIELDS_OF[kind][0], name)) if kind in _ACTORS else (),
        records=tuple(records[:_MOST]),
        records_of=0 if kind in _ACTORS else len(on),
        cases=tuple(_cases(home, kind, name, records)[:_MOST]),
        alerts=tuple(_alerts(home, kind, name, on)[:_MOST]),
        sensed=_sensed(home, name) if kind == "host" else None,
    )


def _newest_hosts(seen: Iterable[Seen]) -> list[str]:
    """Hosts that showed the value, the latest first sight first."""
    first = {on.host: on.first for each in seen for on in each.on if on.host}
    return sorted(first, key=lambda host: first[host], reverse=True)[:_HOSTS]


def _spellings(name: str) -> tuple[str, ...]:
    """As records may write a name that is remembered in lower case."""
    return tuple(dict.fromkeys((name, name.lower(), name.upper())))


def _records_of(home: Home, name: str) -> list[Record]:
    found = [record for each in _spellings(name) for record in home.store.list_records(entity_id=each)]
    return sorted(found, key=lambda record: (-record.record_score, record.time))


def _records_with(home: Home, value: str, hosts: list[str]) -> list[Record]:
    found = [record for host in hosts for record in _records_of(home, host) if shows(record, value)]
    return sorted(found, key=lambda record: (-record.record_score, record.time))


def shows(record: Record, value: str) -> bool:
    """Whether a record is about a value, or is explained by it."""
    own = (record.by_field_value, record.over_field_value, record.partition_field_value)
    explained = (each for found in record.influencers for each in found.influencer_field_values)
    return value.lower() in {text.lower() for text in (*own, *explained) if text}


def _cases(home: Home, kind: str, name: str, records: list[Record]) -> list[Case]:
    """Cases of the entity, or with one of the records that show it, by rank."""
    if kind in _ACTORS:
        held = {case.id: case for each in _spellings(name) for case in home.store.list_cases(about=each)}
        found = [case for case in held.values() if _is_of(case, name)]
    else:
        ids = {record.id for record in records}
        whose = sorted({record.entity_id for record in records})
        held = {case.id: case for each in whose for case in home.store.list_cases(about=each)}
        found = [case for case in held.values() if ids & set(case.record_ids)]
    return sorted(found, key=lambda case: (case.rank, case.id))


def _is_of(case: Case, name: str) -> bool:
    return name.lower() in {each.id.lower() for each in (case.entity, *case.joined)}


def _alerts(home: Home, kind: str, name: str, hosts: list[str]) -> list[Alert]:
    """Alerts of the entity that no record is of; of a value, those of sensors on its hosts that name it."""
    asked = [name] if kind in _ACTORS else hosts
    found = {
        alert.id: alert
        for host in asked
        for each in _spellings(host)
        for alert in home.store.sensors.listed(own=None, entity_id=each)
        if not alert.record_id and (kind in _ACTORS or _names(alert, name))
    }
    return sorted(found.values(), key=lambda alert: (-alert.score, alert.timestamp))


def _names(alert: Alert, value: str) -> bool:
    told = alert.edr
    return told is not None and value.lower() in {told.user.lower(), told.process.lower(), told.sha256.lower()}


def _peers(home: Home, kind: str, name: str) -> tuple[Peers | None, str]:
    if kind not in _ACTORS:
        return None, ""
    grouping = home.store.groupings.latest(kind)
    if grouping is None:
        return None, "no peer groups yet: they are learnt at the first Monday after five days of events"
    key = host_key(name) if kind == "host" else account_form(name)
    own = grouping.members.get(key)
    group = next((each for each in grouping.groups if each.id == own), None)
    if group is None:
        return None, grouping.ungrouped.get(key, "it had too few events when groups were learnt")
    others = sorted(each for each, of in grouping.members.items() if of == own and each != key)
    return Peers(group=group, learnt_at=grouping.at, members=tuple(others[:_PEERS])), ""


def _sensed(home: Home, host: str) -> Sensed | None:
    if not home.store.sensors.count():
        return None
    return next((each for each in coverage(home) if each.host == host_key(host)), None)
