"""Parts of the metric law: when a series is absent, what like series have in common, what is left out of a bucket."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.metric import fit_beliefs, least_variance
from rarebit.model.metric_cells import SERIES, moments_of
from rarebit.model.season import Profile, Season
from rarebit.model.tables import State, Table

_OWN: Final = 2.0
"""Absences that the group's habit is worth beside a series' own."""
_SURE: Final = 1e-9
_MEMBERS: Final = 5
_EXPECTED: Final = 10.0
COLLAPSE: Final = 0.4
"""Part of the expected series below which the whole feed is taken to be cut off, or on holiday."""
MIN_SEEN: Final = 4.0
"""Values: series with less history say nothing about their peers."""
MIN_MEMBERS: Final = 3
_ALONE: Final = (0.05, 1.0)
"""Worth and shape of what a series is held to be where it has no peers, or is not to be told by them."""
FLEET_MEMBERS: Final = 10
"""Series with a value in a bucket, from which on they tell what the fleet shares."""
_FLEET_WORTH: Final = 20.0
_CLEAR: Final = 3.0
"""Deviations up to which a value tells of the fleet; beyond, it is the series' own."""
_FADE: Final = 2.0 ** (-1.0 / 28.0)
"""What a day leaves of what was learnt of numbers of events."""
_BINS: Final = 16
_OFFSET_WORTH: Final = 20.0
_NOISE_WORTH: Final = 50.0
_NOISE: Final = (0.05, 50.0)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class LeftOut(NamedTuple):
    """What is left out of a bucket, for each series held."""

    resting: NDArray[np.bool_]
    """The bucket is passed over."""
    unlearnt: NDArray[np.bool_]
    """It is not learnt."""
    hidden: Ints
    """Key of what hides its value, or 0."""

    @classmethod
    def nothing(cls, size: int) -> LeftOut:
        """Everything is judged, told of and learnt."""
        return cls(np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.zeros(size, np.int64))


def shared(groups: NDArray[Any], apart: Floats, scale: Floats, number: int) -> Floats:
    """What the values of a group, or of the fleet where it is small, have in common in the bucket (float64[n]).

    ``groups``, deviations and their scale are those of each value; ``number`` is that of groups.
    """
    if apart.size < FLEET_MEMBERS:
        return np.zeros(apart.size)
    weight = np.median(scale**2) / scale**2
    weight = np.minimum(weight, 1.0)
    told = weight * np.clip(apart, -_CLEAR * scale, _CLEAR * scale)
    fleet = told.sum() / (weight.sum() + _FLEET_WORTH)
    by_group = np.bincount(groups, weight, number)
    own = (np.bincount(groups, told, number) + _FLEET_WORTH * fleet) / (by_group + _FLEET_WORTH)
    many = np.bincount(groups, minlength=number) >= FLEET_MEMBERS
    found: Floats = np.where(many, own, fleet)[groups]
    return found


def fit_groups(series: Table, prior: Floats, *, pool: bool) -> None:
    """Fit what the series of each group have in common, or of all where a group is small, into ``prior`` by group."""
    fleet = _fit(series, pool=pool)
    if fleet is None:
        return
    prior[:] = fleet
    for group in range(1, len(prior)):
        members = series["group"] == group
        if np.count_nonzero(members & (series["seen"] >= MIN_SEEN)) >= MIN_MEMBERS:
            prior[group] = _fit(series[members], pool=pool)


def _fit(series: Table, *, pool: bool) -> tuple[float, float, float, float] | None:
    """What like series have in common: mean, worth, shape and variance; None where none has told enough."""
    told = series[series["seen"] >= MIN_SEEN]
    if told.size == 0:
        return None
    moments = moments_of(told)
    if told.size >= MIN_MEMBERS:
        mean, worth, shape, variance = fit_beliefs(moments)
        return (mean, worth, shape, variance) if pool else (mean, *_ALONE, variance)
    mean = float(moments.mean.mean())
    variance = float(moments.squares.sum() / np.maximum(moments.seen - 1.0, 1.0).sum())
    return mean, *_ALONE, max(variance, float(least_variance(mean)))


class Presence:
    """How often a series has no event in a bucket: the group's habit by hour of the week, times odds of its own."""

    def __init__(self) -> None:
        self.season = Season(Profile.SHARE)

    def absence(self, series: Table, hours: Ints) -> Floats:
        """Probability of an empty bucket (float64[n], between 0 and 1)."""
        common = self._common(series, hours)
        odds = (series["absences"] + _OWN) / (series["absent"] + _OWN) * common / (1.0 - common)
        return odds / (1.0 + odds)

    def _common(self, series: Table, hours: Ints) -> Floats:
        found: Floats = np.clip(self.season.profiles[:, hours].mean(axis=1), _SURE, 1.0 - _SURE)[series["group"]]
        return found

    def learn(self, series: Table, present: NDArray[np.bool_], hours: Ints, week: int, decay: float) -> None:
        """Add a bucket to all series and to the habits of their groups."""
        absent = ~present
        more = (("exposure", 1.0), ("absences", absent), ("absent", self._common(series, hours)))
        for name, new in more:
            series[name] = decay * series[name] + new
        groups = self.season.profiles.shape[0]
        empty, known = (np.bincount(series["group"], part, groups) for part in (absent, np.ones(absent.size)))
        self.season.learn(hours, week, empty.astype(np.float64), known.astype(np.float64))


def is_collapsed(absence: Floats, present: NDArray[np.bool_]) -> bool:
    """Whether far fewer series show anything than would without a cut in the feed."""
    expected = float((1.0 - absence).sum())
    shown = int(np.count_nonzero(present))
    return present.size >= _MEMBERS and expected >= _EXPECTED and shown < COLLAPSE * expected


class ByEvents:
    """Of a mean, a median or an extreme: how its level and its variance go with the number of events behind it."""

    def __init__(self) -> None:
        self._sums = np.zeros((4, _BINS))
        self._offset, self._noise = np.zeros(_BINS), np.ones(_BINS)

    def of(self, events: Floats) -> tuple[Floats, Floats]:
        """Offset and multiple of the variance, by number of events (float64[n] each)."""
        bins = _bin_of(events)
        return self._offset[bins], self._noise[bins]

    def learn(self, events: Floats, apart: Floats, weight: Floats, ratio: Floats) -> None:
        """Add values: deviation from what the offset is not part of, its weight, squared deviation over variance."""
        bins = _bin_of(events)
        new = (weight, weight * apart, np.ones(bins.size), ratio)
        self._sums += np.stack([np.bincount(bins, part, _BINS) for part in new])

    def refit(self) -> None:
        """Take what was learnt into use; call once a day."""
        weight, apart, number, ratio = self._sums
        self._offset = apart / (weight + _OFFSET_WORTH)
        self._noise = np.clip((ratio + _NOISE_WORTH) / (number + _NOISE_WORTH), *_NOISE)
        self._sums = self._sums * _FADE

    def to_state(self) -> State:
        """Memory as named arrays."""
        return {"sums": self._sums.copy(), "fit": np.stack([self._offset, self._noise])}

    def load_state(self, state: State) -> Self:
        """Take the memory of :meth:`to_state`."""
        self._sums = np.array(state["sums"])
        self._offset, self._noise = (np.array(row) for row in state["fit"])
        return self


def _bin_of(events: Floats) -> Ints:
    return np.clip(np.log2(np.maximum(events, 1.0)), 0, _BINS - 1).astype(np.int64)


def empty_series() -> Table:
    """No series."""
    return np.zeros(0, SERIES)
