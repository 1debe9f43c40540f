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
from rarebit.maths.count import P_FLOOR, Predicted, learn
from rarebit.model.tables import State, Table

WINDOWS: Final = (("day", DAY_US), ("week", 7 * DAY_US))
OWN: Final = 0.9
"""Part of the error that the bucket itself has,"""
SHARE: Final = 0.05
"""and each window."""
HIGH: Final = 1
LOW: Final = -1
_LOOK: Final = 2.0
"""Standard deviations from which on a window's probability is worked out; below, it is given as 1."""
_CALM: Final = 1.0
"""Within so many, a drift that was told of is over: gone, or become the rule."""
_MOST: Final = 1e-3
_CLEAR: Final = 9.0
"""Squared deviations beyond this count as this in what is learnt of their spread."""
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
        self._windows = [(name, float(np.exp(-span_us / width))) for name, width in WINDOWS if width >= 2 * span_us]
        self._weekly = 7.0 * DAY_US / span_us
        self._spread = np.zeros((len(WINDOWS), 2))

    def judge(self, cells: Table, series: Table, counted: Floats, law: Predicted) -> None:
        """Add a bucket to the windows, and put what they say to its cells.

        Parameters
        ----------
        cells : CELL[n]
            With the bucket's own ``p``, which becomes the joint one; changed in place.
        series : SERIES[n]
            Their series; changed in place.
        counted : float64[n]
            What the bucket is learnt to have held.
        law : Predicted
            What was expected of it.
        """
        if not self._windows:
            return
        variance = law.mean + law.mean**2 / law.shape
        calm = np.ones(cells.size, np.bool_)
        least, side = np.ones(cells.size), np.zeros(cells.size, np.int64)
        for at, (name, decay) in enumerate(self._windows):
            for part, new, left in (("seen", counted, decay), ("mean", law.mean, decay), ("var", variance, decay**2)):
                series[f"{name}_{part}"] = learn(series[f"{name}_{part}"], new, decay=left)
            seen, mean = series[f"{name}_seen"], series[f"{name}_mean"]
            spread = series[f"{name}_var"] * self._inflation(at)
            p, z = self._tail(seen, mean, spread)
            self._note(at, (seen - mean) ** 2 / np.maximum(series[f"{name}_var"], P_FLOOR), decay)
            calm &= np.abs(z) < _CALM
            less = p < least
            least[less], side[less] = p[less], np.where(z[less] > 0.0, HIGH, LOW)
            for part, value in (("seen", seen), ("mean", mean), ("var", spread), ("p", p)):
                cells[f"{name}_{part}"] = value
        self._tell(cells, series, calm, least / SHARE, side)

    def _tell(self, cells: Table, series: Table, calm: NDArray[np.bool_], p: Floats, side: NDArray[np.int64]) -> None:
        """A drift is told once, when it is expected less than once a week; not where its buckets told of it."""
        level = min(1.0 / (self._weekly * max(cells.size, 1)), _MOST)
        own = np.minimum(cells["p"] / OWN, 1.0)
        beyond = p <= level
        known = (series["drift"] > 0) | (series["quiet"] > 0) | (own <= level)
        telling = beyond & ~known
        series["drift"] = np.where(series["drift"] > 0, ~calm, beyond)
        cells["share"], cells["drift"] = OWN, telling
        cells["side"][telling] = side[telling]
        cells["p"] = np.where(np.isnan(cells["p"]), np.nan, np.where(telling, np.minimum(own, p), own))

    def _tail(self, seen: Floats, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Probability of a window's sum, as of a gamma law of its mean and variance; and its standard deviations."""
        p = np.ones(seen.size)
        z = (seen - mean) / np.sqrt(np.maximum(variance, P_FLOOR))
        wide = {HIGH: z > _LOOK, LOW: z < -_LOOK}.get(self._side, np.abs(z) > _LOOK)
        rows = np.flatnonzero(wide & (mean > 0.0))
        p[rows] = window_p(seen[rows], mean[rows], variance[rows], both=self._side == 0)
        return p, z

    def _inflation(self, at: int) -> float:
        told, weight = self._spread[at]
        return max(1.0, float((told + _WORTH) / (weight + _WORTH)))

    def _note(self, at: int, squares: Floats, decay: float) -> None:
        new = float(np.minimum(squares, _CLEAR).sum()), float(squares.size)
        self._spread[at] = learn(self._spread[at], np.array(new) * (1.0 - decay), decay=self._windows[-1][1])

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
