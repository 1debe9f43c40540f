"""The rates of a population: a mixture of gamma laws, one for every doubling of the rate, with learnt weights.

Whatever the rates of the members are like, even or heavy-tailed or in several crowds, such a mixture comes close to
them, and every member's own history sharpens it: each part is conjugate to counts. (Empirical Bayes with a nearly
nonparametric prior: Kiefer and Wolfowitz 1956, Robbins 1956.)
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

RATES: Final = 2.0 ** np.arange(-6.0, 26.0)
"""Mean rate of each part (float64[32])."""
SHAPE: Final = 4.0
"""Shape of every part: a coefficient of variation of one half."""
_ROUNDS: Final = 24
_DOUBT: Final = 0.5
"""Members that may be anything at all: how sure it is after n members that none is far beyond them, about 1 / 2n."""

Floats = NDArray[np.float64]


def even() -> Floats:
    """Weights (float64[32]) of a population of which nothing is known."""
    return np.full(RATES.size, 1.0 / RATES.size)


def log_evidence(events: Floats, exposure: Floats) -> Floats:
    """How well each part explains what each member did (float64[n, 32]), up to a number of the member's own.

    Parameters
    ----------
    events, exposure : float64[n]
        What was counted, and the exposure it was counted in; not negative.
    """
    widths = SHAPE / RATES
    told = SHAPE + events[:, None]
    made: Floats = gammaln(told) + SHAPE * np.log(widths) - told * np.log(widths + exposure[:, None])
    return made


def fit_weights(evidence: Floats) -> tuple[Floats, Floats]:
    """Weights of the parts that make what all members did likely, by expectation and maximisation.

    Returns
    -------
    weights : float64[32]
        With some doubt of what was never seen; all positive.
    seen : float64[32]
        Without it: what part of the members each accounts for.
    """
    weights = even()
    seen = even()
    for _ in range(_ROUNDS if evidence.size else 0):
        mass = posterior(evidence, weights).sum(axis=0)
        weights = (mass + _DOUBT / RATES.size) / (evidence.shape[0] + _DOUBT)
        seen = mass / evidence.shape[0]
    return weights, seen


def posterior(evidence: Floats, weights: Floats) -> Floats:
    """Probability of each part for each member (float64[n, 32]); ``weights`` are float64[32] or float64[n, 32]."""
    joint = evidence + np.log(weights)
    found: Floats = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    return found


def moments(weights: Floats) -> tuple[float, float]:
    """Mean and variance of the rates of the members that the weights (float64[32]) speak of."""
    mean = float(weights @ RATES)
    square = float(weights @ (RATES**2 * (1.0 + 1.0 / SHAPE)))
    return mean, square - mean * mean
