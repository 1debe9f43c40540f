"""Counts over a day and over a week: what is too slow, or too small, to be seen in a bucket.

Beside every bucket a series is looked at over about a day and about a week: decayed sums of what was counted and of
what was expected of each bucket before it came. Under the model the differences have mean 0 and know nothing of each
other, so the variances add up. How much more the sums really vary is learnt over all series. The three views share the
error between them (a weighted Bonferroni bound), so their joint p is valid under any dependence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincc

from rarebit.core.time import DAY_US
from rarebit.maths.count import P_FLOOR, learn
from rarebit.model.count_kernel import DAY_SEEN, LOOK
from rarebit.model.tables import State

WINDOWS: Final = (("day", DAY_US), ("week", 7 * DAY_US))
OWN: Final = 0.9
"""Part of the error that the bucket itself has,"""
SHARE: Final = 0.05
"""and each window."""
HIGH: Final = 1
LOW: Final = -1
_MOST: Final = 1e-3
_WORTH: Final = 5.0
"""Series that a spread of 1 is worth at first."""

Floats = NDArray[np.float64]


class Drift:
    """The windows of one model; the sums of each series lie beside it (``day_seen``, ``day_mean``, ``day_var``, …).

    Parameters
    ----------
    span_us : int
        Microseconds of a bucket; windows of less than two buckets are left out.
    side : int
        1 tells of more than expected, -1 of less, 0 of both.
    """

    def __init__(self, span_us: int, side: int) -> None:
        self._side = side
        self.windows = [(at, name) for at, (name, width) in enumerate(WINDOWS) if width >= 2 * span_us]
        """Place in :data:`WINDOWS` and name of each window that is looked at."""
        asked = {at for at, _ in self.windows}
        widths = enumerate(width for _, width in WINDOWS)
        self.decays = np.array([float(np.exp(-span_us / width)) if at in asked else 0.0 for at, width in widths])
        """What a bucket leaves of each of :data:`WINDOWS`; 0 where it is not looked at."""
        self._weekly = 7.0 * DAY_US / span_us
        self._spread = np.zeros((len(WINDOWS), 2))

    @property
    def inflation(self) -> Floats:
        """How much more the sums of each of :data:`WINDOWS` vary than the law of their counts says (float64[2])."""
        found = np.ones(len(WINDOWS))
        for row, (at, _) in enumerate(self.windows):
            told, weight = self._spread[row]
            found[at] = max(1.0, float((told + _WORTH) / (weight + _WORTH)))
        return found

    def note(self, squares: Floats, size: int) -> None:
        """Learn how much sums vary, from the squared deviations of so many series (float64[2])."""
        slowest = float(self.decays[self.windows[-1][0]])
        for row, (at, _) in enumerate(self.windows):
            new = np.array([float(squares[at]), float(size)]) * (1.0 - self.decays[at])
            self._spread[row] = learn(self._spread[row], new, decay=slowest)

    def tail(self, work: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """Probability that the windows of some cells have together, and the side of the oddest.

        ``work`` is float64[ROWS, n], as in :mod:`rarebit.model.count_kernel`.
        """
        least, side = np.ones(work.shape[1]), np.zeros(work.shape[1], np.int64)
        for at, _ in self.windows:
            row = DAY_SEEN + 3 * at
            p, z = self.window(work[row], work[row + 1], work[row + 2], self._side)
            less = p < least
            least[less], side[less] = p[less], np.where(z[less] > 0.0, HIGH, LOW)
        return least / SHARE, side

    def told(self, p: Floats, own: Floats, known: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
        """Which of some cells drift, and which of these are told of (bool[2, n]).

        A drift is told once, when it is expected less than once a week; not where its buckets told of it (``own`` is
        the p of each bucket), nor where that is ``known``. ``size`` is the number of all cells.
        """
        level = min(1.0 / (self._weekly * max(size, 1)), _MOST)
        beyond = p <= level
        return np.stack([beyond, beyond & ~known & (own > level)])

    @staticmethod
    def window(seen: Floats, mean: Floats, variance: Floats, side: int) -> tuple[Floats, Floats]:
        """Probability of a window's sum, as of a gamma law of its mean and variance; and its standard deviations."""
        p = np.ones(seen.size)
        z = (seen - mean) / np.sqrt(np.maximum(variance, P_FLOOR))
        wide = {HIGH: z > LOOK, LOW: z < -LOOK}.get(side, np.abs(z) > LOOK)
        rows = np.flatnonzero(wide & (mean > 0.0))
        p[rows] = window_p(seen[rows], mean[rows], variance[rows], both=side == 0)
        return p, z

    def to_state(self) -> State:
        """Memory as named arrays."""
        return {"spread": self._spread.copy()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""
        self._spread = np.array(state["spread"])


def window_p(seen: Floats, mean: Floats, variance: Floats, *, both: bool) -> Floats:
    """P of as much or more (as little or less, where ``seen`` is below ``mean``), by a gamma law; twice it for both."""
    shape = mean**2 / variance
    at = shape * np.maximum(seen, 0.0) / mean
    p = np.where(seen > mean, gammaincc(shape, at), gammainc(shape, at))
    found: Floats = np.clip(p * (2.0 if both else 1.0), P_FLOOR, 1.0)
    return found
