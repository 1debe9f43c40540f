"""Peer groups: who should behave alike, as learnt at a time."""

from __future__ import annotations

import msgspec


class PeerGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Entities that do alike."""

    id: str
    """Kept from week to week, as long as most members stay together."""
    entity_type: str
    """``host`` or ``user``."""
    label: str
    """A noun for one member, given when the group was first found: ``workstation with outlook.exe``."""
    reason: str
    """What the members have in common now."""
    kind: str
    """The hard fact they share: a role of the inventory, ``domain controller``, ``server``, ``workstation``, …"""
    members: int
    since: str
    """Time of the grouping that found it first; the beginning of the history for those of the first grouping."""
    in_force: bool
    """Whether anyone is judged by it yet: a group found later than the first must be two weeks old."""
    hours: str = ""
    """When members are active, in UTC: ``07-17 UTC`` or ``round the clock``."""
    software: tuple[str, ...] = ()
    """What sets them apart from the others of their kind, or what nearly all of them run."""


class PeerChange(msgspec.Struct, frozen=True, kw_only=True):
    """An entity that was in one group for weeks and is now in another."""

    entity: str
    before: str
    after: str
    weeks: int
    """Groupings in which it was in the group before."""
    changes: int
    """Such changes in the whole history before."""
    chances: int
    """Entities and weeks in which there could have been one."""
    fleet: int
    """Entities that could have changed this time."""
    tokens: tuple[str, ...]
    """What it does that its new group does and its old one does not."""


class Grouping(msgspec.Struct, frozen=True, kw_only=True):
    """Peer groups of one kind of entity, as learnt from the events before a time; in force from that time on."""

    entity_type: str
    at: str
    """ISO 8601; a Monday 00:00 UTC."""
    days: int
    """Days of events it was learnt from."""
    groups: tuple[PeerGroup, ...]
    members: dict[str, str]
    """Entity to id of its group."""
    judged_by: dict[str, str]
    """Entity to id of the group that is in force for it."""
    weeks: dict[str, int]
    """Groupings in a row in which the entity was in its group."""
    ungrouped: dict[str, str]
    """Entity to why it has no group yet."""
    changes: tuple[PeerChange, ...] = ()
    changed: int = 0
    """Changes in the whole history, those of now among them."""
    chances: int = 0
    numbered: int = 0
    """Groups ever numbered."""
    gain: float = 0.0
    """Nats by which the groups foretell the latest days better than their hard facts alone do, per entity."""
