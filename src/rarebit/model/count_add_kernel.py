"""Compiled loop that adds rows of one bucket up by series, in a table with a hash index beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rarebit.maths.hashing import mix64, pair_code
from rarebit.model.tables import compiled, inlined


@compiled
def fill_index(index: Any, table: Any, held: int) -> None:
    """Put the first ``held`` rows of a table into an empty index (int64[2^k]): place of a row by its key, plus one."""
    mask = np.uint64(index.size - 1)
    for row in range(held):
        slot = mix64(np.uint64(table[row].key)) & mask
        while index[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        index[slot] = row + 1


@compiled
def fill_set(slots: Any, codes: Any) -> None:
    """Put codes that differ, none of them 0, into an empty set (int64[2^k])."""
    mask = np.uint64(slots.size - 1)
    for row in range(codes.size):
        slot = mix64(np.uint64(codes[row])) & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = codes[row]


@inlined
def _place_of(index: Any, table: Any, held: Any, key: int) -> int:
    """Place of the series, which begins there if it is new."""
    mask = np.uint64(index.size - 1)
    slot = mix64(np.uint64(key)) & mask
    while index[slot] != 0 and table[index[slot] - 1].key != key:
        slot = (slot + np.uint64(1)) & mask
    if index[slot] == 0:
        table[held[0]].key = key
        held[0] += 1
        index[slot] = held[0]
    return int(index[slot] - 1)


@inlined
def _is_first(pairs: Any, held: Any, pair: int) -> bool:
    """Whether a pair was not in the set; it is now."""
    mask = np.uint64(pairs.size - 1)
    slot = mix64(np.uint64(pair)) & mask
    while pairs[slot] != 0 and pairs[slot] != pair:
        slot = (slot + np.uint64(1)) & mask
    if pairs[slot] == 0:
        pairs[slot] = pair
        held[1] += 1
        return True
    return False


@compiled
def add_rows(
    rows: Any, at: int, late: bool, distinct: bool, index: Any, table: Any, asked: Any, pairs: Any, held: Any
) -> int:
    """Add rows from ``at`` on; the place of the first that finds no room, or their number.

    Parameters
    ----------
    rows : tuple of int64[n] or int64[0]
        Times, ids, keys, groups, members, values, sizes, weights, entities, scopes and those whose group is sought,
        as :class:`~rarebit.model.count_open.CountRows` has them.
    late, distinct : bool
        Whether the rows come after their bucket; whether each value of a series counts once.
    index, table : int64[2^k], OPEN[2^(k-1)]
        What was added up so far, in no order.
    asked : int64[2, 2^(k-1)]
        Whom the group of a row is to be looked up of, and 1 where it was not yet.
    pairs : int64[2^k]
        Set of the (series, value) counted so far; half of it is the most that is used.
    held : int64[2]
        Rows in the table and codes in the set; changed in place.
    """
    times, ids, keys, groups, members, values, sizes, weights, entities, scopes, sought = rows
    for row in range(at, keys.size):
        key = keys[row]
        if key == 0:
            continue
        if held[0] == table.size or (distinct and 2 * held[1] >= pairs.size):
            return row
        place = _place_of(index, table, held, key)
        one = table[place]
        events = weights[row] if weights.size else 1
        counted = 0 if late else events
        if distinct and not late:
            first = values[row] != 0 and _is_first(pairs, held, pair_code(key, values[row]))
            counted = (sizes[row] if sizes.size else 1) if first else 0
        time, name = times[row], ids[row]
        begins = one.timely == 0 and (one.late == 0 or not late)
        tells = late == (one.timely == 0)
        if begins or (tells and (time < one.first_us or (time == one.first_us and name < one.first_id))):
            one.first_us, one.first_id = time, name
            one.group = groups[row] if groups.size else 0
            one.member = members[row] if members.size else key
            one.entity = entities[row] if entities.size else 0
            asked[0, place] = sought[row] if sought.size else 0
            asked[1, place] = 1
        if begins or (tells and (time > one.last_us or (time == one.last_us and name > one.last_id))):
            one.last_us, one.last_id = time, name
        one.count += counted
        one.late += events if late else 0
        one.timely += 0 if late else events
        if scopes.size:
            one.scopes |= scopes[row]
    return int(keys.size)
