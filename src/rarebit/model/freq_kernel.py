"""The compiled loop of ``freq_rare``: rare values of a population, weighted by how often a member does them.

A member that does a thing few others do once an hour is not remarkable; one that does it in half of its events is.
Every event counts. When the count of one (member, value) in an hour reaches 1, 2, 4, 8, …, the probability is
Chernoff's bound of that many among the member's events of the hour, at the learnt rate of values as rare. The bound
is above the exact binomial tail, so it is a valid, slightly cautious p-value, and equals the rate for one event of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import pair_code
from rarebit.model.rare_kernel import (
    DONE,
    GROW,
    HOUR_US,
    MOST_HOURS,
    OUTPUT_FULL,
    POPULATION,
    Rows,
    add_entity,
    add_value,
    begin_pair,
    classify,
    emit,
    follow_group,
    group_of,
    join_scope,
    must_grow,
    remember,
    scope_size,
)
from rarebit.model.rates_kernel import enter_hour, learn, tail_p
from rarebit.model.spread_kernel import note_spread
from rarebit.model.tables import Table, compiled, slot_of


@compiled
def chernoff(count: int, events: int, rate: float) -> float:
    """Upper bound of P(X ≥ count) for X binomial of ``events`` trials at ``rate``; 1 where not above the mean."""
    share = count / events
    if share <= rate:
        return 1.0
    if rate <= 0.0:
        return 0.0
    divergence = share * np.log(share / rate)
    if share < 1.0:
        divergence += (1.0 - share) * np.log((1.0 - share) / (1.0 - rate))
    return float(np.exp(-events * divergence))


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
    """Score and learn rows from ``start``; the contract of :func:`rarebit.model.rare_kernel.run`."""
    times, members, values, peers, scopes, unlearnt = rows
    pairs, value_table, peer_table, member_table = tables
    group_keys, group_sizes = groups[5], groups[6]
    written = 0
    for row in range(start, times.size):
        if members[row] == 0 or values[row] == 0:
            continue
        if must_grow(tables, group_keys, sizes):
            return row, written, GROW
        if written == out.size:
            return row, written, OUTPUT_FULL
        hour = times[row] // HOUR_US
        scope = scopes[row] if scopes.size else np.int64(0)
        member_key = members[row] if scope == 0 else pair_code(scope, members[row])
        value_key = values[row] if scope == 0 else pair_code(scope, values[row])
        pair_key = pair_code(member_key, value_key)

        member = member_table[slot_of(member_table, member_key)]
        if member.key == 0:
            peer_code = peers[row] if peers.size else np.int64(0)
            group = group_of(members[row], peer_code, peer_map, group_keys, sizes[4])
            add_entity(member, member_key, group, hour, group_sizes, sizes)
            join_scope(peer_table, scope, group, sizes)
        follow_group(member, members[row], hour, scope, peer_map, peer_table, (groups, sizes))
        fleet = scope_size(peer_table, scope, 0, group_sizes)
        enter_hour(groups, member, hour, settings)
        pair = pairs[slot_of(pairs, pair_key)]
        value = value_table[slot_of(value_table, value_key)]
        peer = peer_table[slot_of(peer_table, pair_code(np.int64(member.group + 1), value_key))]
        known = pair.count > 0
        learns = unlearnt.size == 0 or unlearnt[row] == 0
        fresh = pair.key == 0 or pair.hour != hour
        if fresh:
            level, at = classify(
                POPULATION, known, value, peer.entities if peer.key != 0 else 0, pair.count, fleet, times[row]
            )
            pair.level = level * 64 + at
            pair.events = 0
            pair.hour = hour
            value.observations += int(learns)
        level, at = pair.level // 64, pair.level % 64
        pair.events += 1
        member.events += 1
        add_value(value, value_key, times[row], sizes)
        if not known and learns:
            note_spread(value, times[row], settings)
        if pair.events & (pair.events - 1) == 0:
            single, rate = tail_p(groups, member, level, at, u[row] if u.size else 0.5, settings)
            # A late row can count into an hour of the value that the member has left.
            p = chernoff(pair.events, max(pair.events, member.events), single)
            p_out[row] = p
            if level > 0 and (p <= settings.keep_p or (not known and value.spreading > 0)):
                peers_met = scope_size(peer_table, scope, member.group, group_sizes)
                seen = (peers_met, peer.entities, fleet, pair.events)
                emit(out, written, row, times[row], (member, value, level), seen, p, rate)
                out[written].entity = members[row]
                out[written].value = values[row]
                written += 1
        begin_pair(pair, pair_key, sizes)
        if learns:
            learn(groups, member, level, at)
            peer_key = pair_code(np.int64(member.group + 1), value_key)
            remember(pair, value, peer, member.group, peer_key, hour, sizes)
            pair.count = min(max(pair.count + int(fresh), 1), MOST_HOURS)
    return times.size, written, DONE
