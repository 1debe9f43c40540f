"""What like series have in common: the law of their rates, their noise, and how busy they are right now."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.model.count_fleet_kernel import add_activity, find_busy
from rarebit.model.tables import Table

MIN_MEMBERS: Final = 3
MIN_EXPOSURE: Final = 4.0
"""Buckets: series with less history say nothing about their peers."""
WEAK: Final = 0.5
"""Shape of the law around a rate when there are too few series to learn it from."""
_SHAPES: Final = (0.05, 100.0)
_NOISE: Final = 0.25
_NOISE_WORTH: Final = 5.0
FLEET_MEMBERS: Final = 10
"""Series that make a fleet: from so many on, they tell how busy everybody is."""
COLLAPSE: Final = 0.4
"""Part of the expected activity below which the whole feed is taken to be cut off, or on holiday."""
_COLLAPSE_MEMBERS: Final = 5
_COLLAPSE_EVENTS: Final = 10.0

Floats = NDArray[np.float64]


class Prior(NamedTuple):
    """Gamma law of rates (shape, and exposure in buckets), and the noise of a rate from bucket to bucket."""

    shape: Floats
    exposure: Floats
    dispersion: Floats


def fit_prior(members: Table, *, pool: bool) -> tuple[float, float, float] | None:
    """Shape, exposure and dispersion over series (of the model's type), by moments; None where none is old enough."""
    told = members[members["exposure"] >= MIN_EXPOSURE]
    if told.size == 0:
        return None
    rates = told["events"] / told["exposure"]
    mean = max(float(rates.mean()), 1e-6)
    noise = shared_noise(told)
    if not pool or told.size < MIN_MEMBERS:
        return WEAK, WEAK / mean, noise
    within = float(np.mean((rates + noise * rates * rates) / told["exposure"]))
    between = max(float(rates.var()) - within, mean * mean / _SHAPES[1])
    shape = float(np.clip(mean * mean / between, *_SHAPES))
    return shape, shape / mean, noise


def fit_groups(priors: Floats, series: Table, *, pool: bool) -> None:
    """Put the law of each group with members enough into its row of ``priors`` (float64[groups, 3]), but the first."""
    for group in range(1, priors.shape[0]):
        members = series[series["group"] == group]
        if np.count_nonzero(members["exposure"] >= MIN_EXPOSURE) >= MIN_MEMBERS:
            priors[group] = fit_prior(members, pool=pool)


def shared_noise(members: Table) -> float:
    """Square of the coefficient of variation of a rate from bucket to bucket, over all members."""
    noise = float(members["noise"].sum() + _NOISE * _NOISE_WORTH)
    return max(noise / float(members["noise_weight"].sum() + _NOISE_WORTH), 0.0)


def fleet_factor(
    counts: NDArray[np.int64], shape: Floats, mean: Floats, groups: NDArray[np.int64], number: int
) -> Floats:
    """How busy each group is in a bucket beside what its members led to expect (float64[number], 0.1 to 10).

    Members count by how sure their rate is, and no further than a few standard deviations; a group of fewer than
    :data:`FLEET_MEMBERS` goes by the whole fleet, and a small fleet by 1.
    """
    busy = np.ones(number)
    if counts.size >= FLEET_MEMBERS:
        find_busy(counts, shape, mean, groups, FLEET_MEMBERS, busy, np.empty((3, number)))
    return busy


def is_collapsed(counts: NDArray[np.int64], mean: Floats, heard: NDArray[np.bool_]) -> bool:
    """Whether the fleet that is heard of shows less than :data:`COLLAPSE` of what was expected, and enough was."""
    told = np.empty(4)
    add_activity(counts, mean, heard, told)
    members, events, expected, seen = told.tolist()
    return bool(members >= _COLLAPSE_MEMBERS and events >= _COLLAPSE_EVENTS and seen < COLLAPSE * expected)
