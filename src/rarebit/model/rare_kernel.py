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

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import pair_code
from rarebit.model.rates_kernel import LEVELS as LEVELS  # noqa: PLC0414 part of this module's words
from rarebit.model.rates_kernel import enter_hour, learn, log2_bin, settle_hour, tail_p
from rarebit.model.spread_kernel import note_spread
from rarebit.model.tables import FOREVER, Table, compiled, expect, inlined, slot_of

INDIVIDUAL: Final = 0
FLEET: Final = 1
POPULATION: Final = 2

HOUR_US: Final = 3_600_000_000
WARMING: Final = 7 * 24
"""Hours in which what a group that entities moved into has not shown yet counts as known to it: it is being counted."""
MOST_HOURS: Final = 2**15 - 1
NEWS_US: Final = 7 * 24 * HOUR_US
"""So long a value of ``FLEET`` counts as found already."""

AHEAD: Final = 8
"""So many rows ahead the memory of a pair is asked for; that it is not there costs more than all else of a row."""

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

Codes = NDArray[np.int64]
Rows = tuple[Codes, Codes, Codes, Codes, Codes, Codes]
"""Times, entities, values, peers, scopes (empty where there are none), and which are not learnt (empty: all are)."""

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


@compiled
def emit(out: Any, at: int, row: int, time_us: int, found: Any, seen: Any, p: float, rate: float) -> None:
    """Write one candidate: ``found`` is (entity, value, level), ``seen`` the counts beside it."""
    entity, value, level = found
    peers, peers_with, fleet, events = seen
    record = out[at]
    record.row = row
    record.time_us = time_us
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


@inlined
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
    at = log2_bin(others)
    if others == 0:
        level = 3
    elif 2 * value.entities >= fleet or (mode == FLEET and time_us - value.first_us < NEWS_US):
        level = 0
    elif at <= (2 if mode == FLEET else 1):
        level = 2
    else:
        level = 1 if at <= (5 if mode == FLEET else 3) else 0
    return level, at


@compiled
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


@compiled
def must_grow(tables: Any, group_keys: NDArray[np.int64], sizes: NDArray[np.int64]) -> bool:
    """Whether one more row could make a table more than half full, or leave no place for a peer group."""
    return bool(
        2 * (sizes[0] + 1) > tables[0].size
        or 2 * (sizes[1] + 1) > tables[1].size
        or 2 * (sizes[2] + 3) > tables[2].size
        or 2 * (sizes[3] + 1) > tables[3].size
        or sizes[4] + 1 > group_keys.size
    )


@compiled
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


@inlined
def scope_size(peer_table: Table, scope: int, group: int, group_sizes: Any) -> int:
    """Entities of a group (0: of the fleet) seen in a scope.

    Those of a partition are counted beside the peers' values, under a code that no group has.
    """
    if scope == 0:
        return int(group_sizes[group])
    held = peer_table[slot_of(peer_table, pair_code(np.int64(-1 - group), scope))]
    return int(held.entities)


@compiled
def add_to_scope(peer_table: Table, group: int, scope: int, sizes: Any) -> None:
    """Count one more entity of a group in a scope."""
    key = pair_code(np.int64(-1 - group), scope)
    held = peer_table[slot_of(peer_table, key)]
    if held.key == 0:
        held.key = key
        held.hour = FOREVER
        sizes[2] += 1
    held.entities += 1


@compiled
def join_scope(peer_table: Table, scope: int, group: int, sizes: Any) -> None:
    """Count a new entity in its scope, if it has one: in the fleet and in its peer group."""
    if scope == 0:
        return
    for member_of in range(0, group + 1, max(group, 1)):
        add_to_scope(peer_table, member_of, scope, sizes)


@compiled
def add_value(value: Any, key: int, time_us: int, sizes: Any) -> None:
    """Begin a value, if the fleet never had it."""
    if value.key == 0:
        value.key = key
        value.first_us = time_us
        sizes[1] += 1


@compiled
def follow_group(
    entity: Any, code: np.int64, hour: int, scope: int, peer_map: Any, peer_table: Table, held: Any
) -> None:
    """Move an entity to the peer group that the map names by now; ``held`` is (groups, sizes).

    What it showed before stays counted in the group it leaves, and so does the entity: a group's numbers are of all
    that were ever in it. In its new group a value counts from its next sight on.
    """
    groups, sizes = held
    keys, named = peer_map
    if keys.size == 0 or hour <= entity.hour:
        return
    at = np.searchsorted(keys, code)
    if at >= keys.size or keys[at] != code or groups[5][entity.group] == named[at]:
        return
    group = group_of(code, np.int64(0), peer_map, groups[5], sizes[4])
    settle_hour(groups, entity)
    if group == sizes[4]:
        groups[7][group] = hour
        sizes[4] = group + 1
    entity.group = group
    groups[6][group] += 1
    if scope != 0:
        add_to_scope(peer_table, group, scope, sizes)


