"""The hours of a week: how much busier or quieter each is than the mean hour, by peer group."""

from __future__ import annotations

from enum import Enum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.model.tables import State

HOURS: Final = 168
_DAY: Final = 24
_MONDAY: Final = 4
"""Days from 1970-01-01, a Thursday, to the first Monday."""
_SMOOTHING: Final = 10.0
"""Expected events, heavy series damped, that the coarser profile is worth in every hour."""
_FORGET: Final = 2.0**-0.25
"""What a week leaves of what was learnt: half after four weeks."""
_NEVER: Final = -1_000_000

Floats = NDArray[np.float64]


def hours_of(start_us: int, span_us: int) -> NDArray[np.int64]:
    """Hours of the week that a bucket touches: 0 to 167, from Monday 00:00 UTC; each at most once."""
    first = start_us // HOUR_US - _MONDAY * _DAY
    last = (start_us + span_us - 1) // HOUR_US - _MONDAY * _DAY
    return np.arange(first, min(last, first + HOURS - 1) + 1) % HOURS


def week_of(time_us: int) -> int:
    """Number of the week, Monday to Sunday in UTC."""
    return int((time_us // HOUR_US - _MONDAY * _DAY) // HOURS)


class Profile(Enum):
    """What an hour of the week tells, and what it is smoothed towards."""

    FACTOR = "factor"
    """Counted over expected in a flat week; towards 1, mean 1."""
    OFFSET = "offset"
    """Mean deviation; towards 0, mean 0."""
    SHARE = "share"
    """Part of cases; towards that of all hours."""


class Season:
    """Profiles of the hours of a week; row 0 is the fleet's, others back off to it.

    Of every hour is kept what was counted and what a flat week would have given, both forgotten week by week. What an
    hour tells is their ratio, smoothed towards that of the same hour on all days, and that as :class:`Profile` says.
    """

    def __init__(self, profile: Profile = Profile.FACTOR) -> None:
        self._profile = profile
        self._counted = np.zeros((1, HOURS))
        self._flat = np.zeros((1, HOURS))
        self._weeks = np.full((3, HOURS), _NEVER, np.int64)
        self.profiles: Floats = np.full((1, HOURS), 0.0 if profile is Profile.OFFSET else 1.0)
        """What the hours tell (float64[groups, 168]); factors are positive."""

    def add_groups(self, number: int) -> None:
        """More rows, so far like the fleet's."""
        rows = np.zeros((number, HOURS))
        self._counted = np.concatenate([self._counted, rows])
        self._flat = np.concatenate([self._flat, rows])
        self.profiles = np.concatenate([self.profiles, np.repeat(self.profiles[:1], number, axis=0)])

    @property
    def complete(self) -> bool:
        """Whether every hour of the week was met."""
        return bool((self._weeks[0] != _NEVER).all())

    def may_freeze(self, hours: NDArray[np.int64], week: int) -> bool:
        """Whether a collapse in these hours is to be left out of what is learnt.

        It is where they were learnt in an earlier week, and were not left out in the week before: what comes
        again is the new habit.
        """
        first, _, frozen = self._weeks[:, hours]
        if ((first == _NEVER) | (first >= week) | (frozen == week - 1)).any():
            return False
        self._weeks[2, hours] = week
        return True

    def learn(self, hours: NDArray[np.int64], week: int, counted: Floats, flat: Floats) -> None:
        """Add one bucket: what was counted and what a flat week would have given, by group (float64[groups])."""
        first, latest, _ = self._weeks[:, hours]
        faded = np.where((latest < week) & (latest != _NEVER), _FORGET, 1.0)
        for rows, more in ((self._counted, counted), (self._flat, flat)):
            rows[:, hours] *= faded
            rows[:, hours] += more[:, None]
            rows[0, hours] += more[1:].sum()
        self._weeks[0, hours] = np.where(first == _NEVER, week, first)
        self._weeks[1, hours] = week

    def refit(self) -> None:
        """Make the factors anew from what was learnt."""
        by_day = self._counted[0].reshape(-1, _DAY).sum(axis=0), self._flat[0].reshape(-1, _DAY).sum(axis=0)
        daily = np.tile(_smoothed(*by_day, np.full(_DAY, self._neutral())), HOURS // _DAY)
        fleet = _smoothed(self._counted[0], self._flat[0], daily)
        rows = [_smoothed(*pair, fleet) for pair in zip(self._counted[1:], self._flat[1:], strict=True)]
        made = np.stack([fleet, *rows])
        means = made.mean(axis=1, keepdims=True)
        match self._profile:
            case Profile.FACTOR:
                self.profiles = np.maximum(made / means, 1e-3)
            case Profile.OFFSET:
                self.profiles = made - means
            case Profile.SHARE:
                self.profiles = made

    def _neutral(self) -> float:
        match self._profile:
            case Profile.FACTOR:
                return 1.0
            case Profile.OFFSET:
                return 0.0
        return float(self._counted[0].sum() + 1.0) / float(self._flat[0].sum() + 2.0)

    def to_state(self) -> State:
        """Memory as named arrays."""
        return {
            "counted": self._counted.copy(),
            "flat": self._flat.copy(),
            "profiles": self.profiles,
            "weeks": self._weeks.copy(),
        }

    def load_state(self, state: State) -> Self:
        """Take the memory of :meth:`to_state`."""
        self._counted, self._flat, self.profiles = (np.array(state[n]) for n in ("counted", "flat", "profiles"))
        self._weeks = np.array(state["weeks"])
        return self


def _smoothed(counted: Floats, flat: Floats, towards: Floats) -> Floats:
    found: Floats = (counted + _SMOOTHING * towards) / (flat + _SMOOTHING)
    return found
