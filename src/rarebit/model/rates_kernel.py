"""Compiled rates of novelty: learnt per entity, backed off to peers of like age and to the fleet."""

from __future__ import annotations

from typing import Any, Final

import numba

LEVELS: Final = 4
BINS: Final = 16
AGES: Final = 5


@numba.njit(cache=True, nogil=True, inline="always")
def age_bin(hours: int) -> int:
    """Age class of an entity by its active hours: up to 2, 16, 56, 240, more."""
    if hours <= 2:
        return 0
    if hours <= 16:
        return 1
    if hours <= 56:
        return 2
    return 3 if hours <= 240 else 4


@numba.njit(cache=True, nogil=True, inline="always")
def log2_bin(count: int) -> int:
    """Floor of the binary logarithm, at most ``BINS - 1``."""
    value = 0
    while count > 1 and value < BINS - 1:
        count >>= 1
        value += 1
    return value


@numba.njit(cache=True, nogil=True)
def level_rate(groups: Any, entity: Any, age: int, level: int, kappa_age: float) -> float:
    """Learnt rate of a level for an entity: fleet → fleet of like age → peers of like age → itself.

    A negative pseudo-count of the group means that nothing is pooled.
    """
    n, k, kappa = groups[0], groups[1], groups[2]
    group = entity.group
    own = entity.k1 if level == 1 else (entity.k2 if level == 2 else entity.k3)
    if kappa[group, level] < 0.0:
        return float((own + 0.5) / (entity.n + 1.0))
    fleet_n, fleet_k = 1.0, 0.5
    for a in range(AGES):
        fleet_n += n[0, a]
        fleet_k += k[0, a, level]
    rate = fleet_k / fleet_n
    rate = (k[0, age, level] + kappa_age * rate) / (n[0, age] + kappa_age)
    if group > 0:
        rate = (k[group, age, level] + kappa[0, level] * rate) / (n[group, age] + kappa[0, level])
    return float((own + kappa[group, level] * rate) / (entity.n + kappa[group, level]))


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def tail_p(groups: Any, entity: Any, level: int, at: int, u: float, settings: Any) -> tuple[float, float]:
    """(p, rate): probability of an observation at least this novel; rate of its level and above."""
    age = age_bin(entity.hours)
    above = 0.0
    for m in range(level + 1, LEVELS):
        above += level_rate(groups, entity, age, m, settings.kappa_age)
    if level == 0:
        own = max(0.0, 1.0 - above)
    else:
        own = level_rate(groups, entity, age, level, settings.kappa_age)
    rank = u if level == LEVELS - 1 else rank_in_level(groups[3], entity.group, level, at, u, settings.prior_histogram)
    return min(1.0, above + own * rank), min(1.0, above + own)


@numba.njit(cache=True, nogil=True)
def enter_hour(groups: Any, entity: Any, hour: int, decay: float) -> None:
    """Age the counters of an entity and of its groups, once for each hour in which they are active."""
    if hour > entity.hour:
        entity.n *= decay
        entity.k1 *= decay
        entity.k2 *= decay
        entity.k3 *= decay
        entity.hours += 1
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


@numba.njit(cache=True, nogil=True)
def learn(groups: Any, entity: Any, level: int, at: int) -> None:
    """Take an observation into the rates of its entity, of its peers and of the fleet."""
    entity.n += 1.0
    entity.observations += 1
    if level > 0:
        entity.novel += 1
    if level == 1:
        entity.k1 += 1.0
    elif level == 2:
        entity.k2 += 1.0
    elif level == 3:
        entity.k3 += 1.0
    age = age_bin(entity.hours)
    for step in range(2):
        group = 0 if step == 0 else entity.group
        if step == 0 or group > 0:
            groups[0][group, age] += 1.0
            groups[1][group, age, level] += 1.0
            groups[3][group, level, at] += 1.0
