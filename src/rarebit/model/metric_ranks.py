"""Where a law does not fit: ranks among what series of the group did, beyond the law's own probabilities.

Of every value is kept how deep it lay in its law: ``d = sqrt(-2 ln p)`` on either side, where p is the probability the
law gave. If the law fits, p is uniform. Where a Kolmogorov-Smirnov test says at 1e-3 that it is not, p is replaced by
the part of the group's values that lay as deep, and far out by a generalised Pareto law fitted to the deepest.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.count import P_FLOOR
from rarebit.maths.tail import fit_gpd_pwm
from rarebit.model.tables import State

STEP: Final = 0.05
BINS: Final = 752
"""Depths reach to 37.6: probabilities to 1e-300 and below."""
ENOUGH: Final = 1000.0
"""Values, decayed, before ranks say anything; a group with fewer goes by the fleet's."""
KS: Final = 1.9495
"""The Kolmogorov-Smirnov statistic, times the root of the number of values, that chance exceeds once in 1,000."""
DEEP: Final = 0.02
"""The deepest part of the values, at most, that the tail is fitted to;"""
FEW: Final = 200.0
"""so many of them, or a tenth of that part where it is more."""
_FADE: Final = 2.0 ** (-1.0 / 28.0)
"""What a day leaves of what was learnt: half after four weeks."""
_PRIOR_SHAPE: Final = 0.1
_PRIOR_EXCESS: Final = 0.4
"""Of a tail of which little is known; that of a normal law beyond two deviations is as long."""
_PRIOR_WORTH: Final = 20.0
_SAMPLE: Final = 2000
_EDGES: Final = STEP * np.arange(BINS + 1)
HIGH_SIDE: Final = 0
LOW_SIDE: Final = 1

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Tails(NamedTuple):
    """How each p was replaced: float64[n] each; ``of`` is 0 where it was not."""

    p: Floats
    of: Floats
    """Values of the group."""
    start: Floats
    """Depth from which the fitted tail holds,"""
    share: Floats
    """the part of values beyond it,"""
    shape: Floats
    scale: Floats


