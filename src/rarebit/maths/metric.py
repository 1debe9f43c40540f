"""Values of metrics: Student's t as the law of the next value of a series whose mean and variance are learnt.

A value is normal given its mean and variance; both are unknown, with a normal-gamma law among like series. The law of
the next value is then Student's t. All functions take arrays (or numbers) that broadcast, and give arrays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, polygamma, stdtr, stdtrit

from rarebit.maths.count import P_FLOOR

SHAPES: Final = (0.5, 100.0)
"""Shapes of the law of variances that a fit may take."""
WORTHS: Final = (0.01, 50.0)
_ROUNDS: Final = 50
_SETTLED: Final = 1e-10
_LEAST: Final = 1e-3
"""No series is held to vary by less than this part of its mean: clocks and counters are not more exact."""
_TINY: Final = 1e-9

Floats = NDArray[np.float64]


class Beliefs(NamedTuple):
    """Normal-gamma law of mean and variance among like series (float64[n] each)."""

    mean: Floats
    worth: Floats
    """Values that the mean counts for."""
    shape: Floats
    """Half the values that the variance counts for."""
    variance: Floats


class Student(NamedTuple):
    """Law of the next value: location, scale (positive) and degrees of freedom (float64[n])."""

    location: Floats
    scale: Floats
    freedom: Floats


class Moments(NamedTuple):
    """What a series showed (float64[n] each): decayed sums over its values, each with a precision."""

    seen: Floats
    """Number of values."""
    weight: Floats
    """Sum of their precisions; their number, where all are 1."""
    mean: Floats
    squares: Floats
    """Squared deviations from the mean, times the precisions."""


def variance_of(moments: Moments, beliefs: Beliefs) -> Floats:
    """Variance of a value of precision 1, given what was seen (float64[n])."""
    pull = beliefs.worth * moments.weight / (beliefs.worth + moments.weight)
    apart = pull * (moments.mean - beliefs.mean) ** 2
    rate = beliefs.shape * beliefs.variance + (moments.squares + apart) / 2.0
    return np.maximum(rate / (beliefs.shape + moments.seen / 2.0), least_variance(mean_of(moments, beliefs)))


def mean_of(moments: Moments, beliefs: Beliefs) -> Floats:
    """Mean of a series, given what was seen (float64[n])."""
    told = beliefs.worth * beliefs.mean + moments.weight * moments.mean
    found: Floats = told / (beliefs.worth + moments.weight)
    return found


def least_variance(mean: ArrayLike) -> Floats:
    """Variance below which no series is held to vary (float64[n])."""
    found: Floats = (_LEAST * np.abs(np.asarray(mean, np.float64)) + _TINY) ** 2
    return found


def predict(moments: Moments, beliefs: Beliefs, *, noise: ArrayLike = 1.0) -> Student:
    """Law of the next value of a series.

    Parameters
    ----------
    moments : Moments
        What was seen of it; all 0 where nothing was.
    beliefs : Beliefs
        The law among its like.
    noise : float64[n]
        Variance of the value to come, as a multiple of that of a value of precision 1.
    """
    doubt = np.asarray(noise, np.float64) + 1.0 / (beliefs.worth + moments.weight)
    scale = np.sqrt(variance_of(moments, beliefs) * doubt)
    return Student(mean_of(moments, beliefs), scale, 2.0 * beliefs.shape + moments.seen)


def p_above(value: ArrayLike, law: Student) -> Floats:
    """P(Y >= value) (float64[n], 1e-300 to 1)."""
    return _tail(-(np.asarray(value, np.float64) - law.location) / law.scale, law.freedom)


def p_below(value: ArrayLike, law: Student) -> Floats:
    """P(Y <= value) (float64[n], 1e-300 to 1)."""
    return _tail((np.asarray(value, np.float64) - law.location) / law.scale, law.freedom)


def value_at(level: ArrayLike, law: Student) -> Floats:
    """The value that a part ``level`` of values lies below (float64[n])."""
    found: Floats = law.location + law.scale * stdtrit(law.freedom, np.asarray(level, np.float64))
    return found


def learn(moments: Moments, value: ArrayLike, *, decay: ArrayLike, precision: ArrayLike = 1.0) -> Moments:
    """Moments with one more value each: what was known counts ``decay`` of what it did."""
    y, kept, more = (np.asarray(part, np.float64) for part in (value, decay, precision))
    weight = kept * moments.weight + more
    apart = y - moments.mean
    mean = moments.mean + more / weight * apart
    squares = kept * moments.squares + more * apart * (y - mean)
    return Moments(kept * moments.seen + 1.0, weight, mean, squares)


def fit_beliefs(moments: Moments) -> tuple[float, float, float, float]:
    """Mean, worth, shape and variance among series, by the moments of their means and log variances.

    The variances are fitted as in Smyth, Linear models and empirical Bayes methods (2004), section 6.2.

    Parameters
    ----------
    moments : Moments
        Of two or more series, each of more than one value.
    """
    freedom = np.maximum(moments.seen - 1.0, 0.5)
    own = moments.squares / freedom
    own = np.maximum(own, np.maximum(1e-6 * float(np.median(own)), least_variance(moments.mean)))
    log_own = np.log(own) - digamma(freedom / 2.0) + np.log(freedom / 2.0)
    excess = float(log_own.var(ddof=1)) - float(polygamma(1, freedom / 2.0).mean())
    shape = float(np.clip(_trigamma_inverse(excess), *SHAPES)) if excess > 0.0 else SHAPES[1]
    variance = float(np.exp(log_own.mean() + digamma(shape) - np.log(shape)))
    between = float(moments.mean.var()) - float((own / moments.weight).mean())
    worth = float(np.clip(own.mean() / between, *WORTHS)) if between > 0.0 else WORTHS[1]
    return float(moments.mean.mean()), worth, shape, variance


def _trigamma_inverse(value: float) -> float:
    """Where the trigamma function takes a positive value, by Newton's method on its reciprocal."""
    if value > 1e7:  # noqa: PLR2004 - both ends by the leading term
        return 1.0 / float(np.sqrt(value))
    if value < 1e-6:  # noqa: PLR2004
        return 1.0 / value
    at = 0.5 + 1.0 / value
    for _ in range(_ROUNDS):
        here = float(polygamma(1, at))
        step = here * (1.0 - here / value) / float(polygamma(2, at))
        at += step
        if abs(step) < _SETTLED * at:
            break
    return at


def _tail(t: Floats, freedom: Floats) -> Floats:
    found: Floats = np.clip(stdtr(freedom, t), P_FLOOR, 1.0)
    return found
