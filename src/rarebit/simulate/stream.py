"""The events of a fleet from first to last, a few hours at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US
from rarebit.simulate.bulk import Everyday
from rarebit.simulate.rows import Ints, Rows, concat, in_order
from rarebit.simulate.world import World

_WINDOW_EVENTS: Final = 250_000
"""Events aimed at in one window; what is held in memory follows from it."""
_WINDOW_HOURS: Final = (24, 12, 8, 6, 4, 3, 2, 1)
DUPLICATES: Final = 0.001
"""Share of events that are sent twice with the same id."""
_LATE: Final = 0.004
"""Share of events that arrive minutes late."""
_VERY_LATE: Final = 0.0004
"""Share of events that arrive hours late."""


class Window(NamedTuple):
    """The events of one stretch of time, in time order."""

    day: int
    rows: Rows
    ingested: Ints
    versions: NDArray[np.int32]


class Outage(NamedTuple):
    """A host that reports nothing for a while."""

    host: int
    start_us: int
    end_us: int


def windows(
    world: World,
    everyday: Everyday,
    *,
    of_day: Callable[[int], Rows],
    planted: Rows,
    visible: Callable[[Rows], NDArray[np.bool_]],
) -> Iterator[Window]:
    """All events of the fleet.

    Parameters
    ----------
    world : World
        The fleet.
    everyday : Everyday
        Source of its everyday events.
    of_day : callable
        Further events that start on a day, given by its number; they may reach into later days.
    planted : Rows
        Events at fixed times.
    visible : callable
        Mask of the events that are reported at all.
    """
    hours = _window_hours(world)
    silent = outages(world, planted)
    pending = planted
    for day in range(world.days):
        pending = concat([pending, of_day(day)])
        for hour in range(0, 24, hours):
            start = world.start_us + day * DAY_US + hour * HOUR_US
            rows = concat([everyday.between(start, hours), pending])
            due = rows.ts < start + hours * HOUR_US
            pending, rows = rows.take(~due), rows.take(due)
            rows = in_order(_reported(rows.take(visible(rows)), silent))
            rng = world.random("transport", day * 24 + hour)
            rows = _with_duplicates(rng, rows)
            yield Window(day, rows, _arrival(rng, rows, world), world.versions_at(start))


def _window_hours(world: World) -> int:
    hourly = float(world.hourly.sum())
    return next((hours for hours in _WINDOW_HOURS if hours * hourly <= _WINDOW_EVENTS), 1)


def _reported(rows: Rows, silent: list[Outage]) -> Rows:
    lost = np.zeros(rows.size, np.bool_)
    for outage in silent:
        lost |= (rows.host == outage.host) & (rows.ts >= outage.start_us) & (rows.ts < outage.end_us)
    return rows.take(~lost) if lost.any() else rows


def outages(world: World, planted: Rows) -> list[Outage]:
    """Silences of sensors: a host in fifty a week, for hours to days; never on a host while something is planted."""
    out: list[Outage] = []
    for week in range((world.days + 6) // 7):
        rng = world.random("outage", week)
        for host in rng.choice(len(world.hosts), max(1, len(world.hosts) // 50), replace=False).tolist():
            start = world.start_us + week * 7 * DAY_US + int(rng.random() * 7 * DAY_US)
            end = start + int(np.clip(rng.lognormal(2.0, 1.0), 1, 96) * HOUR_US)
            on_host = planted.ts[planted.host == host]
            if not ((on_host >= start - DAY_US) & (on_host < end + DAY_US)).any():
                out.append(Outage(host, start, end))
    return out


def _with_duplicates(rng: np.random.Generator, rows: Rows) -> Rows:
    again = np.flatnonzero(rng.random(rows.size) < DUPLICATES)
    return rows.take(np.sort(np.concatenate([np.arange(rows.size), again])))


def _arrival(rng: np.random.Generator, rows: Rows, world: World) -> Ints:
    """When each event reached the store, by the store's clock."""
    skew = np.array([host.skew_us for host in world.hosts], np.int64)
    delay = 400_000 + rng.exponential(2e6, rows.size)
    draw = rng.random(rows.size)
    late, very_late = np.flatnonzero(draw < _LATE), np.flatnonzero(draw < _VERY_LATE)
    delay[late] += rng.exponential(4 * MINUTE_US, late.size)
    delay[very_late] += rng.exponential(6 * HOUR_US, very_late.size)
    arrival: Ints = rows.ts - skew[rows.host] + delay.astype(np.int64)
    return arrival
