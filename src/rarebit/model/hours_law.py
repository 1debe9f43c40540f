"""Profiles of the hours at which series are active: own counts, shrunk to peers and fleet, smoothed, judged.

A profile has a bin for every hour of the day (24) or of the week (168, from Monday on). The first stage of shrinkage is
the fleet towards even hours, then the group towards the fleet, then the series towards its group; each coarser profile
is worth :data:`WORTH` active hours.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_HOURS: Final = 24
WEEK_HOURS: Final = 168
WORTH: Final = 50.0
"""Active hours that a coarser profile is worth."""
WIDTH: Final = 0.8
"""Hours; standard deviation of the kernel that smooths a profile. A full hour makes evenings and nights too likely."""
_REACH: Final = 3
"""Hours to either side within which the kernel is not 0."""
_WORKDAYS: Final = 5
_MONDAY: Final = 4 * DAY_HOURS
"""Hours from 1970-01-01, a Thursday, to the first Monday."""
KNOWN: Final = 100.0
"""Active hours, the old ones counting less, from which on a shift is looked for."""
_ALIKE: Final = 0.6
"""Least correlation of a shifted profile with that of its peers."""
_CLEARLY: Final = 0.1
"""By so much it must exceed that of the present shift."""
_TIE: Final = 1e-9
"""Relative difference up to which two hours are equally likely."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Counts = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Law(NamedTuple):
    """How likely each hour is (float64[n, bins] each, in the hours of the series' peers)."""

    own: Floats
    """Active hours of the series, older ones counting less."""
    prior: Floats
    """Part of its peers' active hours."""
    shares: Floats
    """Part of its own, by both."""


def bins_of(hours: Ints, bins: int) -> Ints:
    """Bin of hours since 1970 (int64[n]), UTC."""
    return (hours - _MONDAY) % bins


def kernel(bins: int) -> Floats:
    """Matrix (float64[bins, bins]) that smooths a profile: wrapped, columns add up to 1.

    Nothing goes from workdays to the weekend or back.
    """
    place = np.arange(bins)
    apart = np.abs(place[:, None] - place[None, :])
    apart = np.minimum(apart, bins - apart)
    weights = np.where(apart <= _REACH, np.exp(-0.5 * (apart / WIDTH) ** 2), 0.0)
    if bins == WEEK_HOURS:
        weekend = place // DAY_HOURS >= _WORKDAYS
        weights *= weekend[:, None] == weekend[None, :]
    smoothing: Floats = weights / weights.sum(axis=0)
    return smoothing


def turned(profiles: NDArray[np.floating], shifts: Ints) -> Floats:
    """Profiles (``[n, bins]``) by UTC in hours that are ``shifts`` (int64[n]) ahead of it."""
    bins = profiles.shape[1]
    places = (np.arange(bins)[None, :] - shifts[:, None]) % bins
    return np.take_along_axis(profiles, places, axis=1).astype(np.float64)


def filled(counts: Floats, met: Mask) -> Floats:
    """Counts (float64[n, bins]) in which hours that have not come yet are taken to be like those that have.

    ``met`` says which bins have come since the first event; an hour of the week is like the same hour of other days.
    """
    if met.all():
        return counts
    out = counts.copy()
    mean = counts[:, met].sum(axis=1) / max(int(met.sum()), 1)
    for place in np.flatnonzero(~met):
        same = np.arange(place % DAY_HOURS, met.size, DAY_HOURS)
        same = same[met[same]]
        out[:, place] = counts[:, same].mean(axis=1) if same.size else mean
    return out


def law_of(own: Floats, group: Floats, fleet: Floats, smoothing: Floats) -> Law:
    """Law of series with counts ``own``, when their groups and the fleet, without them, have those given.

    All are float64[n, bins].
    """
    bins = own.shape[1]
    wide = (fleet + WORTH / bins) / (fleet.sum(axis=1, keepdims=True) + WORTH)
    prior = (group + WORTH * wide) / (group.sum(axis=1, keepdims=True) + WORTH)
    return Law(own, prior, shares_of(own, prior, smoothing))


def shares_of(own: Floats, prior: Floats, smoothing: Floats) -> Floats:
    """Part of each hour (float64[n, bins]) of series with counts ``own`` whose peers have the profile ``prior``."""
    shares = (own + WORTH * prior) / (own.sum(axis=1, keepdims=True) + WORTH)
    smooth: Floats = shares @ smoothing.T
    return smooth


def tails(shares: Floats, places: Ints) -> tuple[Floats, Floats]:
    """Mass of the bins less likely than that of each row (float64[n]), and of those as likely, itself among them."""
    there = np.take_along_axis(shares, places[:, None], axis=1)
    less = np.where(shares < there * (1.0 - _TIE), shares, 0.0).sum(axis=1)
    same = np.where(np.abs(shares - there) <= there * _TIE, shares, 0.0).sum(axis=1)
    return less, same


def shifts_of(own: Floats, prior: Floats, now: Ints, smoothing: Floats) -> Ints:
    """Hours (int64[n], -12 to 11) by which series are ahead of UTC in the hours of their peers.

    The shift of the greatest circular cross-correlation, if it is clearly greater than that of the present one.

    Parameters
    ----------
    own : float64[n, 24]
        Active hours of the series by UTC.
    prior : float64[n, 24]
        Profile of its peers, without it, in their hours.
    now : int64[n]
        Present shift.
    smoothing : float64[24, 24]
        Kernel of the day.
    """
    one, other = (_standard(profile @ smoothing.T) for profile in (own, prior))
    hours = np.arange(DAY_HOURS)
    correlation = np.stack([(one * other[:, (hours + shift) % DAY_HOURS]).sum(axis=1) for shift in hours], axis=1)
    best = correlation.argmax(axis=1)
    rows = np.arange(own.shape[0])
    top, present = correlation[rows, best], correlation[rows, now % DAY_HOURS]
    moved = (top >= _ALIKE) & (top - present >= _CLEARLY)
    half = DAY_HOURS // 2
    found: Ints = np.where(moved, (best + half) % DAY_HOURS - half, now).astype(np.int64)
    return found


def by_day(profiles: Floats) -> Floats:
    """Profiles with the days of a week added up (float64[n, 24])."""
    folded: Floats = profiles.reshape(profiles.shape[0], -1, DAY_HOURS).sum(axis=1)
    return folded


def _standard(profiles: Floats) -> Floats:
    """Deviations from the mean, of length 1; 0 where there are none."""
    apart = profiles - profiles.mean(axis=1, keepdims=True)
    length = np.sqrt((apart**2).sum(axis=1, keepdims=True))
    out: Floats = np.divide(apart, length, out=np.zeros_like(apart), where=length > 0.0)
    return out
