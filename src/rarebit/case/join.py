"""Cases of several entities: stretches joined through an account, a program, a host or an address they share.

A join counts only where what is shared was rare before: the chance that some entity shows it, by the four weeks that
ended a day before, is below one in a hundred.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from rarebit.case.evidence import FEWEST, Evidence, Signal
from rarebit.case.group import Drafts
from rarebit.core.time import DAY_US

RAREST: Final = 1e-2
"""Chance above which what is shared joins nothing."""
APART_US: Final = 3 * DAY_US
"""Stretches further apart than this are not joined."""
LEAST: Final = 1.0
"""Fewer points join nothing."""
OTHERS: Final = 0.5
"""Weight of the evidence of joined entities."""
HISTORY_US: Final = 28 * DAY_US
_DRAFTS_OF_ONE: Final = 28
"""The most drafts that one entity can have in that time: each lasts until a day of silence."""
LEAST_HISTORY_US: Final = 7 * DAY_US
"""Before a week has passed nothing is known to be rare, and nothing is joined."""
_SHARED: Final = {
    "user.name": "user",
    "process.hash.sha256": "hash",
    "destination.ip": "destination",
    "destination.domain": "destination",
    "dns.question.name": "destination",
    "dns.question.registered_domain": "destination",
    "process.name": "program",
}
_BY_VALUE: Final = {"process.name", "process.hash.sha256", "user.name", "destination.ip", "destination.domain"}

Shared = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Joined:
    """A draft, those joined to it, and what each of them shares with it."""

    lead: int
    others: tuple[int, ...]
    through: tuple[tuple[str, str, float], ...]
    """For each of the others: kind and value of what is shared, and its chance."""


def shared_of(signal: Signal, addresses: Mapping[str, str]) -> set[Shared]:
    """What a finding may share with one of another entity.

    Parameters
    ----------
    signal : Signal
        The finding.
    addresses : mapping
        Host by address.
    """
    found: set[Shared] = set()
    if signal.by_field_name in _BY_VALUE and signal.by_field_value:
        found.add((_SHARED[signal.by_field_name], signal.by_field_value.lower()))
    for influencer in signal.influencers:
        name, values = influencer.influencer_field_name, influencer.influencer_field_values
        if len(values) == 1 and name in _SHARED and name != "process.name":
            found.add((_SHARED[name], values[0].lower()))
        if len(values) == 1 and name == "source.ip" and values[0] in addresses:
            found.add(("host", addresses[values[0]]))
    kind = signal.entity_type or "host"
    return found | {(kind, signal.entity_id.lower())}


def joins(drafts: Drafts, *, watched: Mapping[str, int], addresses: Mapping[str, str]) -> list[Joined]:
    """Every draft once, as a lead or as one joined to a lead: the strongest first take those they share something with.

    Only what is shared with the lead itself joins: of friends of friends a fleet is full.

    Parameters
    ----------
    drafts : Drafts
        Stretches of single entities.
    watched : mapping
        Entities of each type.
    addresses : mapping
        Host by address.
    """
    rings = _rings(drafts, watched, addresses)
    found, taken = [], np.zeros(len(drafts), bool)
    order = sorted(range(len(drafts)), key=lambda at: (-drafts.total[at], at))
    for lead in order:
        if taken[lead]:
            continue
        taken[lead] = True
        others: dict[int, tuple[str, str, float]] = {}
        for members, shared in rings.get(lead, ()):
            for other in members:
                if not taken[other] and drafts.total[other] >= LEAST and drafts.entity[other] != drafts.entity[lead]:
                    others.setdefault(other, shared)
        taken[[other for other in others if not drafts.told[other]]] = True  # what was told of stays a case
        ranked = sorted(others, key=lambda at: (-drafts.total[at], at))
        found.append(Joined(lead, tuple(ranked), tuple(others[at] for at in ranked)))
    return found


Ring = tuple[tuple[int, ...], tuple[str, str, float]]


def _rings(drafts: Drafts, watched: Mapping[str, int], addresses: Mapping[str, str]) -> dict[int, list[Ring]]:
    """For each draft the circles it is in: drafts that share one thing, none far from the one before."""
    since = int(drafts.evidence.time_us.min(initial=2**62))
    rings: dict[int, list[Ring]] = defaultdict(list)
    for shared, found in sorted(_holders(drafts, addresses).items()):
        held = _Held(drafts, found, watched, since)
        ring: list[int] = []
        chance = 0.0
        for draft in sorted(found, key=lambda draft: (drafts.begin_us[draft], draft)):
            p = held.chance(ring[-1], draft) if ring else 0.0
            if p >= RAREST:
                _close(rings, ring, (*shared, chance))
                ring, chance = [], 0.0
            ring.append(draft)
            chance = max(chance, p if p < RAREST else 0.0)
        _close(rings, ring, (*shared, chance))
    return rings


def _close(rings: dict[int, list[Ring]], ring: list[int], shared: tuple[str, str, float]) -> None:
    if len(ring) > 1:
        whole = tuple(ring)
        for draft in ring:
            rings[draft].append((whole, shared))


def _holders(drafts: Drafts, addresses: Mapping[str, str]) -> dict[Shared, dict[int, int]]:
    """Drafts by what they share, and when they first did."""
    found: dict[Shared, dict[int, int]] = defaultdict(dict)
    evidence: Evidence = drafts.evidence
    for row, draft in zip(drafts.rows.tolist(), drafts.stretch.tolist(), strict=True):
        for shared in shared_of(evidence.signals[row], addresses):
            found[shared].setdefault(draft, int(evidence.time_us[row]))
    return {shared: held for shared, held in found.items() if len({int(drafts.entity[d]) for d in held}) > 1}


class _Held:
    """The drafts that share one thing, by the time from which each does."""

    def __init__(self, drafts: Drafts, found: Mapping[int, int], watched: Mapping[str, int], since_us: int) -> None:
        self._drafts, self._found, self._watched, self._since_us = drafts, found, watched, since_us
        order = sorted(found, key=lambda draft: (found[draft], draft))
        self._times = [found[draft] for draft in order]
        self._entities = [int(drafts.entity[draft]) for draft in order]

    def chance(self, left: int, right: int) -> float:
        """Chance that some entity shows it; 1 where two drafts are too far apart, or where all is new yet."""
        drafts, begin = self._drafts, min(self._found[left], self._found[right])
        pair = {int(drafts.entity[left]), int(drafts.entity[right])}
        apart = int(drafts.begin_us[right] - drafts.last_us[left])
        if apart > APART_US or begin - self._since_us < LEAST_HISTORY_US:
            return 1.0
        kind = drafts.evidence.names[drafts.entity[left]][0]
        watched = max(self._watched.get(kind, 0), FEWEST) + 1.0
        low, high = bisect_right(self._times, begin - HISTORY_US), bisect_right(self._times, begin - DAY_US)
        if high - low > _DRAFTS_OF_ONE * (RAREST * watched + len(pair)):
            return 1.0
        return (len(set(self._entities[low:high]) - pair) + 0.5) / watched
