"""Compiled rates of novelty: learnt per entity, backed off to peers of like age and to the fleet."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from rarebit.model.tables import compiled, inlined

LEVELS: Final = 4
BINS: Final = 16
AGES: Final = 12
YOUNG: Final = 5
"""Age classes of the young: so many for entities that founded the fleet, as many for those that joined it."""
SHARE_WEIGHT: Final = 10.0
"""Novelties of young joiners that the grown fleet's shares of levels are worth."""
GROUP_WEIGHT: Final = 3.0
"""Novelties of a peer group that the fleet's rate is worth."""
FOUNDING_HOURS: Final = 72
"""Who comes within these hours of the fleet's first founded it: all is new to a fleet as young as its members."""


@inlined
def age_class(entity: Any, fleet_since: int) -> int:
    """Class of an entity by active hours: founders' up to 1, 3, 8, 20, 56; the same of others; up to 240; more."""
    hours = entity.hours
    if hours > 56:
        return 2 * YOUNG if hours <= 240 else 2 * YOUNG + 1
    joined = YOUNG if entity.first_hour - fleet_since >= FOUNDING_HOURS else 0
    return int(joined + (hours > 1) + (hours > 3) + (hours > 8) + (hours > 20))


@inlined
def log2_bin(count: int) -> int:
    """Floor of the binary logarithm, at most ``BINS - 1``."""
    value = 0
    while count > 1 and value < BINS - 1:
        count >>= 1
        value += 1
    return value


@compiled
def joined_rate(n: Any, k: Any, age: int, level: int) -> float:
    """Rate to expect of a young entity that joined a grown fleet, before others of its age did.

    It shows as much that is new to it as the founders did at their same age. How much of that is new to others too
    lies between what the grown fleet shows of it and the grown fleet's share of it in all that is new: their
    geometric mean is assumed, and left for the share among young joiners as these are seen.
    """
    founders, joined, joined_of, grown, grown_of, grown_n = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for m in range(1, LEVELS):
        founders += k[0, age - YOUNG, m]
        for a in range(YOUNG, 2 * YOUNG):
            joined += k[0, a, m]
        for a in range(2 * YOUNG, AGES):
            grown += k[0, a, m]
    for a in range(YOUNG, 2 * YOUNG):
        joined_of += k[0, a, level]
    for a in range(2 * YOUNG, AGES):
        grown_n += n[0, a]
        grown_of += k[0, a, level]
    novelty = (founders + 0.5) / (n[0, age - YOUNG] + 1.0)
    share = (grown_of + 1.0) / (grown + 3.0)
    if level > 1:
        share = min(share, np.sqrt(share * (grown_of + 0.5) / (grown_n + 1.0) / novelty))
    return float(novelty * (joined_of + SHARE_WEIGHT * share) / (joined + SHARE_WEIGHT))


@compiled
def peer_rate(groups: Any, group: int, age: int, level: int, kappa_age: float) -> float:
    """Learnt rate of a level for a member of a peer group: fleet → fleet of like age → peers of like age."""
    n, k = groups[0], groups[1]
    if YOUNG <= age < 2 * YOUNG:
        rate = joined_rate(n, k, age, level)
    else:
        fleet_n, fleet_k = 1.0, 0.5
        for a in range(AGES):
            fleet_n += n[0, a]
            fleet_k += k[0, a, level]
        rate = fleet_k / fleet_n
    rate = (k[0, age, level] + kappa_age * rate) / (n[0, age] + kappa_age)
    if group > 0:
        rate = (k[group, age, level] + GROUP_WEIGHT) / (n[group, age] + GROUP_WEIGHT / rate)
    return float(rate)


@compiled
def level_rate(groups: Any, entity: Any, age: int, level: int, kappa_age: float) -> float:
    """Learnt rate of a level for an entity: that of its peers, times its own novelties over those to be expected.

    With a constant rate of the peers this is ``(k + kappa * rate) / (n + kappa)``. As novelty falls with age, past
    observations count by what was to be expected of them then. A negative ``kappa`` means that nothing is pooled.
    """
    kappa = groups[2][entity.group, level]
    own = entity.k1 if level == 1 else (entity.k2 if level == 2 else entity.k3)
    if kappa < 0.0:
        return float((own + 0.5) / (entity.n + 1.0))
    rate = peer_rate(groups, entity.group, age, level, kappa_age)
    expected = entity.e1 if level == 1 else (entity.e2 if level == 2 else entity.e3)
    return float(min(1.0, rate * (own + kappa * rate) / (expected + entity.fresh * rate + kappa * rate)))


