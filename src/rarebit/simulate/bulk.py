"""The everyday events of all hosts in one stretch of time."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.simulate.activity import Columns, Kind
from rarebit.simulate.clock import site_levels
from rarebit.simulate.mixture import BACKGROUND, END_SHARE, PEOPLE
from rarebit.simulate.people import Who
from rarebit.simulate.rows import Ints, Rows, concat, make_rows
from rarebit.simulate.world import World

_BURST: Final = (2.0, 8.0)
"""Gamma shapes of the hour-to-hour burstiness of people and of background work."""
_ABSENT: Final = 0.07
"""Chance that the owner of a desk is away for a whole day."""
_LIFE: Final = (3.2, 2.0)
"""Log-mean and log-sigma of the seconds a process lives."""


class Everyday:
    """Draws the everyday events of a world.

    Parameters
    ----------
    world : World
        The fleet.
    columns : Columns
        Its activity table.
    """

    def __init__(self, world: World, columns: Columns) -> None:
        self._world = world
        self._columns = columns
        self._fixed = world.fixed_users()
        self._first_machine = len(world.users) - len(world.hosts)
        self._desk = np.array([host.role in {"workstation", "developer"} for host in world.hosts])

    def between(self, start_us: int, hours: int) -> Rows:
        """Events from ``start_us`` on for so many hours; ends of processes may come later. Not sorted."""
        rng = self._world.random("everyday", (start_us - self._world.start_us) // HOUR_US)
        levels = np.stack([site_levels(self._world.start_us, start_us + h * HOUR_US) for h in range(hours)])
        return concat([self._class(rng, side, start_us, levels) for side in (PEOPLE, BACKGROUND)])

    def _class(self, rng: np.random.Generator, side: int, start_us: int, levels: NDArray[np.float64]) -> Rows:
        world = self._world
        level = levels[:, world.site, world.profile[:, side]].T
        mean = world.hourly[:, side, None] * level * rng.gamma(_BURST[side], 1 / _BURST[side], level.shape)
        mean *= self._present(side, start_us)[:, None]
        counts = rng.poisson(mean)
        cell = np.repeat(np.arange(counts.size, dtype=np.int32), counts.ravel())
        hour = cell % counts.shape[1]
        host = cell // np.int32(counts.shape[1])
        ts = start_us + ((hour + rng.random(cell.size)) * HOUR_US).astype(np.int64)
        return self.events(rng, ts, host, world.mixes[side].draw(rng, host))

    def events(
        self,
        rng: np.random.Generator,
        ts: Ints,
        host: NDArray[np.int32],
        act: NDArray[np.int32],
        *,
        person: NDArray[np.int32] | None = None,
        mark: Ints | None = None,
    ) -> Rows:
        """Rows of activities with their accounts, and the ends of the processes among them.

        Hosts and people that have not joined yet do nothing. ``person`` (int32[n]) stands in for the people of
        the host; ``mark`` (int64[n], 24 bits) settles what fresh names are made of, so that they can recur.
        """
        user, peer = self.accounts(rng, host, act, person)
        rows = make_rows(rng, ts, host, user, act, peer=peer)
        if mark is not None:
            rows = rows._replace(key=rows.key & ~np.int64(0xFFFFFF) | mark)
        rows = rows._replace(key=np.where(self._columns.kind[act] == Kind.START, rows.key, 0))
        world = self._world
        rows = rows.take(rows.ts >= np.maximum(world.joined[rows.host], world.hired[rows.user]))
        return concat([rows, self._ends(rng, rows)])

    def _present(self, side: int, start_us: int) -> NDArray[np.float64]:
        """1 for each host whose people are there on that day, and their diligence; 1 for background work."""
        world = self._world
        out = np.ones(len(world.hosts))
        if side == PEOPLE:
            day = world.random("presence", (start_us - world.start_us) // DAY_US)
            mood = np.exp(0.25 * day.standard_normal(out.size) - 0.03)
            there = (day.random(out.size) >= _ABSENT) / (1 - _ABSENT)
            out = np.where(self._desk, there, 1.0) * mood
        return out

    def accounts(
        self,
        rng: np.random.Generator,
        host: NDArray[np.int32],
        act: NDArray[np.int32],
        person: NDArray[np.int32] | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Account of each event, and the host it came from (-1 for none)."""
        world, who = self._world, self._columns.who[act]
        user = self._fixed[who]
        for role, source in ((Who.SERVICE, world.service), (Who.DAEMON, world.daemon)):
            at = np.flatnonzero(who == role)
            user[at] = source[host[at]]
        at = np.flatnonzero(who == Who.MACHINE)
        user[at] = self._first_machine + host[at]
        for role, choice in ((Who.PERSON, world.resident_lookup), (Who.VISITOR, world.visitor_lookup)):
            at = np.flatnonzero(who == role)
            user[at] = choice.draw(rng, host[at]) if person is None else person[at]
        remote = (who == Who.VISITOR) | self.is_remote(act)
        return user, np.where(remote, world.main_host[user], np.int32(-1))

    def is_remote(self, act: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether an activity is a logon from another host."""
        kind, logon_type = self._columns.kind[act], self._columns.codes["logon_type"][act]
        types = [self._world.pool.add(text) for text in ("3", "10")]
        return np.isin(kind, (Kind.LOGON, Kind.LOGON_FAILED)) & np.isin(logon_type, types)

    def _ends(self, rng: np.random.Generator, rows: Rows) -> Rows:
        starts = np.flatnonzero(self._columns.kind[rows.act] == Kind.START)
        ended = rows.take(starts[rng.random(starts.size) < END_SHARE])
        return ends(rng, ended, self._columns.size)


def ends(rng: np.random.Generator, rows: Rows, size: int) -> Rows:
    """The ends of started processes, after log-normal lifetimes of up to an hour."""
    life: Ints = (np.minimum(rng.lognormal(*_LIFE, rows.size), 3600.0) * 1e6).astype(np.int64) + 1000
    return rows._replace(
        ts=rows.ts + life,
        act=rows.act + np.int32(size),
        eid=rng.integers(1, 1 << 62, rows.size, dtype=np.int64),
    )
