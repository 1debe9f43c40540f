"""A budget shared out: as much to each as its weight asks for, and to none more than it can take."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def water_level(total: float, weights: ArrayLike, most: ArrayLike) -> float:
    """Level L at which the sum of ``min(weight · L, most)`` is the total; infinite where all together take less.

    Parameters
    ----------
    total : float
        What there is, > 0.
    weights : float64[n]
        > 0.
    most : float64[n]
        What each can take at most, >= 0.

    Examples
    --------
    >>> water_level(10.0, [1.0, 1.0, 1.0], [2.0, 100.0, 100.0])
    4.0
    """
    weight, limit = np.asarray(weights, np.float64), np.asarray(most, np.float64)
    if float(limit.sum()) <= total:
        return float("inf")
    full = np.argsort(limit / weight, kind="stable")
    weight, limit = weight[full], limit[full]
    taken = np.cumsum(limit) - limit  # by those that are full before each
    level = (total - taken) / np.cumsum(weight[::-1])[::-1]
    return float(level[np.argmax(level <= limit / weight)])
