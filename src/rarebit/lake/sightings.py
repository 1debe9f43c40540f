"""Sightings: one row a value, host and era, and how rows of several places are made one."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, parse_time
from rarebit.maths.hashing import pair_codes

ERA_DAYS: Final = 384
"""Days that one row tells apart: six words of 64."""
_WORDS: Final = ERA_DAYS // 64
_KEY: Final = ("code", "host", "era")
SIGHTING: Final = np.dtype(
    [
        ("trait", "i2"),
        ("code", "i8"),
        ("host", "i8"),
        ("era", "i2"),
        ("first_us", "i8"),
        ("last_us", "i8"),
        ("events", "i8"),
        *((f"days{word}", "u8") for word in range(_WORDS)),
    ]
)
"""A value (code of its text) on a host (code, 0 where the event names none or the host is forgotten) in an era: its
first and last event, their number, and a bit for each day of the era on which there was one."""

Sightings = NDArray[np.void]
Ints = NDArray[np.int64]
SCHEMA: Final = pa.schema([pa.field(name, pa.from_numpy_dtype(SIGHTING[name])) for name in SIGHTING.names or ()])


def of_day(trait: int, codes: Ints, hosts: Ints, day: int, spans: tuple[Ints, Ints, Ints]) -> Sightings:
    """Sightings of one day (days since 1970): first and last time and number of events of each row."""
    made = np.zeros(codes.size, SIGHTING)
    made["trait"], made["code"], made["host"] = trait, codes, hosts
    made["first_us"], made["last_us"], made["events"] = spans
    made["era"] = day // ERA_DAYS
    word, bit = divmod(day % ERA_DAYS, 64)
    made[f"days{word}"] = np.uint64(1) << np.uint64(bit)
    return made


def reduced(rows: Sightings) -> Sightings:
    """Rows of one trait: one for each code, host and era, in order of codes; the same whatever the order given."""
    if rows.size == 0:
        return rows
    ordered = rows[_order(rows)]
    starts = np.flatnonzero(changes(ordered, _KEY))
    if starts.size == ordered.size:
        return ordered
    made = ordered[starts]
    made["first_us"] = np.minimum.reduceat(ordered["first_us"], starts)
    made["last_us"] = np.maximum.reduceat(ordered["last_us"], starts)
    made["events"] = np.add.reduceat(ordered["events"], starts)
    for word in range(_WORDS):
        made[f"days{word}"] = np.bitwise_or.reduceat(ordered[f"days{word}"], starts)
    return made


def _order(rows: Sightings) -> Ints:
    """Places of the rows by code, then host and era, those of one host together.

    Sorting one column of 64 bits is many times quicker than sorting by three, so half of the bits of the host's code
    are taken for all of it, unless two hosts have these in common.
    """
    codes = np.ascontiguousarray(rows["code"])
    by_code = np.argsort(codes)
    risen = codes[by_code]
    runs = np.cumsum(risen[1:] != risen[:-1], dtype=np.uint64)
    if runs.size == 0 or runs[-1] == runs.size:
        return by_code
    hosts = np.ascontiguousarray(rows["host"]).view(np.uint64)[by_code] >> np.uint64(32)
    eras = rows["era"][by_code].astype(np.uint64) & np.uint64(0xFF)
    key = np.concatenate([np.zeros(1, np.uint64), runs]) << np.uint64(40) | hosts << np.uint64(8) | eras
    within = np.argsort(key)
    order: Ints = by_code[within]
    found, halves = rows["host"][order], key[within] >> np.uint64(8)
    same = halves[1:] == halves[:-1]
    if np.any(same & (found[1:] != found[:-1])) or runs[-1] >> np.uint64(24):
        return np.lexsort([rows[name] for name in reversed(_KEY)])
    return order


def aged(rows: Sightings, horizon_us: int) -> tuple[Sightings, int]:
    """Forget what was last seen before a time; also how many rows that took away.

    A value last seen before it anywhere is gone. A host that last showed a value before it is no longer told of, and
    its sightings stay with the value, whose first time and counts do not change.

    Parameters
    ----------
    rows : SIGHTING[n]
        As :func:`reduced` gives them; all rows of a value are among them.
    horizon_us : int
        Microseconds since 1970.
    """
    if rows.size == 0 or rows["last_us"].min() >= horizon_us:
        return rows, 0
    value_last = _last_of(rows, ("trait", "code"))
    host_last = _last_of(rows, ("trait", "code", "host"))
    kept = rows[value_last >= horizon_us]
    kept["host"][host_last[value_last >= horizon_us] < horizon_us] = 0
    made = reduced(kept)
    return made, rows.size - made.size


def _last_of(rows: Sightings, key: tuple[str, ...]) -> Ints:
    """Of each row, the last time of all rows with its key (int64[n])."""
    starts = changes(rows, key)
    last: Ints = np.maximum.reduceat(rows["last_us"], np.flatnonzero(starts))
    return np.asarray(last[np.cumsum(starts) - 1])


def rising(codes: Ints) -> tuple[Ints, Ints]:
    """Codes in order, each once, and a place of each (int64[m]); quicker than hashing them, as NumPy's unique does."""
    order = np.argsort(codes)
    ordered = codes[order]
    first = np.ones(codes.size, np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first], order[first]


