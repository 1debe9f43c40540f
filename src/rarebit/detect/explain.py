"""Why a record is one: counts with denominators, put into one sentence."""

from __future__ import annotations

from typing import Final

from rarebit.core.result import Level
from rarebit.model.rare_kernel import FLEET, INDIVIDUAL, LEVELS

_LEVEL_NAMES: Final = {
    INDIVIDUAL: ("seen", "new_to_entity", "new_to_peers", "new_to_fleet"),
    FLEET: ("seen", "uncommon_in_fleet", "rare_in_fleet", "new_to_fleet"),
}
_POPULATION_NAMES: Final = ("seen", "uncommon_in_population", "rare_in_population", "new_to_population")

_NOUNS: Final = {
    "host.name": "host",
    "user.name": "user",
    "source.ip": "source address",
    "destination.ip": "destination",
    "destination.port": "destination port",
    "process.parent.name": "parent",
}
_VERBS: Final = {
    "process.name": "started {value}",
    "process.executable": "started {value}",
    "user.name": "had user {value}",
    "host.name": "was on host {value}",
}


_NO_NOVELTY: Final = 0.05
"""Novelties of late, each halved once a week, below which there are none to speak of."""


def level_name(mode: int, level: int) -> str:
    """Word for a level of novelty in a mode of the rare model."""
    names = _LEVEL_NAMES.get(mode, _POPULATION_NAMES)
    assert 0 <= level < LEVELS  # noqa: S101 the kernel gives no other
    return names[level]


def noun(field: str) -> str:
    """What to call the thing a field names."""
    return _NOUNS.get(field, field)


def plural(count: int, word: str) -> str:
    """``1 host``, ``2 hosts``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def what_happened(level: Level, acted: str = "") -> str:
    """``ws-17 started rubeus.exe``; in the words of the job, if it has any with ``{value}``."""
    usual = _VERBS.get(level.value_field, level.value_field + " was {value}")
    verb = acted if "{value}" in acted else usual
    return f"{level.entity} {verb.replace('{value}', level.value)}"


def level_sentence(level: Level, mode: int) -> str:
    """The counts of one detector's judgement, with their denominators."""
    entity = noun(level.entity_field)
    parts = [_first(level, mode, entity), _prevalence(level, mode, entity), _own_rate(level, entity)]
    return "; ".join(part for part in parts if part)


def _first(level: Level, mode: int, entity: str) -> str:
    if mode == INDIVIDUAL:
        return f"first time on this {entity} in {_days(level.entity_days)}"
    if level.fleet_with_value == 0 or level.level.startswith("new"):
        return "never seen before in the fleet"
    return "rarely seen in the fleet"


def _prevalence(level: Level, mode: int, entity: str) -> str:
    fleet = f"{level.fleet_with_value:,} of {plural(level.fleet, entity)}"
    if mode != INDIVIDUAL or not level.peer_group:
        return f"on {fleet}"
    peers = f"{level.peers_with_value:,} of {level.peers:,} {peers_named(level.peer_group)}"
    return f"on {peers} and {fleet}"


def _own_rate(level: Level, entity: str) -> str:
    """The entity's own rate, as it can be recomputed from the two counts beside it."""
    if level.entity_observations <= 0:
        return f"this {entity} was never observed before"
    if level.entity_novel <= 0:
        return f"this {entity} showed nothing new in {level.entity_observations:,.0f} observations"
    return (
        f"this {entity} shows something new in 1 of {level.entity_observations / level.entity_novel:,.0f} observations"
    )


def peers_named(group: str) -> str:
    """``workstation peers``; of a learnt group, whose label is a phrase: ``peers (workstation with code.exe)``."""
    name = group.replace("_", " ")
    return f"peers ({name})" if " with" in name else f"{name} peers"


def many_peers(number: int, group: str) -> str:
    """``12 server peers``; of a learnt group ``12 peers (workstation with code.exe)``."""
    name = group.replace("_", " ")
    return f"{plural(number, 'peer')} ({name})" if " with" in name else plural(number, f"{name} peer".strip())


def _days(days: float) -> str:
    if days < 1.0:
        return f"{days * 24:.0f} hours"
    return f"{days:.0f} days" if days >= 2.0 else f"{days:.1f} days"  # noqa: PLR2004


def rollout_sentence(joined: int, entity: str, hours: float) -> str:
    """How far a value spread in one stretch."""
    span = f"{hours:.0f} hours" if hours >= 1.5 else f"{max(1, round(hours * 60))} minutes"  # noqa: PLR2004
    return f"seen first on {plural(joined, entity)} within {span}, counted once"
