"""The compiled loop of the rare model: score each observation, then learn it.

An observation is a distinct (entity, value, hour). It is judged by how far its value was known before:

====== ============================== =============================== ==========================
level  ``INDIVIDUAL`` (partition)     ``FLEET`` (by only)             ``POPULATION`` (over)
====== ============================== =============================== ==========================
0      seen on the entity             64 or more observations         16 or more other members
1      new to it, seen on peers       8 to 63                         4 to 15
2      new to its peers               1 to 7                          1 to 3
3      new to the fleet               never seen                      no other member
====== ============================== =============================== ==========================

The probability of an observation is the learnt rate of higher levels, plus its share of its own level by
prevalence (mid-p). Rates are backed off entity → peer group of like age → fleet by pseudo-observations.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import pair_code
from rarebit.model.tables import Table, slot_of

INDIVIDUAL: Final = 0
FLEET: Final = 1
POPULATION: Final = 2

LEVELS: Final = 4
BINS: Final = 16
AGES: Final = 5
HOUR_US: Final = 3_600_000_000
NEWS_US: Final = 7 * 24 * HOUR_US
"""So long a value of ``FLEET`` counts as found already."""

DONE: Final = 0
GROW: Final = 1
OUTPUT_FULL: Final = 2

CANDIDATE: Final = np.dtype(
    [
        ("row", "i8"),
        ("time_us", "i8"),
        ("entity", "i8"),
        ("value", "i8"),
        ("window_us", "i8"),
        ("p", "f8"),
        ("rate", "f8"),
        ("observations", "f8"),
        ("novel", "f8"),
        ("group", "i4"),
        ("level", "i4"),
        ("first_hour", "i4"),
        ("hours", "i4"),
        ("peers", "i4"),
        ("peers_with", "i4"),
        ("fleet", "i4"),
        ("fleet_with", "i4"),
        ("value_observations", "i4"),
        ("joined", "i4"),
        ("spreading", "i4"),
        ("events", "i4"),
    ]
)
"""What the loop hands on about an observation worth looking at, with every count its probability rests on."""

Settings: Final = np.dtype(
    [
        ("mode", "i4"),
        ("full", "i4"),
        ("keep_p", "f8"),
        ("decay", "f8"),
        ("spread_us", "i8"),
        ("spread_p", "f8"),
        ("kappa_age", "f8"),
        ("prior_histogram", "f8"),
    ]
)


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
def poisson_tail(k: int, mean: float) -> float:
    """P(X ≥ k) of a Poisson variable, summed from k up."""
    term = np.exp(-mean)
    for i in range(1, k + 1):
        term *= mean / i
    total = 0.0
    i = k
    while term > 0.0 and (term > 1e-17 * total or i < mean):
        total += term
        i += 1
        term *= mean / i
    return float(min(total, 1.0))


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


@numba.njit(cache=True, nogil=True)
def note_spread(value: Any, time_us: int, settings: Any) -> None:
    """Follow first sights of one value by one entity after another; enough of them at once is a rollout.

    ``before / age`` is the value's own rate of adoption; a stretch is a rollout when so many entities joining in
    its time has a probability below ``spread_p`` at that rate.
    """
    if value.joined == 0 or time_us - value.last_us > settings.spread_us:
        value.window_us = time_us
        value.before = value.entities
        value.joined = 0
        value.spreading = 0
    value.joined += 1
    value.last_us = time_us
    if value.spreading == 0 and value.joined >= 3:
        age = max(float(value.window_us - value.first_us), float(settings.spread_us))
        span = float(time_us - value.window_us) + 0.25 * settings.spread_us
        mean = (value.before + 0.05) * span / age
        if poisson_tail(value.joined, mean) < settings.spread_p:
            value.spreading = 1


@numba.njit(cache=True, nogil=True)
def emit(out: Any, at: int, row: int, time_us: int, found: Any, seen: Any, p: float, rate: float) -> None:
    """Write one candidate: ``found`` is (entity, value, level), ``seen`` the counts beside it."""
    entity, value, level = found
    peers, peers_with, fleet, events = seen
    record = out[at]
    record.row = row
    record.time_us = time_us
    record.entity = entity.key
    record.p = p
    record.rate = rate
    record.observations = entity.n
    record.novel = entity.k1 + entity.k2 + entity.k3
    record.group = entity.group
    record.level = level
    record.first_hour = entity.first_hour
    record.hours = entity.hours
    record.peers = peers
    record.peers_with = peers_with
    record.fleet = fleet
    record.fleet_with = value.entities
    record.value_observations = value.observations
    record.window_us = value.window_us
    record.joined = value.joined
    record.spreading = value.spreading
    record.events = events


@numba.njit(cache=True, nogil=True, inline="always")
def classify(
    mode: int, known: bool, value: Any, peers_with: int, count: int, fleet: int, time_us: int
) -> tuple[int, int]:
    """(level, bin) of an observation before it is learnt; the table in the module docstring.

    What half of the fleet has is not rare in it, however seldom it happens. In ``FLEET`` what is new is found once,
    at its first sight; for a week after, its further sights are no finding of their own.
    """
    if mode == INDIVIDUAL:
        if known:
            return 0, log2_bin(count)
        if peers_with > 0:
            return 1, log2_bin(peers_with)
        return (2, log2_bin(value.entities)) if value.entities > 0 else (3, 0)
    others = value.observations if mode == FLEET else value.entities - (1 if known else 0)
    scale = 2 if mode == FLEET else 1
    at = log2_bin(others)
    if others == 0:
        return 3, 0
    if 2 * value.entities >= fleet or (mode == FLEET and time_us - value.first_us < NEWS_US):
        return 0, at
    if at <= scale:
        return 2, at
    return (1, at) if at <= (5 if mode == FLEET else 3) else (0, at)


@numba.njit(cache=True, nogil=True)
def group_of(entity: np.int64, peer: np.int64, peer_map: Any, group_keys: NDArray[np.int64], used: int) -> int:
    """Index of the entity's peer group: from the inventory map, else from the row; ``used`` if it is new."""
    keys, named = peer_map
    at = np.searchsorted(keys, entity)
    code = named[at] if at < keys.size and keys[at] == entity else peer
    if code == 0:
        return 0
    for group in range(1, used):
        if group_keys[group] == code:
            return group
    if used < group_keys.size:
        group_keys[used] = code
    return used


