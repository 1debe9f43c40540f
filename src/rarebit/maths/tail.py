"""Tails of distributions: how often a week something at least this extreme is to be expected, and the score of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from rarebit.maths.resample import Prior, log_rate_error, poisson_ends, resampled

XI_RANGE: Final = (-0.1, 0.5)
"""Shapes a fit may take: from a little lighter than exponential to the edge of finite variance."""
RATE_FLOOR: Final = 1e-300
"""No rate is smaller: nothing is impossible, and logarithms stay finite."""
_XI_ZERO: Final = 1e-12
_WIDEST: Final = 10.0
"""So many times at most is what was drawn again widened to the asymptotic error; beyond, that stands alone."""

SHAPE_WEIGHT: Final = 20.0
"""Exceedances that the prior shape is worth in :func:`fit_tail`."""
MEAN_WEIGHT: Final = 2.0
"""Exceedances that the prior mean is worth."""
FEW: Final = 100
"""With no more exceedances than this the law is fitted to all of them, and otherwise to the upper half."""

Floats = NDArray[np.float64]


class Rate(NamedTuple):
    """Expected number a week, and the ends of its 80 % interval."""

    expected: float
    low: float
    high: float

    def become(self, expected: float) -> Rate:
        """Another number that is as unsure, relatively."""
        factor = expected / self.expected
        return Rate(expected, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Rates a week above any value: a generalised Pareto law over ranks."""

    threshold: float
    rate: float
    """Values a week above the threshold."""
    xi: float
    sigma: float
    exceedances: int
    """Values above the threshold that the fit was made of."""
    knots: Floats
    knot_rates: Floats
    """See :func:`rate_above`."""
    seen: Floats
    """Values above the threshold, rising."""
    weeks: float
    """Length of the window they were seen in."""
    weekly: float
    """Values a week in all."""
    prior_xi: float
    """Shape that the fit was drawn to."""

    def expected(self, x: ArrayLike) -> Floats:
        """Expected number a week of values at or above ``x`` (float64[n]).

        Where one value comes again and again no smooth law fits. So no result is below the number seen less two of
        its standard errors.
        """
        count = (self.seen.size - np.searchsorted(self.seen, _floats(x))).astype(np.float64)
        sure = np.where(_floats(x) > self.threshold, count - 2.0 * np.sqrt(count), 0.0) / self.weeks
        return np.maximum(self._fitted(x), np.minimum(sure, self.rate))

    def _fitted(self, x: ArrayLike) -> Floats:
        return rate_above(
            x,
            threshold=self.threshold,
            rate=self.rate,
            xi=self.xi,
            sigma=self.sigma,
            knots=self.knots,
            knot_rates=self.knot_rates,
        )

    def level(self, expected: ArrayLike) -> Floats:
        """Value that ``expected`` a week exceed (float64[n]), at or above the threshold."""
        return level_at(expected, threshold=self.threshold, rate=self.rate, xi=self.xi, sigma=self.sigma)

    def interval(self, x: ArrayLike, *, level: float = 0.8) -> tuple[Floats, Floats]:
        """Interval of the rates (float64[n], a week) of values at or above ``x``; it holds :meth:`expected`.

        Above the threshold by the bootstrap of :mod:`rarebit.maths.resample`, and no narrower than the asymptotic
        error; at and below it, and where one value came again and again, by the Poisson error of how many were seen.
        """
        values, point = _floats(x), self.expected(x)
        logs = self._log_rates(values)
        ends = np.quantile(logs, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
        # The error of a heavy tail lies in values larger than those seen, which are never drawn again.
        error, spread = self._asymptotic_error(values), np.std(logs, axis=0)
        wider = np.maximum(1.0, error / np.maximum(spread, 1e-9))
        drawn = np.minimum(wider, _WIDEST) * (ends - np.log(point))
        normal = np.multiply.outer(ndtri([0.5 - level / 2.0, 0.5 + level / 2.0]), error)
        ends = np.log(point) + np.where(wider > _WIDEST, normal, drawn)  # what hardly varies when drawn has no shape
        low, high = np.exp(np.clip(ends, np.log(RATE_FLOOR), np.log(self.weekly)))
        counted = (values <= self.threshold) | (point > 1.01 * self._fitted(values))
        fewest, most = poisson_ends(np.maximum(point * self.weeks, 1e-9), level=level)
        low, high = np.where(counted, fewest / self.weeks, low), np.where(counted, most / self.weeks, high)
        return np.maximum(np.minimum(low, point), RATE_FLOOR), np.maximum(high, point)

    def realised(self, expected: ArrayLike, *, weeks: float, level: float = 0.8) -> tuple[Floats, Floats]:
        """Interval of the number a week that ``weeks`` will bring where ``expected`` a week are (float64[n])."""
        values = self.level(expected)
        error = np.maximum(np.std(self._log_rates(values), axis=0), self._asymptotic_error(values))
        return realised_interval(expected, error, weeks=weeks, level=level)

    def _asymptotic_error(self, values: Floats) -> Floats:
        fit = {"threshold": self.threshold, "xi": self.xi, "sigma": self.sigma}
        return log_rate_error(values, **fit, exceedances=self.exceedances + 1)

    def _log_rates(self, values: Floats) -> Floats:
        """Logarithm of the rate above each value, by each resampled fit (float64[samples, n])."""
        prior = Prior(self.prior_xi, SHAPE_WEIGHT, MEAN_WEIGHT, XI_RANGE)
        fits = resampled(self.seen, threshold=self.threshold, weeks=self.weeks, prior=prior)
        found = np.minimum(fits.log_rates(values), np.log(self.weekly))
        return np.maximum(found, np.log(RATE_FLOOR))


def fit_tail(largest: Floats, *, weeks: float, weekly: float, floor: float, prior_xi: float) -> Tail:
    """Fit the tail of what was seen in a window.

    Shape and mean are drawn to the prior (``prior_xi``, scale 1) by a few pseudo-counts, and one value is added
    to those seen above the threshold, so that few values, or none, give a rate on the safe side.

    Parameters
    ----------
    largest : float64[n]
        The largest values of the window, falling, all >= 0; n may be 0.
    weeks : float
        Length of the window.
    weekly : float
        Values a week in all, seen here or not; at least ``n / weeks``.
    floor : float
        Threshold where there is no value.
    prior_xi : float
        Shape of an unknown tail.
    """
    largest = _without_dust(largest)
    at = max(min(largest.size - 1, FEW), largest.size // 2)
    threshold = float(largest[at]) if largest.size else floor
    above = largest[largest > threshold]
    excess = above - threshold
    own_xi, _ = fit_gpd_pwm(excess)
    xi = (excess.size * own_xi + SHAPE_WEIGHT * prior_xi) / (excess.size + SHAPE_WEIGHT)
    mean = (float(excess.sum()) + MEAN_WEIGHT / (1.0 - prior_xi)) / (excess.size + MEAN_WEIGHT)
    knots, knot_rates = _ranks(largest, threshold, weeks=weeks, weekly=weekly)
    return Tail(
        threshold=threshold,
        rate=min((excess.size + 1) / weeks, weekly),
        xi=xi,
        sigma=mean * (1.0 - xi),
        exceedances=int(excess.size),
        knots=knots,
        knot_rates=knot_rates,
        seen=np.ascontiguousarray(above[::-1]),
        weeks=weeks,
        weekly=weekly,
        prior_xi=prior_xi,
    )


_DUST: Final = 1e-12


def _without_dust(values: Floats) -> Floats:
    """Values so near 0 that a line between two of them has no slope a float can hold are 0."""
    return np.where(values < _DUST, 0.0, values)


def _ranks(largest: Floats, threshold: float, *, weeks: float, weekly: float) -> tuple[Floats, Floats]:
    """Observed rates at the values up to the threshold, from all there are at 0 upwards."""
    if largest.size:
        values, first = np.unique(largest[::-1], return_index=True)
        low = values <= threshold
        knots, rates = values[low], (largest.size - first[low]) / weeks
    else:
        knots, rates = np.array([threshold]), np.array([1.0 / weeks])
    if knots[0] > 0.0:
        knots, rates = np.append(0.0, knots), np.append(weekly, rates)
    rates[0] = weekly
    return knots, np.minimum(rates, weekly)


def fit_gpd_pwm(excess: Floats) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto law by probability-weighted moments (Hosking and Wallis, 1987).

    Parameters
    ----------
    excess : float64[n]
        Amounts above the threshold, finite and positive, in any order.

    Returns
    -------
    xi : float
        Shape, clipped to :data:`XI_RANGE`; 0 where fewer than two values or no spread leave it open.
    sigma : float
        Scale, in the unit of ``excess``, such that the mean of the law is that of the values; 1 without values.
    """
    count = excess.size
    if count == 0:
        return 0.0, 1.0
    ordered = np.sort(excess)
    mean = float(ordered.mean())
    if count == 1:
        return 0.0, mean
    weights = np.arange(count - 1, -1, -1, dtype=np.float64) / (count - 1)
    half = float((ordered * weights).mean())
    spread = mean - 2.0 * half
    xi = 2.0 - mean / spread if spread > 0.0 else XI_RANGE[0]
    xi = min(max(xi, XI_RANGE[0]), XI_RANGE[1])
    return xi, mean * (1.0 - xi)


def log_survival(excess: ArrayLike, *, xi: float, sigma: float) -> Floats:
    """Natural logarithm of the chance that a generalised Pareto value exceeds ``excess`` (float64[n], >= 0).

    Minus infinity beyond the end point that a negative ``xi`` sets.
    """
    ratio = _floats(excess) / sigma
    if abs(xi) < _XI_ZERO:
        return -ratio
    inside = np.maximum(xi * ratio, -1.0)
    with np.errstate(divide="ignore"):
        return -np.log1p(inside) / xi


def rate_above(
    x: ArrayLike,
    *,
    threshold: float,
    rate: float,
    xi: float,
    sigma: float,
    knots: Floats,
    knot_rates: Floats,
) -> Floats:
    """Expected number a week of values at or above ``x``.

    Above the threshold ``rate * (1 + xi (x - threshold) / sigma) ** (-1 / xi)``; at and below it by ranks: the
    knots are observed values with their observed rates, joined by straight lines in the logarithm of the rate.

    Parameters
    ----------
    x : float64[n]
        Values, such as ``-log p``.
    threshold, rate, xi, sigma : float
        Where the fitted law starts, how many a week lie above that, and its shape and scale.
    knots : float64[k], k >= 1
        Ascending and distinct; the last is the threshold.
    knot_rates : float64[k]
        Positive rates, never rising, none below ``rate``. The first also holds for all smaller ``x``.

    Returns
    -------
    float64[n]
        At least :data:`RATE_FLOOR`; never rises with ``x``.
    """
    values = _without_dust(_floats(x))
    fitted = np.log(rate) + log_survival(np.maximum(values - threshold, 0.0), xi=xi, sigma=sigma)
    ranked = np.interp(values, knots, np.log(knot_rates))
    return np.maximum(np.exp(np.where(values > threshold, fitted, ranked)), RATE_FLOOR)


def level_at(expected: ArrayLike, *, threshold: float, rate: float, xi: float, sigma: float) -> Floats:
    """Value that ``expected`` a week exceed (float64[n], positive); at most ``rate`` a week: at or above threshold."""
    log_ratio = np.minimum(np.log(_floats(expected) / rate), 0.0)
    if abs(xi) < _XI_ZERO:
        return threshold - sigma * log_ratio
    return threshold + sigma * np.expm1(-xi * log_ratio) / xi


def realised_interval(
    expected: ArrayLike, error: ArrayLike, *, weeks: float, level: float = 0.8
) -> tuple[Floats, Floats]:
    """Interval of the number a week that a stretch of weeks will bring.

    Poisson noise about a gamma-distributed rate.

    Parameters
    ----------
    expected : float64[n]
        Rates a week, positive.
    error : float64[n]
        Standard errors of their logarithms.
    weeks : float
        Length of the stretch.
    level : float
        Coverage, within (0, 1).

    Returns
    -------
    low, high : float64[n]
        Ends, both included.
    """
    from scipy.stats import nbinom

    rate, spread = _floats(expected), _floats(error)
    shape = 1.0 / np.maximum(spread, 1e-6) ** 2
    chance = shape / (shape + rate * weeks)
    low, high = (nbinom.ppf(end, shape, chance) for end in (0.5 - level / 2.0, 0.5 + level / 2.0))
    return np.asarray(low, np.float64) / weeks, np.asarray(high, np.float64) / weeks


def score_of(expected_per_week: ArrayLike) -> Floats:
    """Score 0 to 100 of an expected number a week (float64[n], >= 0): ``50 - 25 log10 E``, clipped.

    100 a week gives 0, one gives 50, one in a hundred weeks gives 100. What is not a number gives 0.
    """
    expected = _floats(expected_per_week)
    safe = np.where(np.isnan(expected), np.inf, np.maximum(expected, RATE_FLOOR))
    return np.asarray(np.clip(50.0 - 25.0 * np.log10(safe), 0.0, 100.0))


def expected_of(score: ArrayLike) -> Floats:
    """Expected number a week at or above a score (float64[n], 0 to 100): the inverse of :func:`score_of`."""
    return np.asarray(np.power(10.0, (50.0 - _floats(score)) / 25.0))


def _floats(values: ArrayLike) -> Floats:
    """Contiguous, because vectorised functions may round otherwise over strides."""
    return np.asarray(values, np.float64, order="C")