class Ranks:
    """Depths of values by side and group; row 0 of the groups is the whole fleet."""

    def __init__(self) -> None:
        self._seen = np.zeros((2, 1, BINS))
        self._basis = np.zeros((2, 1, BINS))
        self._derive()

    def add_groups(self, number: int) -> None:
        """More groups, so far without values."""
        rows = np.zeros((2, number, BINS))
        self._seen, self._basis = (np.concatenate([part, rows], axis=1) for part in (self._seen, self._basis))
        self._derive()

    def learn(self, side: int, groups: NDArray[Any], p: Floats) -> None:
        """Add values of groups (row 0 takes them all), by the probabilities (float64[n]) that their law gave."""
        number = self._seen.shape[1]
        places = groups * BINS + _bin_of(depth(p))
        counts = np.bincount(places, minlength=number * BINS).reshape(number, BINS)
        self._seen[side] += counts
        self._seen[side, 0] += counts[1:].sum(axis=0)

    def refit(self) -> None:
        """Take what was learnt into use; call once a day."""
        self._basis = self._seen.copy()
        self._seen *= _FADE
        self._derive()

    def fade(self, kept: float) -> None:
        """Leave a part of what was learnt so far; what is in use stays until the next refit."""
        self._seen *= kept

    def replaced(self, side: int, groups: NDArray[Any], p: Floats) -> Tails:
        """Probabilities (float64[n]) as the group's ranks have them, where its law was refuted."""
        row = np.where(self._enough[side, groups], groups, 0)
        y = depth(p)
        bins = _bin_of(y)
        within = np.clip(y / STEP - bins, 0.0, 1.0)
        logs = self._logs[side]
        ranked = (1.0 - within) * logs[row, bins] + within * logs[row, bins + 1]
        start, share, shape, scale = self._tails[side, row].T
        ratio = np.maximum(y - start, 0.0) / scale
        # Shapes near 0 are kept off it by the fit, so that one formula serves.
        far = np.log(share) - np.log1p(np.maximum(shape * ratio, -1.0 + 1e-12)) / shape
        told = np.clip(np.exp(np.where(y > start, far, ranked)), P_FLOOR, 1.0)
        used = self._used[side, row]
        of = np.where(used, self._totals[side, row], 0.0)
        return Tails(np.where(used, told, p), of, start, share, shape, scale)

    def asked(self, side: int, groups: NDArray[Any], level: Floats) -> Floats:
        """The law's own probability that is replaced by ``level`` (float64[n])."""
        rows = np.where(self._enough[side, groups], groups, 0)
        found = level.copy()
        for row in np.unique(rows[self._used[side, rows]]):
            own = np.flatnonzero(rows == row)
            start, share, shape, scale = self._tails[side, row]
            last = round(start / STEP) + 1
            far = start + scale * np.expm1(-shape * np.log(np.minimum(level[own] / share, 1.0))) / shape
            near = np.interp(-np.log(level[own]), -self._logs[side, row, :last], _EDGES[:last])
            found[own] = np.exp(-0.5 * np.where(level[own] < share, far, near) ** 2)
        return found

    @property
    def refuted(self) -> int:
        """Groups whose law was refuted on either side."""
        return int((self._used & self._enough).any(axis=0).sum())

    def to_state(self) -> State:
        """Memory as named arrays."""
        return {"seen": self._seen.copy(), "basis": self._basis.copy()}

    def load_state(self, state: State) -> Self:
        """Take the memory of :meth:`to_state`."""
        self._seen, self._basis = np.array(state["seen"]), np.array(state["basis"])
        self._derive()
        return self

    def _derive(self) -> None:
        """Everything that follows from the basis."""
        self._totals = self._basis.sum(axis=2)
        above = np.cumsum(self._basis[:, :, ::-1], axis=2)[:, :, ::-1]
        above = np.concatenate([above, np.zeros((*above.shape[:2], 1))], axis=2)
        total = self._totals[:, :, None]
        share = above / np.maximum(total, 1.0)
        apart = np.abs(share - np.exp(-0.5 * _EDGES**2)).max(axis=2)
        self._enough = self._totals >= ENOUGH
        self._used = self._enough & (apart * np.sqrt(self._totals) > KS)
        self._logs = np.log((above + 1.0) / (total + 1.0))
        self._tails = np.ones((*self._totals.shape, 4))
        for side, group in np.argwhere(self._used):
            self._tails[side, group] = _fitted(self._basis[side, group], above[side, group])


def depth(p: Floats) -> Floats:
    """How deep a value lies, by its probability: as far as so many deviations of a normal law, about."""
    found: Floats = np.sqrt(-2.0 * np.log(np.clip(p, P_FLOOR, 1.0)))
    return found


def _bin_of(y: Floats) -> Ints:
    return np.minimum((y / STEP).astype(np.int64), BINS - 1)


def _fitted(counts: Floats, above: Floats) -> tuple[float, float, float, float]:
    """Start, share, shape and scale of the tail of a histogram."""
    total = float(above[0])
    wanted = max(min(DEEP * total, FEW), 0.1 * DEEP * total)
    first = int(np.argmax(above <= wanted))
    start, share = float(_EDGES[first]), (float(above[first]) + 1.0) / (total + 1.0)
    number = round(min(float(above[first]), _SAMPLE))
    xi, mean = 0.0, _PRIOR_EXCESS
    if number > 1:
        # The values themselves are gone: as many are drawn evenly from the bins.
        mass = np.append(0.0, np.cumsum(counts[first:]))
        drawn = np.interp((np.arange(number) + 0.5) / number * mass[-1], mass, _EDGES[first:]) - start
        xi, sigma = fit_gpd_pwm(drawn)
        mean = sigma / (1.0 - xi)
    seen = float(number)
    xi = (seen * xi + _PRIOR_WORTH * _PRIOR_SHAPE) / (seen + _PRIOR_WORTH)
    mean = (seen * mean + 2.0 * _PRIOR_EXCESS) / (seen + 2.0)
    xi = float(np.copysign(max(abs(xi), 1e-9), xi))
    return start, share, xi, mean * (1.0 - xi)
