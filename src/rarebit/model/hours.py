"""The hours model: how odd it is that a series is active at this hour of the day, or of the week.

An observation is a series in an hour; further events within it are not evidence. It is judged when its step of time
closes, and learnt when its hour does, unless the fleet was far less active than usual: a holiday teaches nothing. A
count halves in a week of the series' active hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.model.hours_open import SIGHT, OpenStep
from rarebit.model.hours_pace import Pace
from rarebit.model.hours_series import Profiles, cell_type
from rarebit.model.peer_map import PeerMap
from rarebit.model.tables import State, Table, under

_SURPRISING: Final = 0.4999
"""Hours at least as likely as half of them are never handed out."""
_NONE: Final = np.zeros(0, np.int64)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HoursSettings:
    """What an hours model looks at, and what it takes into account."""

    bins: int
    """Hours of a day (24) or of a week (168)."""
    step_us: int
    """Microseconds after which what was seen is judged; a part of an hour."""
    half_life_hours: float = 168.0
    memory_bytes: int = 1 << 30
    prune_us: int | None = None
    """Series not seen for so long before the newest are forgotten, and counted in ``pruned``."""
    pool: bool = True
    """False leaves each series to itself: no profile of its peers."""


class HoursModel:
    """State of one detector's model of hours."""

    def __init__(self, settings: HoursSettings) -> None:
        self.settings = settings
        self.keep_p = 0.05
        self.late = 0
        self.too_late = 0
        self.cell = cell_type(settings.bins)
        self._open = OpenStep()
        self._pace = Pace()
        self._waiting: list[Table] = []
        self._peers = PeerMap({})
        self._profiles = Profiles(
            settings.bins,
            decay=2.0 ** (-1.0 / settings.half_life_hours),
            memory_bytes=settings.memory_bytes,
            pool=settings.pool,
        )

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; series already known keep their group."""
        self._peers = PeerMap(peer_of)

    def score_and_learn(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        *,
        entities: Ints = _NONE,
        peers: Ints = _NONE,
        hidden: Ints = _NONE,
        unlearnt: Ints = _NONE,
    ) -> tuple[Table, int]:
        """Gather rows in the order given; judge and learn every step and hour that they close.

        Parameters
        ----------
        times_us, ids, keys : int64[n]
            Event time, code of the event's id, code of its series; a row of series 0 only moves time on.
        entities, peers : int64[n], optional
            Code of the entity, looked up by :meth:`set_peers`; code of its peer group, where it is not listed.
        hidden, unlearnt : int64[n], optional
            Kept beside what a row gives; not 0 where it is not to be learnt.

        Returns
        -------
        cells : ``cell``[m]
            Surprising ones with p up to ``keep_p``. A row earlier than the open step is late, and judged in its own
            hour when the open step closes, up to 63 hours before its series was last seen; older ones are counted in
            ``too_late``.
        judged : int
            Observations judged.
        """
        if times_us.size == 0:
            return np.zeros(0, self.cell), 0
        sights = np.zeros(keys.size, SIGHT)
        sights["key"], sights["time_us"], sights["id"], sights["hour"] = keys, times_us, ids, times_us // HOUR_US
        sights["group"] = self._peers.groups_of(entities, peers if peers.size else np.zeros(keys.size, np.int64))
        if hidden.size:
            sights["hidden"], sights["unlearnt"] = hidden, unlearnt
        steps = times_us // self.settings.step_us
        now = np.maximum.accumulate(np.maximum(steps, self._open.step))
        self.late += int(np.count_nonzero((steps < now) & (keys != 0)))
        starts = np.flatnonzero(np.diff(now, prepend=now[0] - 1))
        cells, judged = [np.zeros(0, self.cell)], 0
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), now.size], strict=True):
            found, number = self._close_until(int(now[start]))
            cells.append(found)
            judged += number
            self._open.add(sights[start:end])
        return np.concatenate(cells), judged

    def start_day(self) -> None:
        """Refit shifts and hold the memory bound; call at each new day of event time."""
        prune_us = self.settings.prune_us
        self._profiles.start_day(self._now_hour(), None if prune_us is None else prune_us // HOUR_US)

    @property
    def series(self) -> Table:
        """The series held (SERIES[n]), by key."""
        return self._profiles.series

    @property
    def counts(self) -> dict[str, int]:
        """Number of series held, of those living in shifted hours, and hours not learnt for want of activity."""
        series = self.series
        shifted = int(np.count_nonzero(series["shift"]))
        return {"entities": series.size, "shifted": shifted, "frozen": self._pace.frozen}

    @property
    def shifts(self) -> tuple[Ints, Ints]:
        """Codes of the series, rising, and the hours by which each is ahead of UTC in the hours of its peers."""
        series = self.series
        return np.array(series["key"]), np.array(series["shift"], np.int64)

    @property
    def evicted(self) -> int:
        """Series dropped for want of memory."""
        return self._profiles.evicted

    @property
    def pruned(self) -> int:
        """Series forgotten as they were not seen for longer than the job keeps them."""
        return self._profiles.pruned

    @property
    def memory(self) -> int:
        """Bytes of the series."""
        return self._profiles.memory

    def group_codes(self) -> Ints:
        """Code of each peer group's name by group index; index 0 is no group."""
        return self._profiles.group_codes.copy()

    def to_state(self) -> State:
        """Memory as named arrays; equal memories give equal arrays."""
        state: State = {"marks": np.array([self.late, self.too_late], np.int64)}
        waiting = OpenStep()
        waiting.add(np.concatenate([np.zeros(0, SIGHT), *self._waiting]))
        for prefix, part in {**self._parts(), "waiting": waiting}.items():
            state |= {f"{prefix}.{name}": array for name, array in part.to_state().items()}
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        self.late, self.too_late = (int(mark) for mark in state["marks"])
        for prefix, part in self._parts().items():
            part.load_state(under(state, f"{prefix}."))
        waiting = OpenStep()
        waiting.load_state(under(state, "waiting."))
        self._waiting = [waiting.take()]
        return self

    def _parts(self) -> dict[str, OpenStep | Pace | Profiles]:
        return {"open": self._open, "pace": self._pace, "profiles": self._profiles}

    def _now_hour(self) -> int:
        return self._open.step * self.settings.step_us // HOUR_US

    def _close_until(self, step: int) -> tuple[Table, int]:
        """Close the open step, and its hour if it is over: what it tells, and how many observations were judged."""
        nothing = np.zeros(0, self.cell)
        if self._open.step == step:
            return nothing, 0
        before = self._now_hour()
        opened, self._open.step = self._open.step, step
        if opened < 0:
            return nothing, 0
        sights, too_late = self._profiles.unseen(self._open.take(), before)
        self.too_late += too_late
        cells = self._profiles.judge(sights)
        cells["seen_us"] = cells["time_us"]
        cells["bucket_us"] = cells["time_us"] - cells["time_us"] % self.settings.step_us
        self._profiles.note(sights)
        self._waiting.append(sights)
        if self._now_hour() != before:
            self._learn(before)
        told = (cells["p"] <= self.keep_p) & (cells["p"] < _SURPRISING)
        return cells[told], sights.size

    def _learn(self, hour: int) -> None:
        """Learn what was seen in an hour that is over, unless it was far too quiet."""
        sights = np.concatenate(self._waiting)
        self._waiting = []
        if self._pace.admits(hour, int(np.count_nonzero(sights["hour"] == hour))):
            self._profiles.learn(sights[sights["unlearnt"] == 0])
