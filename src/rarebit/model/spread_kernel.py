"""Compiled watch over first sights: when many entities take up one value at once, it is a rollout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rarebit.model.tables import compiled


@compiled
def poisson_tail(k: int, mean: float) -> float:
    """P(X ≥ k) of a Poisson variable, summed from k up, or from k down where that is shorter; no term underflows."""
    if k <= 0:
        return 1.0
    if mean <= 0.0:
        return 0.0
    total = 0.0
    if k <= mean:
        term = np.exp((k - 1) * np.log(mean) - mean - math.lgamma(k))
        while k > 0 and term > 1e-17 * total:
            total += term
            k -= 1
            term *= k / mean
        return float(max(0.0, 1.0 - total))
    term = np.exp(k * np.log(mean) - mean - math.lgamma(k + 1))
    while term > 1e-17 * total:
        total += term
        k += 1
        term *= mean / k
    return float(min(total, 1.0))


@compiled
def improbable(k: int, mean: float, limit: float) -> bool:
    """Whether P(X ≥ k) < ``limit`` (at most ½) for a Poisson variable, summed only where two bounds do not tell.

    For k > mean and H = k log(k / mean) - k + mean, P lies between erfc(√H) / 2 (Short 2013) and exp(-H) (Chernoff).
    """
    if k <= mean:
        return False
    if mean > 0.0:
        divergence = k * np.log(k / mean) - k + mean
        if divergence > -1.001 * np.log(limit):
            return True
        if math.erfc(np.sqrt(divergence)) > 2.002 * limit:
            return False
    return bool(poisson_tail(k, mean) < limit)


@compiled
def note_spread(value: Any, time_us: int, settings: Any) -> None:
    """Follow first sights of one value by one entity after another; enough of them at once is a rollout.

    ``before / age`` is the value's own rate of adoption; a stretch is a rollout when so many entities joining in
    its time has a probability below ``spread_p`` at that rate.
    """
    if value.joined == 0 or time_us - value.last_us > settings.spread_us:
        value.window_us = time_us
        value.before = value.entities
        value.joined = 0
        value.spreading = 0
    value.joined += 1
    value.last_us = max(value.last_us, time_us)
    if value.spreading == 0 and value.joined >= 3:
        age = max(float(value.window_us - value.first_us), float(settings.spread_us))
        reach = max(value.last_us - value.window_us, value.window_us - time_us)  # late rows lie before the window
        span = float(reach) + 0.25 * settings.spread_us
        mean = (value.before + 0.05) * span / age
        if improbable(value.joined, mean, settings.spread_p):
            value.spreading = 1
