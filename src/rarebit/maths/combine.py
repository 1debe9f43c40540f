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
