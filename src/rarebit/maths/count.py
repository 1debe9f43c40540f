"""Counts: tails of the negative binomial law, and the gamma-Poisson rate that predicts it.

A count is Poisson given a rate; the rate is gamma distributed, by what is known of it and by noise from bucket to
bucket. The law of the count is then negative binomial, given here by its shape ``r`` and its mean: the variance is
``mean + mean² / r``. All functions take arrays (or numbers) that broadcast, and give arrays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln

P_FLOOR: Final = 1e-300
"""No probability is given below this."""
_LARGEST_SHAPE: Final = 1e9
"""Shapes beyond this are Poisson to all digits that matter."""
_TRUSTED: Final = 1e-280
"""Below this the logarithm of the regularised beta function is summed, not taken."""
_TERMS: Final = 300

Floats = NDArray[np.float64]


class Predicted(NamedTuple):
    """Law of the next count: shape and mean (float64[n], positive) of a negative binomial law."""

    shape: Floats
    mean: Floats


def predict(
    events: ArrayLike,
    exposure: ArrayLike,
    *,
    prior_shape: ArrayLike = 0.0,
    prior_exposure: ArrayLike = 0.0,
    coming: ArrayLike = 1.0,
    dispersion: ArrayLike = 0.0,
) -> Predicted:
    """Law of the next count of a series.

    Parameters
    ----------
    events, exposure : float64[n]
        Decayed sums of what was counted and of the exposure it was counted in; not negative.
    prior_shape, prior_exposure : float64[n]
        Gamma law of the rate among like series: events, in so much exposure. With the sums it must be positive.
    coming : float64[n]
        Exposure of the count to come; positive.
    dispersion : float64[n]
        Square of the coefficient of variation of the rate from bucket to bucket; 0 where counts are Poisson. Then
        history counts for less, by ``1 + dispersion · rate``.
    """
    told, seen = _floats(events), _floats(exposure)
    first, width = _floats(prior_shape), _floats(prior_exposure)
    noise = np.asarray(dispersion, np.float64)
    worth = 1.0 + noise * (told + first) / (seen + width)
    certainty = first + told / worth
    mean = certainty / (width + seen / worth) * np.asarray(coming, np.float64)
    spread = 1.0 / certainty + noise + noise / certainty
    return Predicted(np.minimum(1.0 / spread, _LARGEST_SHAPE), mean)


def learn(sums: ArrayLike, new: ArrayLike, *, decay: float) -> Floats:
    """Decayed sums with one more bucket: what was known counts ``decay`` of what it did."""
    return decay * _floats(sums) + np.asarray(new, np.float64)


def p_high(count: ArrayLike, law: Predicted, *, u: ArrayLike = 0.5) -> Floats:
    """P(Y > count) + u · P(Y = count): mid-p, or randomised by uniform ``u`` (float64[n], 1e-300 to 1)."""
    y, shape, mean = _shaped(count, law)
    x = mean / (shape + mean)
    above, least = _twice(np.stack([y + 1.0, np.maximum(y, 1.0)]), shape, x)
    return _mixed(above, np.where(y > 0.0, least, 1.0), u)


def p_low(count: ArrayLike, law: Predicted, *, u: ArrayLike = 0.5) -> Floats:
    """P(Y < count) + u · P(Y = count): mid-p, or randomised by uniform ``u`` (float64[n], 1e-300 to 1)."""
    y, shape, mean = _shaped(count, law)
    rest = shape / (shape + mean)
    most, below = _twice(shape, np.stack([y + 1.0, np.maximum(y, 1.0)]), rest)
    return _mixed(np.where(y > 0.0, below, 0.0), most, u)


def p_none(law: Predicted) -> Floats:
    """P(Y = 0) (float64[n])."""
    return np.exp(-law.shape * np.log1p(law.mean / law.shape))


def quantile(level: float, law: Predicted) -> NDArray[np.int64]:
    """Smallest count that is not exceeded with probability ``level`` or more (int64[n])."""
    shape, mean = np.broadcast_arrays(np.atleast_1d(law.shape), np.atleast_1d(law.mean))
    low = np.full(mean.shape, -1.0)
    high = np.ceil(mean) + 1.0
    while (short := _at_most(high, shape, mean) < level).any():
        low = np.where(short, high, low)
        high = np.where(short, 2.0 * high, high)
    while (high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        enough = _at_most(middle, shape, mean) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found: NDArray[np.int64] = high.astype(np.int64)
    return found


def log_betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Floats:
    """Natural logarithm of the regularised incomplete beta function (float64[n]), also where it underflows.

    Parameters
    ----------
    a, b : float64[n]
        Positive.
    x : float64[n]
        Strictly between 0 and 1.
    """
    first, second, at = (np.atleast_1d(part) for part in np.broadcast_arrays(_floats(a), _floats(b), _floats(x)))
    plain = betainc(first, second, at)
    out: Floats = np.log(np.maximum(plain, _TRUSTED))
    small = plain < _TRUSTED
    if small.any():
        out[small] = _log_tail(first[small], second[small], at[small])
    return out


def _log_tail(a: Floats, b: Floats, x: Floats) -> Floats:
    """The same far out in the tail, where the hypergeometric series falls geometrically."""
    term = np.ones(a.size)
    total = np.ones(a.size)
    for step in range(_TERMS):
        term = term * (a + b + step) / (a + 1.0 + step) * x
        total += term
    leading: Floats = a * np.log(x) + b * np.log1p(-x) - np.log(a) - betaln(a, b)
    return leading + np.log(total)


def _twice(a: Floats, b: Floats, x: Floats) -> Floats:
    """The regularised incomplete beta function for two rows of one of its parameters (float64[2, n])."""
    return np.exp(log_betainc(a, b, x))


def _at_most(count: Floats, shape: Floats, mean: Floats) -> Floats:
    held = np.maximum(count, 0.0)
    found: Floats = np.where(count < 0.0, 0.0, betainc(shape, held + 1.0, shape / (shape + mean)))
    return found


def _shaped(count: ArrayLike, law: Predicted) -> tuple[Floats, Floats, Floats]:
    y, shape, mean = np.broadcast_arrays(_floats(count), law.shape, law.mean)
    return np.atleast_1d(y), np.atleast_1d(shape), np.atleast_1d(mean)


def _mixed(less: Floats, more: Floats, u: ArrayLike) -> Floats:
    p = less + np.asarray(u, np.float64) * np.maximum(more - less, 0.0)
    return np.clip(p, P_FLOOR, 1.0)


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float64)