def changes(rows: Sightings, key: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether each row of an ordered table has another key than the one before it; the first does."""
    differs = np.zeros(rows.size, np.bool_)
    differs[:1] = True
    for name in key:
        differs[1:] |= rows[name][1:] != rows[name][:-1]
    return differs


def summed(rows: Sightings) -> dict[str, Ints]:
    """What is known of each value over all hosts and eras; rows of one trait, as :func:`reduced` gives them.

    Returns
    -------
    dict
        ``code``, ``first_us``, ``last_us``, ``days``, ``events``, ``hosts``: int64[values], by rising code.
    """
    names = ("code", "first_us", "last_us", "days", "events", "hosts")
    if rows.size == 0:
        return {name: np.zeros(0, np.int64) for name in names}
    starts = np.flatnonzero(changes(rows, ("code",)))
    named = changes(rows, ("code", "host")) & (rows["host"] != 0)
    whole = rows.copy()
    whole["host"] = 0
    eras = reduced(whole)
    days = sum(np.bitwise_count(eras[f"days{word}"]).astype(np.int64) for word in range(_WORDS))
    return {
        "code": rows["code"][starts],
        "first_us": np.minimum.reduceat(rows["first_us"], starts),
        "last_us": np.maximum.reduceat(rows["last_us"], starts),
        "days": np.add.reduceat(days, np.flatnonzero(changes(eras, ("code",)))),
        "events": np.add.reduceat(rows["events"], starts),
        "hosts": np.add.reduceat(named.astype(np.int64), starts),
    }


def seen_between(rows: Sightings, first_day: Ints, last_day: Ints) -> NDArray[np.bool_]:
    """Whether each row has a day in ``[first_day, last_day)`` (int64[n], days since 1970)."""
    found = np.zeros(rows.size, np.bool_)
    for word in range(_WORDS):
        start = rows["era"].astype(np.int64) * ERA_DAYS + word * 64
        low, high = np.clip(first_day - start, 0, 64), np.clip(last_day - start, 0, 64)
        found |= (rows[f"days{word}"] & _below(high) & ~_below(low)) != 0
    return found


def _below(bits: Ints) -> NDArray[np.uint64]:
    """Words with the lowest so many bits set."""
    part = (np.uint64(1) << np.minimum(bits, 63).astype(np.uint64)) - np.uint64(1)
    return np.where(bits >= 64, np.uint64(0xFFFFFFFFFFFFFFFF), part)  # noqa: PLR2004 bits of a word


def first_sights(
    known: Sightings, codes: Ints, hosts: Ints | None, times_us: Ints, history_days: int | None
) -> NDArray[np.bool_]:
    """Which observations are the first of their value, on their host if hosts are given.

    Parameters
    ----------
    known : SIGHTING[k]
        All that is known of the values.
    codes, hosts, times_us : int64[n]
        What was observed, where and when; 0 is absent and never new.
    history_days : int, optional
        See :meth:`FirstSeen.new_since`.
    """
    rows = known.copy()
    if hosts is None:
        rows["host"], hosts = 0, np.zeros(codes.size, np.int64)
        present = codes != 0
    else:
        present = (codes != 0) & (hosts != 0)
    rows = reduced(rows)
    keys = pair_codes(np.ascontiguousarray(rows["code"]), np.ascontiguousarray(rows["host"]))
    order = np.argsort(keys, kind="stable")
    asked = pair_codes(codes, hosts)
    start, end = (np.searchsorted(keys[order], asked, side=side) for side in ("left", "right"))
    sizes = end - start
    own = np.repeat(np.arange(codes.size), sizes)
    at = order[np.arange(own.size) + np.repeat(start - (np.cumsum(sizes) - sizes), sizes)]
    first = np.full(codes.size, np.iinfo(np.int64).max)
    np.minimum.at(first, own, rows["first_us"][at])
    new = times_us <= first
    if history_days is not None:
        day = times_us // DAY_US
        recent = np.zeros(codes.size, np.bool_)
        seen = seen_between(rows[at], day[own] - history_days, day[own])
        recent[own[seen]] = True
        again = ~recent & (first // DAY_US < day) & _first_of_day(asked, day, times_us)
        new |= again
    new &= present
    found: NDArray[np.bool_] = new
    return found


def _first_of_day(keys: Ints, days: Ints, times_us: Ints) -> NDArray[np.bool_]:
    """Whether each row is the first of its key and day among the rows."""
    order = np.lexsort([times_us, days, keys])
    first = np.ones(keys.size, np.bool_)
    first[1:] = (np.diff(keys[order]) != 0) | (np.diff(days[order]) != 0)
    found = np.zeros(keys.size, np.bool_)
    found[order[first]] = True
    return found


def to_table(rows: Sightings) -> pa.Table:
    """Rows as columns."""
    return pa.table([np.ascontiguousarray(rows[name]) for name in SCHEMA.names], schema=SCHEMA)


def from_table(table: pa.Table) -> Sightings:
    """The rows of :func:`to_table`."""
    rows = np.zeros(table.num_rows, SIGHTING)
    for name in SCHEMA.names:
        rows[name] = table.column(name).to_numpy()
    return rows


def day_number(day: str) -> int:
    """Days since 1970 of ``YYYY-MM-DD``."""
    return parse_time(day) // DAY_US
