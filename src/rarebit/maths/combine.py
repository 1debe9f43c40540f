"""Several p-values of one event to one, whatever their correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-15


def cauchy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cauchy combination of p-values with equal weights (Liu and Xie 2020).

    Parameters
    ----------
    p : float64[m, n]
        m p-values in (0, 1] of each of n events.

    Returns
    -------
    float64[n]
        In (0, 1]. Exact in both tails: for tiny p the cotangent is 1/(πp), and so is its inverse.

    Examples
    --------
    >>> cauchy(np.array([[0.01], [0.01]])).round(6).tolist()
    [0.01]
    >>> float(cauchy(np.array([[1e-300], [0.5]]))[0]) < 3e-300
    True
    """
    p = np.clip(p, 1e-300, 1.0)
    with np.errstate(divide="ignore", over="ignore"):
        cot = np.where(p < _TINY, 1.0 / (np.pi * p), 1.0 / np.tan(np.pi * np.minimum(p, 1.0 - 1e-16)))
    mean = cot.mean(axis=0)
    return np.where(mean > 1.0 / _TINY, 1.0 / (np.pi * mean), 0.5 - np.arctan(mean) / np.pi).clip(1e-300, 1.0)
