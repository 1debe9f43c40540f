"""Several p-values of one event to one, whatever their correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def geometric(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric mean of p-values times e: valid under any dependence (Vovk and Wang 2020, Biometrika 107).

    Every view counts: one that is not surprised at all takes away from one that is, unlike in Cauchy's or
    Tippett's combination, where the most surprised view alone decides.

    Parameters
    ----------
    p : float64[m, n]
        m p-values in (0, 1] of each of n events.

    Returns
    -------
    float64[n]
        In (0, 1].

    Examples
    --------
    >>> geometric(np.array([[0.01, 1e-6], [0.01, 0.5]])).round(5).tolist()
    [0.02718, 0.00192]
    """
    mean: NDArray[np.float64] = np.exp(np.mean(np.log(np.clip(p, 1e-300, 1.0)), axis=0))
    joint: NDArray[np.float64] = np.minimum(1.0, np.e * mean)
    return joint


_SHARE = 1.860025079221190
"""Sum over k >= 1 of ``(sqrt(k) - sqrt(k - 1)) / k``."""


def at_most_together(expected: NDArray[np.float64]) -> float:
    """How many stretches of time a week have records at least as extreme as these, at most, under any dependence.

    With the records of a stretch sorted by their expected number a week, the statistic is the least ``E_k / sqrt(k)``.
    It is at most e only if for some k there are k records with ``E <= e sqrt(k)``. Give a record the weight 1/k where
    ``E`` lies between ``e sqrt(k - 1)`` and ``e sqrt(k)``: then the weights of such a stretch sum to 1 or more, and
    all weights of a week to ``1.86 e`` on average, so that no more than ``1.86 e`` stretches a week are like it
    (Markov's inequality, as in Rueger's and Hommel's combinations of p-values).

    Parameters
    ----------
    expected : float64[n]
        Expected records a week of each record, n >= 1, in any order.

    Returns
    -------
    float
        Never rises when one of them falls, or when one is added.

    Examples
    --------
    >>> round(at_most_together(np.array([0.1])), 3), round(at_most_together(np.full(100, 10.0)), 3)
    (0.186, 1.86)
    """
    ordered = np.sort(expected)
    return float(_SHARE * np.min(ordered / np.sqrt(np.arange(1, ordered.size + 1))))