@numba.njit(cache=True, nogil=True)
def must_grow(tables: Any, group_keys: NDArray[np.int64], sizes: NDArray[np.int64]) -> bool:
    """Whether one more row could make a table more than half full, or leave no place for a peer group."""
    return bool(
        2 * (sizes[0] + 1) > tables[0].size
        or 2 * (sizes[1] + 1) > tables[1].size
        or 2 * (sizes[2] + 1) > tables[2].size
        or 2 * (sizes[3] + 1) > tables[3].size
        or sizes[4] + 1 > group_keys.size
    )


@numba.njit(cache=True, nogil=True)
def add_entity(entity: Any, key: int, group: int, hour: int, group_sizes: Any, sizes: Any) -> None:
    """Begin an entity in its peer group; ``group == sizes[4]`` is a group that is new itself."""
    sizes[4] = max(sizes[4], group + 1)
    entity.key = key
    entity.group = group
    entity.first_hour = hour
    entity.hour = -1
    sizes[3] += 1
    group_sizes[0] += 1
    if group > 0:
        group_sizes[group] += 1


@numba.njit(cache=True, nogil=True)
def add_value(value: Any, key: int, time_us: int, sizes: Any) -> None:
    """Begin a value that the fleet never had."""
    value.key = key
    value.first_us = time_us
    sizes[1] += 1


@numba.njit(cache=True, nogil=True)
def add_holder(value: Any, peer: Any, peer_key: int, sizes: Any) -> None:
    """Count one more entity that has the value, in the fleet and in its peer group."""
    value.entities += 1
    if peer.key == 0:
        peer.key = peer_key
        sizes[2] += 1
    peer.entities += 1


@numba.njit(cache=True, nogil=True)
def run(
    rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    u: NDArray[np.float64],
    start: int,
    tables: tuple[Table, Table, Table, Table],
    groups: Any,
    sizes: NDArray[np.int64],
    peer_map: tuple[NDArray[np.int64], NDArray[np.int64]],
    settings: Any,
    p_out: NDArray[np.float64],
    out: Table,
) -> tuple[int, int, int]:
    """Score and learn rows from ``start``; stop early where the caller has to act.

    Returns
    -------
    (next row, candidates written, reason)
        Reason is DONE, GROW (a table is half full) or OUTPUT_FULL.
    """
    times, entities, values, peers, scopes = rows
    pairs, value_table, peer_table, entity_table = tables
    group_keys, group_sizes = groups[5], groups[6]
    written = 0
    for row in range(start, times.size):
        hour = times[row] // HOUR_US
        if entities[row] == 0 or values[row] == 0:
            continue
        scope = scopes[row] if scopes.size else np.int64(0)
        entity_key = entities[row] if scope == 0 else pair_code(scope, entities[row])
        value_key = values[row] if scope == 0 else pair_code(scope, values[row])
        pair_key = pair_code(entity_key, value_key)
        pair = pairs[slot_of(pairs, pair_key)]
        if pair.key != 0 and pair.hour == hour:
            continue
        if must_grow(tables, group_keys, sizes):
            return row, written, GROW
        if written == out.size:
            return row, written, OUTPUT_FULL

        entity = entity_table[slot_of(entity_table, entity_key)]
        if entity.key == 0:
            peer_code = peers[row] if peers.size else np.int64(0)
            group = group_of(entities[row], peer_code, peer_map, group_keys, sizes[4])
            add_entity(entity, entity_key, group, hour, group_sizes, sizes)
        enter_hour(groups, entity, hour, settings.decay)

        value = value_table[slot_of(value_table, value_key)]
        peer = peer_table[slot_of(peer_table, pair_code(np.int64(entity.group + 1), value_key))]
        known = pair.key != 0
        level, at = classify(
            settings.mode, known, value, peer.entities if peer.key != 0 else 0, pair.count, group_sizes[0], times[row]
        )
        if level > 0 or settings.full:
            p, rate = tail_p(groups, entity, level, at, u[row] if u.size else 0.5, settings)
            p_out[row] = p
        else:
            p, rate = 1.0, 1.0
            p_out[row] = 1.0

        if value.key == 0:
            add_value(value, value_key, times[row], sizes)
        if not known:
            note_spread(value, times[row], settings)
        if level > 0 and (p <= settings.keep_p or (not known and value.spreading > 0)):
            alone = 1 if settings.mode == INDIVIDUAL else 0
            seen = (group_sizes[entity.group] - alone, peer.entities, group_sizes[0] - alone, 1)
            emit(out, written, row, times[row], (entity, value, level), seen, p, rate)
            out[written].value = values[row]
            written += 1

        learn(groups, entity, level, at)
        value.observations += 1
        if not known:
            pair.key = pair_key
            sizes[0] += 1
            add_holder(value, peer, pair_code(np.int64(entity.group + 1), value_key), sizes)
        pair.hour = max(pair.hour, hour)
        pair.count += 1
    return times.size, written, DONE