@inlined
def known_to_peers(groups: Any, group: int, hour: int, peer: Any, value: Any) -> int:
    """How many peers have a value; at least 1 of what the fleet has, while a new group's values are being counted."""
    warming = group > 0 and groups[7][group] >= 0 and hour - groups[7][group] < WARMING
    return int(max(peer.entities, 1 if warming and value.entities > 0 else 0))


@compiled
def add_peer(peer: Any, peer_key: int, sizes: Any) -> None:
    """Count one more entity that has the value in its peer group."""
    if peer.key == 0:
        peer.key = peer_key
        sizes[2] += 1
    peer.entities += 1


@inlined
def begin_pair(pair: Any, key: int, sizes: NDArray[np.int64]) -> None:
    """Make room for what will be known of an entity and a value; a pair whose ``count`` is 0 was never learnt."""
    if pair.key == 0:
        pair.key = key
        sizes[0] += 1


@inlined
def remember(pair: Any, value: Any, peer: Any, group: int, peer_key: int, hour: int, sizes: NDArray[np.int64]) -> None:
    """Learn that the pair's entity, now of this group, has the value, and that the value was seen in the hour."""
    if pair.count == 0:
        value.entities += 1
    if pair.count == 0 or pair.group != group:
        pair.group = group
        add_peer(peer, peer_key, sizes)
    peer.hour = max(peer.hour, hour)
    value.hour = max(value.hour, hour)


@compiled
def look_ahead(
    pairs: Table, entities: NDArray[np.int64], values: NDArray[np.int64], scopes: NDArray[np.int64], row: int
) -> None:
    """Ask for the memory of the pair of a row to come."""
    if row < entities.size and scopes.size == 0:
        expect(pairs, pair_code(entities[row], values[row]))


@compiled
def run(
    rows: Rows,
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
    times, entities, values, peers, scopes, unlearnt = rows
    pairs, value_table, peer_table, entity_table = tables
    group_keys, group_sizes = groups[5], groups[6]
    written = 0
    for row in range(start, times.size):
        look_ahead(pairs, entities, values, scopes, row + AHEAD)
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
            join_scope(peer_table, scope, group, sizes)
        follow_group(entity, entities[row], hour, scope, peer_map, peer_table, (groups, sizes))
        fleet = scope_size(peer_table, scope, 0, group_sizes)
        enter_hour(groups, entity, hour, settings)

        value = value_table[slot_of(value_table, value_key)]
        peer = peer_table[slot_of(peer_table, pair_code(np.int64(entity.group + 1), value_key))]
        known = pair.count > 0
        learns = unlearnt.size == 0 or unlearnt[row] == 0
        peers_with = known_to_peers(groups, entity.group, hour, peer, value)
        level, at = classify(settings.mode, known, value, peers_with, pair.count, fleet, times[row])
        if level > 0 or settings.full:
            p, rate = tail_p(groups, entity, level, at, u[row] if u.size else 0.5, settings)
            p_out[row] = p
        else:
            p, rate = 1.0, 1.0
            p_out[row] = 1.0

        add_value(value, value_key, times[row], sizes)
        if not known and learns:
            note_spread(value, times[row], settings)
        if level > 0 and (p <= settings.keep_p or (not known and value.spreading > 0)):
            alone = 1 if settings.mode == INDIVIDUAL else 0
            peers_met = scope_size(peer_table, scope, entity.group, group_sizes)
            seen = (peers_met - alone, peer.entities, fleet - alone, 1)
            emit(out, written, row, times[row], (entity, value, level), seen, p, rate)
            out[written].entity = entities[row]
            out[written].value = values[row]
            written += 1

        begin_pair(pair, pair_key, sizes)
        pair.hour = max(pair.hour, hour)
        if learns:
            learn(groups, entity, level, at)
            peer_key = pair_code(np.int64(entity.group + 1), value_key)
            remember(pair, value, peer, entity.group, peer_key, hour, sizes)
            value.observations += 1
            pair.count = min(pair.count + 1, MOST_HOURS)
    return times.size, written, DONE