@compiled
def rank_in_level(histogram: Any, group: int, level: int, at: int, u: float, prior: float) -> float:
    """Share of past novelties of this level that were of rarer values, plus ``u`` of those as rare.

    The peer group's histogram leans on the fleet's with ``prior`` pseudo-counts, the fleet's on a flat one.
    """
    below, same, total = 0.0, 0.0, 0.0
    fleet_total = 0.0
    for b in range(BINS):
        fleet_total += histogram[0, level, b]
    for b in range(BINS):
        mass = (histogram[0, level, b] + 1.0 / BINS) / (fleet_total + 1.0)
        if group > 0:
            mass = histogram[group, level, b] + prior * mass
        total += mass
        if b < at:
            below += mass
        elif b == at:
            same = mass
    return (below + u * same) / total


@compiled
def tail_p(groups: Any, entity: Any, level: int, at: int, u: float, settings: Any) -> tuple[float, float]:
    """(p, rate): probability of an observation at least this novel; rate of its level and above."""
    age = age_class(entity, groups[7][0])
    above = 0.0
    for m in range(level + 1, LEVELS):
        above += level_rate(groups, entity, age, m, settings.kappa_age)
    if level == 0:
        own = max(0.0, 1.0 - above)
    else:
        own = level_rate(groups, entity, age, level, settings.kappa_age)
    rank = u if level == LEVELS - 1 else rank_in_level(groups[3], entity.group, level, at, u, settings.prior_histogram)
    return min(1.0, above + own * rank), min(1.0, above + own)


@compiled
def settle_hour(groups: Any, entity: Any) -> None:
    """Add what was to be expected of the observations of its latest hour, by the rates of its group in that hour."""
    if entity.fresh > 0:
        age = age_class(entity, groups[7][0])
        entity.e1 += entity.fresh * groups[8][entity.group, age, 1]
        entity.e2 += entity.fresh * groups[8][entity.group, age, 2]
        entity.e3 += entity.fresh * groups[8][entity.group, age, 3]
        entity.fresh = 0


@compiled
def enter_hour(groups: Any, entity: Any, hour: int, settings: Any) -> None:
    """Age the counters of an entity and of its groups, once for each hour in which they are active."""
    decay = settings.decay
    if groups[7][0] < 0:
        groups[7][0] = hour
    if hour > entity.hour:
        settle_hour(groups, entity)
        entity.hours += 1
        entity.n *= decay
        entity.k1 *= decay
        entity.k2 *= decay
        entity.k3 *= decay
        entity.e1 *= decay
        entity.e2 *= decay
        entity.e3 *= decay
        entity.hour = hour
        entity.events = 0
    last = groups[4]
    for step in range(2):
        group = 0 if step == 0 else entity.group
        if last[group] < hour:
            last[group] = hour
            for a in range(AGES):
                groups[0][group, a] *= decay
                for m in range(LEVELS):
                    groups[1][group, a, m] *= decay
            for m in range(LEVELS):
                for b in range(BINS):
                    groups[3][group, m, b] *= decay
            for a in range(AGES):
                for m in range(1, LEVELS):
                    groups[8][group, a, m] = peer_rate(groups, group, a, m, settings.kappa_age)


@compiled
def learn(groups: Any, entity: Any, level: int, at: int) -> None:
    """Take an observation into the rates of its entity, of its peers and of the fleet.

    While the fleet is being founded all is new, whoever shows it: that says nothing of one entity beside others, so
    its own counts begin afterwards.
    """
    entity.observations += 1
    if level > 0:
        entity.novel += 1
    if entity.hour - groups[7][0] >= FOUNDING_HOURS:
        entity.n += 1.0
        entity.fresh += 1
        if level == 1:
            entity.k1 += 1.0
        elif level == 2:
            entity.k2 += 1.0
        elif level == 3:
            entity.k3 += 1.0
    age = age_class(entity, groups[7][0])
    for step in range(2):
        group = 0 if step == 0 else entity.group
        if step == 0 or group > 0:
            groups[0][group, age] += 1.0
            groups[1][group, age, level] += 1.0
            groups[3][group, level, at] += 1.0
