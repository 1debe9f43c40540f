"""Which events the lake already has: a set of id codes for each day, loaded when the day is first touched."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, day_of
from rarebit.maths.hashing import CodeSet

Load = Callable[[str], NDArray[np.int64]]
BYTES_A_CODE: Final = 32
"""The most a code takes in a :class:`CodeSet`."""


class SeenIds:
    """Set of (day, id code), exact, bounded in memory.

    Parameters
    ----------
    load : callable
        Gives the codes (int64[n]) of everything appended so far on a day, written or still buffered.
    budget : int
        Bytes for all days together. Beyond it the days used longest ago are dropped and loaded anew when
        they come again: slower, never wrong. The day in use is always kept.
    """

    def __init__(self, load: Load, budget: int) -> None:
        self._load = load
        self._budget = budget
        self._days: OrderedDict[int, CodeSet] = OrderedDict()
        self.reloads = 0
        """How often a day was loaded that had been dropped for want of memory."""
        self._dropped: set[int] = set()

    def add(self, times_us: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Add ids; True where one was not there before (first sight first).

        Parameters
        ----------
        times_us : int64[n]
            Microseconds since 1970.
        codes : int64[n]
            Id codes, none 0.
        """
        days = times_us // DAY_US
        if days.size == 0:
            return np.zeros(0, np.bool_)
        if days[0] == days[-1] and days.min() == days.max():
            return self._of(int(days[0])).add(codes)
        fresh = np.empty(codes.size, np.bool_)
        for day in np.unique(days):
            rows = np.flatnonzero(days == day)
            fresh[rows] = self._of(int(day)).add(codes[rows])
        return fresh

    def _of(self, day: int) -> CodeSet:
        held = self._days.get(day)
        if held is None:
            codes = self._load(day_of(day * DAY_US))
            held = CodeSet(max(codes.size, 1 << 12))
            held.add(codes)
            self._days[day] = held
            self.reloads += day in self._dropped
            self._shrink()
        self._days.move_to_end(day)
        return held

    def _shrink(self) -> None:
        while len(self._days) > 1 and sum(map(len, self._days.values())) * BYTES_A_CODE > self._budget:
            day, _ = self._days.popitem(last=False)
            self._dropped.add(day)
