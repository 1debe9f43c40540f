"""How sure a tail is: what its fit would have been, had other values of the same law been seen (bootstrap)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLES: Final = 200
_HIGHEST_START: Final = 0.75
"""The laws start anywhere in so large a lower part of the values."""
_MANY: Final = 100
_SERIES: Final = 1e-3
_XI_FOR_ERROR: Final = 0.45
"""The asymptotic variance has a pole at one half."""
_SEED: Final = 20_260_101
_XI_RANGE: Final = (-0.1, 0.95)
"""Shapes of resampled fits. Heavier than the fit allows: what a bound hides is not known the better for it."""
_PRIOR_SPREAD: Final = 0.3
"""Standard error of a shape that was fitted to as many values as the prior shape is worth."""


class Prior(NamedTuple):
    """What an unknown tail is taken for, and how many values that is worth."""

    xi: float
    xi_weight: float
    mean_weight: float
    xi_range: tuple[float, float]


class Fits(NamedTuple):
    """Fits to resampled values, one a sample."""

    threshold: Floats
    """Where each law starts."""
    rate: Floats
    """Values a week above it."""
    xi: Floats
    sigma: Floats
    seen: Floats
    """The values they were drawn from, rising."""
    above: Floats
    """How many of each sample lie at or above each value (float64[samples, n + 1], the last 0), and what is added."""
    weeks: float

    def log_rates(self, x: Floats) -> Floats:
        """Logarithm of the rate at or above each value by each sample (float64[samples, n]); by count below its law."""
        xi, excess = self.xi[:, None], x[None, :] - self.threshold[:, None]
        ratio = np.maximum(excess, 0.0) / self.sigma[:, None]
        flat = np.abs(xi) < 1e-12  # noqa: PLR2004 the exponential law
        safe = np.where(flat, 1.0, xi)
        with np.errstate(divide="ignore"):
            survival = np.where(flat, -ratio, -np.log1p(np.maximum(safe * ratio, -1.0)) / safe)
        counted = np.log(self.above[:, np.searchsorted(self.seen, x)] / self.weeks)
        return np.where(excess > 0.0, np.log(self.rate)[:, None] + survival, counted)


def resampled(above: Floats, *, threshold: float, weeks: float, prior: Prior) -> Fits:
    """Fits to values drawn again from those seen above a threshold, with replacement.

    Each value is drawn a Poisson number of times, and one exponential value stands for the one that the fit adds.
    Where there are many values each law starts somewhere else among the lower of them: where the best start is, is
    not known either. The prior is as unsure as the values it stands for would be. The draws have a fixed seed: the
    same values give the same fits, bit for bit.

    Parameters
    ----------
    above : float64[n]
        Values above the threshold, rising; n may be 0.
    threshold : float
        Where the law starts.
    weeks : float
        Length of the window they were seen in.
    prior : Prior
        As in the fit itself.
    """
    draws = np.random.Generator(np.random.PCG64(_SEED))
    low, high = prior.xi_range
    prior_xi = np.clip(prior.xi + _PRIOR_SPREAD * draws.standard_normal(SAMPLES), low, high)
    prior_mean = draws.gamma(prior.mean_weight, 1.0 / prior.mean_weight, SAMPLES) / (1.0 - prior.xi)
    added = draws.exponential(1.0, SAMPLES)
    share = draws.random(SAMPLES) * _HIGHEST_START
    times = draws.poisson(1.0, (SAMPLES, above.size)).astype(np.float64)
    start = np.floor(share * above.size).astype(np.int64) if above.size > _MANY else np.zeros(SAMPLES, np.int64)
    starts = np.append(threshold, above)[start]
    suffix = np.zeros((SAMPLES, above.size + 1))
    suffix[:, :-1] = np.cumsum(times[:, ::-1], axis=1)[:, ::-1]
    times[np.arange(above.size)[None, :] < start[:, None]] = 0.0
    count = times.sum(axis=1)
    total = times @ above - count * starts
    own = _shapes(above, starts, times, count, total)
    xi = (count * own + prior.xi_weight * prior_xi) / (count + prior.xi_weight)
    mean = (total + prior.mean_weight * prior_mean) / (count + prior.mean_weight)
    rate = (count + added) / weeks
    return Fits(starts, rate, xi, mean * (1.0 - xi), above, suffix + added[:, None], weeks)


def _shapes(values: Floats, starts: Floats, times: Floats, count: Floats, total: Floats) -> Floats:
    """Shape of each sample by probability-weighted moments; of the rising values each is there ``times`` times."""
    before = np.cumsum(times, axis=1) - times
    weights = times * (count[:, None] - 1.0 - before) - times * (times - 1.0) / 2.0
    several = np.maximum(count, 2.0)
    half = (weights @ values - weights.sum(axis=1) * starts) / (several - 1.0) / several
    mean = total / several
    spread = mean - 2.0 * half
    found = np.where(spread > 0.0, 2.0 - mean / np.where(spread > 0.0, spread, 1.0), _XI_RANGE[0])
    return np.where(count < 2.0, 0.0, np.clip(found, *_XI_RANGE))  # noqa: PLR2004 one value has no shape


def log_rate_error(x: Floats, *, threshold: float, xi: float, sigma: float, exceedances: int) -> Floats:
    """Standard error of the logarithm of the rate above ``x``.

    Delta method: the Poisson error of the number of exceedances, and the asymptotic covariance of shape and scale
    under probability-weighted moments. At and below the threshold only the former is left.

    Parameters
    ----------
    x : float64[n]
        Values.
    threshold, xi, sigma : float
        The fit.
    exceedances : int
        How many values it was made of.
    """
    shape = min(xi, _XI_FOR_ERROR)
    ratio = np.maximum(x - threshold, 0.0) / sigma
    inside = np.maximum(shape * ratio, -0.999)
    by_sigma = ratio / (1.0 + inside)
    by_shape = ratio * ratio * _shape_slope(inside)
    k = -shape
    scale = 1.0 / ((1.0 + 2.0 * k) * (3.0 + 2.0 * k))
    var_sigma = scale * (7.0 + 18.0 * k + 11.0 * k**2 + 2.0 * k**3)
    cov = -scale * (2.0 + k) * (2.0 + 6.0 * k + 7.0 * k**2 + 2.0 * k**3)
    var_shape = scale * (1.0 + k) * (2.0 + k) ** 2 * (1.0 + k + 2.0 * k**2)
    tail = by_sigma**2 * var_sigma + 2.0 * by_sigma * by_shape * cov + by_shape**2 * var_shape
    return np.asarray(np.sqrt((1.0 + np.maximum(tail, 0.0)) / max(exceedances, 1)))


def _shape_slope(inside: Floats) -> Floats:
    """Slope of the log survival by shape, over the squared ratio; ``inside`` is shape times ratio, > -1."""
    small = np.abs(inside) < _SERIES
    safe = np.where(small, 1.0, inside)
    exact = np.log1p(safe) / safe**2 - 1.0 / (safe * (1.0 + safe))
    series = 0.5 - inside * (2.0 / 3.0 - 0.75 * inside)
    return np.where(small, series, exact)


def poisson_ends(count: Floats, *, level: float) -> tuple[Floats, Floats]:
    """Ends (float64[n]) of the interval of a mean of which ``count`` (> 0) were seen."""
    from scipy.special import gammaincinv

    return tuple(np.asarray(gammaincinv(count, end), np.float64) for end in (0.5 - level / 2.0, 0.5 + level / 2.0))  # type: ignore[return-value]
