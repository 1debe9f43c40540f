"""The beacon score of RITA 5, from its published rules, to compare with: one number from 0 to 1 for a pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DAY_S = 86_400.0
_BARS = 24
_LEAST_SKEW = 10.0
_MOST_HOURS = 12.0
_LEAST_BARS = 6
_MODE_BARS = 11


def score(times_s: Floats, sizes: Floats) -> float:
    """Mean of the scores of gaps, sizes, duration and histogram; 0 with fewer than four different times.

    Parameters
    ----------
    times_s : float64[n]
        Seconds of connections within one day.
    sizes : float64[n]
        Bytes sent.
    """
    times = np.unique(np.floor(times_s))
    gaps = np.diff(times)
    if times.size < 4 or gaps.size < 3:
        return 0.0
    bars = np.bincount(np.minimum((times - times[0]) // 3600.0, _BARS - 1).astype(int), minlength=_BARS)
    parts = (_regular(gaps, 1.0), _regular(sizes, 0.0), _duration(times, bars), _histogram(bars))
    return sum(parts) / 4.0


def _regular(values: Floats, otherwise: float) -> float:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    skew = 0.0
    if high - low >= _LEAST_SKEW and middle not in (low, high):
        skew = (high + low - 2.0 * middle) / (high - low)
    spread = float(np.median(np.abs(values - middle)))
    steady = max(0.0, (middle - spread) / middle) if middle >= 1.0 else otherwise
    return 0.5 * (1.0 - abs(skew)) + 0.5 * steady


def _duration(times: Floats, bars: NDArray[np.int64]) -> float:
    if np.count_nonzero(bars) < _LEAST_BARS:
        return 0.0
    longest = run = 0
    for bar in np.tile(bars > 0, 2):
        run = run + 1 if bar else 0
        longest = max(longest, run)
    return float(min(1.0, max((times[-1] - times[0]) / _DAY_S, min(longest, _BARS) / _MOST_HOURS)))


def _histogram(bars: NDArray[np.int64]) -> float:
    held = bars.astype(float)
    variation = float(held.std() / held.mean())
    steady = max(0.0, 1.0 - variation)
    if np.count_nonzero(bars) < _MODE_BARS:
        return steady
    width = max(1.0, np.ceil(0.05 * held.max()))
    modes = np.sort(np.bincount((held // width).astype(int)))[::-1]
    return max(steady, float(modes[:2].sum()) / (np.count_nonzero(bars) - 1) if bars.size > 1 else 0.0, 0.0)
