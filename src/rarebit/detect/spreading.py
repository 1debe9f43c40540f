"""Stretches of first sights that became rollouts, as a job's stream remembers them."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.findings import differs
from rarebit.model.tables import Table


class Spreading:
    """Rollouts of one group of detectors: how many entities joined each, and when the last did."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], tuple[int, int]] = {}

    def note(self, found: Table) -> None:
        """Keep the stretches that findings (FOUND[n]) say became rollouts, and how many entities have joined them."""
        rows = np.flatnonzero(found["spreading"] > 0)
        if rows.size == 0:
            return
        values, windows, joined, times = (found[name][rows] for name in ("value", "window_us", "joined", "time_us"))
        order = np.lexsort((windows, values))
        values, windows = values[order], windows[order]
        starts = np.flatnonzero(differs(values) | differs(windows))
        ends = order[np.append(starts[1:], order.size) - 1]
        most_joined = np.maximum.reduceat(joined[order], starts)
        keys = zip(values[starts].tolist(), windows[starts].tolist(), strict=True)
        for key, most, last_us in zip(keys, most_joined.tolist(), times[ends].tolist(), strict=True):
            self._held[key] = (max(self._held.get(key, (0, 0))[0], most), last_us)

    def forget(self, before_us: int) -> None:
        """Let go those whose last entity joined before a time."""
        self._held = {key: seen for key, seen in self._held.items() if seen[1] >= before_us}

    def holds(self, found: Table) -> NDArray[np.bool_]:
        """Which findings belong to one of them (bool[n])."""
        member = np.zeros(found.size, np.bool_)
        if not self._held:
            return member
        known = np.array(sorted(self._held), np.int64)  # by value, then by start
        values, firsts, numbers = np.unique(known[:, 0], return_index=True, return_counts=True)
        at = np.minimum(np.searchsorted(values, found["value"]), values.size - 1)
        rows = np.flatnonzero(values[at] == found["value"])
        first, last = firsts[at[rows]], (firsts + numbers)[at[rows]] - 1
        starts = found["window_us"][rows]
        for step in range(int(numbers.max())):  # few stretches of one value are remembered at a time
            member[rows] |= known[np.minimum(first + step, last), 1] == starts
        return member

    def joined(self, key: tuple[int, int]) -> tuple[int, int]:
        """Entities that joined one (value code, start of its stretch), and the time of the last."""
        return self._held[key]

    def to_state(self) -> NDArray[np.int64]:
        """Value code, start of the stretch, entities joined, time of the last (int64[n, 4])."""
        rows = [(*key, *seen) for key, seen in sorted(self._held.items())]
        return np.array(rows, np.int64).reshape(-1, 4)

    def load_state(self, rows: NDArray[np.int64]) -> Self:
        """Take what :meth:`to_state` gave."""
        self._held = {(a, b): (c, d) for a, b, c, d in rows.tolist()}
        return self
