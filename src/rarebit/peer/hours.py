"""Hours of activity: the phase of each entity's day, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_DAY: Final = 24
_NOON: Final = 13.0
"""Local time around which a working day lies: 08 to 18."""
_CONCENTRATED: Final = 0.3
"""Resultant length of the hours from which on a day has a phase; a machine that never rests has about 0."""
_MOST: Final = 0.8
"""Share of activity inside the hours told of, and of members that make something the group's."""
_SOME: Final = 0.15
_ZONES: Final = 3
_ALL_DAY: Final = 16
_FEWEST: Final = 50

Floats = NDArray[np.float64]


def zones(hours: Floats) -> list[int | None]:
    """Hours east of UTC where each entity seems to work, from the circular mean of its hours; None if it has no phase.

    Parameters
    ----------
    hours : float64[n, 168]
        Events by hour of the week, UTC.
    """
    daily = hours.reshape(hours.shape[0], -1, _DAY).sum(axis=1)
    total = daily.sum(axis=1)
    waves = daily @ np.exp(2j * np.pi * (np.arange(_DAY) + 0.5) / _DAY)
    length = np.abs(waves) / np.maximum(total, 1.0)
    east = np.round(_NOON - np.angle(waves) * _DAY / (2.0 * np.pi))
    east = (east + _DAY / 2 - 1) % _DAY - (_DAY / 2 - 1)
    told = (length >= _CONCENTRATED) & (total >= _FEWEST)
    return [int(value) if known else None for value, known in zip(east.tolist(), told.tolist(), strict=True)]


def rest_shares(hours: Floats) -> Floats:
    """Shares of activity outside the twelve busiest hours of the day, and on Saturday and Sunday (float64[n, 2])."""
    total = np.maximum(hours.sum(axis=1), 1.0)
    daily = np.sort(hours.reshape(hours.shape[0], -1, _DAY).sum(axis=1), axis=1)
    return np.stack([daily[:, : _DAY // 2].sum(axis=1) / total, hours[:, 5 * _DAY :].sum(axis=1) / total], axis=1)


def hours_in_words(hours: Floats, east: Sequence[int | None]) -> str:
    """When members of a group are active: ``07-17 UTC``, ``08-18 in UTC+1, UTC-6``, ``round the clock``."""
    share = hours / np.maximum(hours.sum(axis=1, keepdims=True), 1.0)
    phased = [at for at, zone in enumerate(east) if zone is not None]
    if len(phased) < _MOST * len(east):
        return "round the clock" if len(phased) < (1.0 - _MOST) * len(east) else "mixed hours"
    met = Counter(east[at] for at in phased)
    common = [int(zone) for zone, times in met.most_common(_ZONES) if zone is not None and times >= _SOME * len(phased)]
    if not common:  # members all over the world
        return "mixed hours"
    one_zone = len(common) == 1 or max(common) - min(common) <= 1
    daily = np.zeros(_DAY)
    for at in phased:
        shift = 0 if one_zone else east[at] or 0
        daily += np.roll(share[at].reshape(-1, _DAY).sum(axis=0), shift)
    begin, length = _window(daily)
    if length >= _ALL_DAY:
        return "mixed hours"
    span = f"{begin:02d}-{(begin + length) % _DAY:02d}"
    return f"{span} UTC" if one_zone else f"{span} local, as of {', '.join(map(utc_offset, sorted(common)))}"


def utc_offset(east: int) -> str:
    """``UTC+1``."""
    return f"UTC{east:+d}" if east else "UTC"


def _window(daily: Floats) -> tuple[int, int]:
    """Begin and length of the shortest stretch of hours that holds most of the activity."""
    total = float(daily.sum())
    for length in range(1, _DAY):
        sums = np.array([np.roll(daily, -begin)[:length].sum() for begin in range(_DAY)])
        begin = int(np.argmax(sums))
        if sums[begin] >= _MOST * total:
            return begin, length
    return 0, _DAY
