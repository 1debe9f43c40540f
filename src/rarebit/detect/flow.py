"""The flow of a job's events: hours in which far fewer came than ever at that hour, which may be gaps in the data."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.model.tables import State

DAYS: Final = 14
"""An hour is compared with the same hour of so many days before."""
LEAST_DAYS: Final = 3
"""Of which so many must be known."""
BUSY: Final = 30
"""Events that the least busy of them had: below that, none or few say nothing."""
FEWER: Final = 20
"""So many times fewer than the least busy of them is far fewer."""
SHORTEST_HOURS: Final = 2
_UNKNOWN: Final = -1
_HOURS: Final = 24 * DAYS


class Gap(NamedTuple):
    """A stretch of hours with none or far fewer events than ever before at these hours."""

    start_us: int
    end_us: int
    events: int
    least: int
    """The fewest that the same hours had in the days before, added up."""


class Flow:
    """Events an hour over the last days. The same rows give the same gaps, however they are cut."""

    def __init__(self) -> None:
        self._hour = -1
        self._count = 0
        self._held = np.full(_HOURS, _UNKNOWN, np.int64)
        self._open = [-1, 0, 0]
        self._found: list[Gap] = []

    def add(self, times_us: NDArray[np.int64]) -> None:
        """Count events (int64[n], microseconds, in order); one that comes late counts in the hour that is open."""
        if times_us.size == 0:
            return
        hours = np.maximum.accumulate(np.maximum(times_us // HOUR_US, self._hour))
        edges = [0, *(np.flatnonzero(hours[1:] != hours[:-1]) + 1).tolist(), hours.size]
        for begin, end in pairwise(edges):
            self._close_until(int(hours[begin]))
            self._count += end - begin

    def take_gaps(self) -> list[Gap]:
        """Gaps that have ended since the last call."""
        found, self._found = self._found, []
        return found

    def to_state(self) -> State:
        """Memory as named arrays; gaps not taken are not in it."""
        return {"marks": np.array([self._hour, self._count, *self._open], np.int64), "hours": self._held.copy()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`."""
        self._hour, self._count, *self._open = map(int, state["marks"])
        self._held = np.array(state["hours"], np.int64)
        return self

    def _close_until(self, hour: int) -> None:
        if self._hour < 0:
            self._hour = hour
        for _ in range(min(hour - self._hour, _HOURS)):
            self._close()
            self._hour += 1
        if self._hour < hour:  # nothing is left to compare with
            self._held[:] = _UNKNOWN
            self._hour = hour

    def _close(self) -> None:
        """Judge the open hour, then keep it; one of a gap is not kept, so that a gap does not become the rule."""
        at = self._hour % _HOURS
        same = self._held[self._hour % 24 :: 24]
        same = same[same != _UNKNOWN]
        least = int(same.min()) if same.size >= LEAST_DAYS else 0
        few = least >= BUSY and self._count * FEWER <= least
        if few or (self._open[0] >= 0 and self._count == 0):
            start = self._hour if self._open[0] < 0 else self._open[0]
            self._open = [start, self._open[1] + self._count, self._open[2] + least]
        elif self._open[0] >= 0:
            start, events, fewest = self._open
            if self._hour - start >= SHORTEST_HOURS:
                self._found.append(Gap(start * HOUR_US, self._hour * HOUR_US, events, fewest))
            self._open = [-1, 0, 0]
        self._held[at] = _UNKNOWN if self._open[0] >= 0 else self._count
        self._count = 0
