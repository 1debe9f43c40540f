"""From p-values to expected records a week: the tail of a job's own past, kept and refitted day by day."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarebit.core.errors import DefinitionError, InputError, StateError
from rarebit.core.time import DAY_US
from rarebit.maths.tail import RATE_FLOOR, XI_RANGE, Tail, expected_of, fit_tail, log_survival
from rarebit.model.tail_days import Day, largest, prune, split

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

P_FLOOR: Final = 1e-300
_WEEK: Final = 7.0  # days
_LONGEST_GAP: Final = 7
"""Days. A longer silence is an outage, or a job that lay still; it counts as this much time."""
_NOMINAL_TO: Final = -float(np.log(0.05))
"""Down to p = 0.05 a nominal p is believed; beyond, the prior tail inflates it."""
_SHOWN_SCORES: Final = (50, 75)
_PIECES: Final = 256  # arrays of an open day that are held before they are joined


@dataclass(frozen=True, slots=True)
class _Settings:
    keep: int
    weeks: float
    cold_days: float
    prior_xi: float

    @property
    def window_days(self) -> int:
        """Whole days of the window."""
        return max(round(self.weeks * _WEEK), 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What a job gives a week, as known at one moment."""

    weekly: float
    """Tests a week; 0 while less than a day is known."""
    weeks: float
    cold: bool
    prior_xi: float
    tail: Tail | None
    """None while less than a day is known, when only the nominal law holds."""

    def expected(self, x: Floats, weekly: Floats) -> Floats:
        """Expected records a week at or above ``x``, given tests a week; never more than those."""
        found = np.full(x.size, RATE_FLOOR) if self.tail is None else self.tail.expected(x)
        if self.cold:
            beyond = log_survival(np.maximum(x - _NOMINAL_TO, 0.0), xi=self.prior_xi, sigma=1.0)
            found = np.maximum(found, weekly * np.exp(beyond - np.minimum(x, _NOMINAL_TO)))
        return np.minimum(found, weekly)


def _fit(days: list[Day], *, elapsed: float, settings: _Settings, today: float = 0.0) -> _Fit:
    """Fit the tail to the days of a window.

    ``elapsed`` is the time in days since the job's first record, ``today`` the part of it past the last midnight.
    """
    cold = elapsed < max(settings.cold_days, 1.0)
    if elapsed < 1.0:
        return _Fit(0.0, 0.0, cold, settings.prior_xi, None)
    weeks = min(elapsed, settings.window_days + today) / _WEEK
    top = largest([day.top for day in days], settings.keep)
    weekly = max(sum(day.tests for day in days), top.size, 1) / weeks
    tail = fit_tail(top, weeks=weeks, weekly=weekly, floor=_NOMINAL_TO, prior_xi=settings.prior_xi)
    return _Fit(weekly, weeks, cold, settings.prior_xi, tail)


def _unknown(settings: _Settings) -> Tail:
    """Tail of a job of which less than a day is known."""
    return fit_tail(np.empty(0), weeks=1 / _WEEK, weekly=_WEEK, floor=_NOMINAL_TO, prior_xi=settings.prior_xi)


def _too_small(tail: Tail, weekly: float) -> float:
    """Expected number over the nominal one, at one a week, or where so many are not expected, at the threshold."""
    target = min(1.0, tail.rate)
    nominal = max(weekly, 1.0) * float(np.exp(-tail.level([target])[0]))
    return target / max(nominal, RATE_FLOOR)


class TailCalibrator:
    """Expected records a week, learnt in event time from the p-values a job has given.

    The largest ``keep`` values of -log p of the last ``weeks`` are kept. At the first record of every day (UTC)
    the tail is refitted to the days before: a generalised Pareto law over the upper half of what is kept, ranks
    below it. Results do not depend on how the stream is cut into calls, bit for bit.

    Until ``cold_days`` have passed, no result is below what the nominal p would give, its tail inflated to the
    shape ``prior_xi``. A record earlier than one before it counts for the day of that one. A silence of more than
    a week counts as a week. p is floored at 1e-300; one that is not a number counts as 1, and is counted.

    Parameters
    ----------
    keep : int
        Values kept for the fit. Memory is at most about four times as many (float64).
    weeks : float
        Length of the window.
    cold_days : float
        Days of data before the fit stands alone.
    prior_xi : float
        Shape assumed of an unknown tail, within [0, 0.5].

    Raises
    ------
    DefinitionError
        If ``keep`` is below 1, ``weeks`` not above 0, or ``prior_xi`` out of its range.
    """

    def __init__(self, *, keep: int = 2000, weeks: float = 4, cold_days: float = 14, prior_xi: float = 0.3) -> None:
        if keep < 1 or not weeks > 0.0 or not 0.0 <= prior_xi <= XI_RANGE[1]:
            raise DefinitionError(
                f"no score can be calibrated with keep {keep}, weeks {weeks} and prior_xi {prior_xi}",
                hint="Keep 1 or more values of more than 0 weeks, with a prior shape of 0 to 0.5.",
            )
        self._settings = _Settings(int(keep), float(weeks), float(cold_days), float(prior_xi))
        self._days: list[Day] = []
        self._open: list[Floats] = []
        self._open_tests = 0
        self._told: dict[int, int] = {}
        self._day: int | None = None
        self._clock = 0
        self._missed = 0.0
        self._last_us = 0
        self._total = 0
        self._invalid = 0
        self._now = _fit([], elapsed=0.0, settings=self._settings)

    def expected(self, p: ArrayLike, time_us: ArrayLike) -> Floats:
        """Expected records a week at least this extreme, at each record's time, by all that is learnt.

        Parameters
        ----------
        p : float64[n]
            p-values.
        time_us : int64[n]
            Times, microseconds since 1970.

        Returns
        -------
        float64[n]
            Greater than 0, at most the job's tests a week; falls with -log p among records of one moment.
        """
        glance = copy.copy(self)  # opens later days on a copy; arrays are never changed in place
        return glance._walk(p, time_us, None, learn=False)  # noqa: SLF001 its own kind

    def learn(self, p: ArrayLike, time_us: ArrayLike, observations: ArrayLike | None = None) -> None:
        """Learn records in the order of time; parameters as for :meth:`step`."""
        self._walk(p, time_us, observations, learn=True)

    def step(self, p: ArrayLike, time_us: ArrayLike, observations: ArrayLike | None = None) -> Floats:
        """Judge each record by the days before its own, then learn it.

        Parameters
        ----------
        p : float64[n]
            p-values of records in the order of time. What is unremarkable may be left out.
        time_us : int64[n]
            Times, microseconds since 1970.
        observations : int64[n], optional
            Tests the job made since the record before, this one included; 1 each if not given. Give zeros where
            tests are told by :meth:`observe`.

        Returns
        -------
        float64[n]
            As :meth:`expected`. On the first day tests a week are those so far, times seven.
        """
        return self._walk(p, time_us, observations, learn=True)

    def observe(self, tests: int, time_us: int) -> None:
        """Tell of tests that gave no record, made on the day of ``time_us``; they count from the next day on."""
        day = int(time_us) // DAY_US
        if self._day is not None and day <= self._day:
            self._open_tests += int(tests)
        else:
            self._told = {**self._told, day: self._told.get(day, 0) + int(tests)}

    def final(self, p: ArrayLike) -> Floats:
        """Expected records a week at least this extreme (float64[n]) by all that is learnt, today's records too."""
        x, _ = _extremes(p)
        fit = self._latest()
        return fit.expected(x, np.full(x.size, fit.weekly))

    def health(self) -> dict[str, Any]:
        """State of the latest fit.

        Returns
        -------
        dict
            ``xi, sigma`` (about 0 and 1 where the job's p-values are right), ``threshold`` (-log p), ``exceedances``,
            ``rate`` (a week above the threshold), ``weeks``, ``tests_per_week``, ``cold``, ``not_a_number``,
            ``too_small`` (by how much the job's p-values are, where one record a week is expected), and
            ``intervals``: by score, the 80 % interval of the expected records a week at it.
        """
        fit = self._latest()
        tail = fit.tail or _unknown(self._settings)
        low, high = tail.interval(tail.level(expected_of(_SHOWN_SCORES)))
        return {
            "xi": tail.xi,
            "sigma": tail.sigma,
            "threshold": tail.threshold,
            "exceedances": tail.exceedances,
            "rate": tail.rate,
            "weeks": fit.weeks,
            "tests_per_week": fit.weekly,
            "cold": fit.cold,
            "not_a_number": self._invalid,
            "too_small": _too_small(tail, fit.weekly),
            "intervals": dict(zip(_SHOWN_SCORES, zip(low.tolist(), high.tolist(), strict=True), strict=True)),
        }

    def final_interval(self, p: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Expected records a week as :meth:`final` gives them, and the ends of their 80 % intervals (float64[n] each).

        The interval holds the expected number. While the fit does not stand alone it reaches from what the fit says
        up to the nominal number, if that is larger.
        """
        x, _ = _extremes(p)
        fit = self._latest()
        weekly = np.full(x.size, fit.weekly)
        expected = fit.expected(x, weekly)
        tail = fit.tail or _unknown(self._settings)
        low, high = tail.interval(x)
        if fit.tail is None:  # a day at most is known: as unsure as a tail of which nothing is
            scale = expected / tail.expected(x)
            low, high = low * scale, high * scale
        return expected, np.minimum(low, expected), np.maximum(high, expected)

    def interval(self, expected: ArrayLike, *, weeks: float) -> tuple[Floats, Floats]:
        """80 % interval of the records a week realised in weeks to come, by the latest fit.

        Parameters
        ----------
        expected : float64[n]
            Expected records a week, as :meth:`final` gives.
        weeks : float
            How many weeks to come.

        Returns
        -------
        low, high : float64[n]
            Ends, both included.
        """
        tail = self._latest().tail or _unknown(self._settings)
        return tail.realised(expected, weeks=weeks)

    def to_state(self) -> dict[str, NDArray[Any]]:
        """Everything learnt, as named arrays; :meth:`from_state` gives back an equal calibrator."""
        held = self._settings
        started = self._day is not None
        told = sorted(self._told.items())
        return {
            "settings": np.array([held.keep, held.weeks, held.cold_days, held.prior_xi, self._missed]),
            "counters": np.array(
                [started, self._day or 0, self._clock, self._last_us, self._total, self._open_tests, self._invalid],
                np.int64,
            ),
            "day_clock": np.array([day.clock for day in self._days], np.int64),
            "day_tests": np.array([day.tests for day in self._days], np.int64),
            "day_size": np.array([day.top.size for day in self._days], np.int64),
            "top": np.concatenate([np.empty(0), *(day.top for day in self._days)]),
            "open": largest(self._open, held.keep),
            "told": np.array(told, np.int64).reshape(-1, 2),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> TailCalibrator:
        """Calibrator of :meth:`to_state`.

        Raises
        ------
        StateError
            If arrays are missing or do not fit together.
        """
        try:
            keep, weeks, cold_days, prior_xi, missed = (float(value) for value in state["settings"])
            made = cls(keep=int(keep), weeks=weeks, cold_days=cold_days, prior_xi=prior_xi)
            started, day, *rest = (int(value) for value in state["counters"])
            made._clock, made._last_us, made._total, made._open_tests, made._invalid = rest
            made._told = {int(at): int(tests) for at, tests in state["told"]}
            made._days = split(state)
            made._open = [np.array(state["open"], np.float64)]
        except (KeyError, ValueError, TypeError, DefinitionError) as error:
            raise StateError(
                f"the snapshot of a score calibration cannot be read ({error})",
                hint="Reset the job, or go back to an earlier snapshot.",
            ) from error
        made._missed = missed
        made._day = day if started else None
        made._refit()
        return made

    def _walk(self, p: ArrayLike, time_us: ArrayLike, observations: ArrayLike | None, *, learn: bool) -> Floats:
        x, invalid = _extremes(p)
        times = np.ascontiguousarray(time_us, np.int64)
        tests = np.ones(x.size, np.int64) if observations is None else np.ascontiguousarray(observations, np.int64)
        if not x.shape == times.shape == tests.shape:
            raise InputError(f"{x.size} p-values, {times.size} times and {tests.size} counts do not belong together")
        out = np.empty(x.size)
        for day, part in self._parts(times):
            self._roll(day, int(times[part.start]))
            out[part] = self._now.expected(x[part], self._weekly(tests[part], learn=learn))
            if learn:
                self._add(x[part], times[part], tests[part])
        if learn:
            self._invalid += invalid
        return out

    @property
    def fitted(self) -> bool:
        """Whether there is a tail of the job's own past to go by: after its first whole day of results."""
        return self._now.tail is not None

    def _parts(self, times: Ints) -> Iterator[tuple[int, slice]]:
        """Stretches of one day each; what is late belongs to the day that is open."""
        if not times.size:
            return
        days = np.floor_divide(times, DAY_US)
        days = np.maximum.accumulate(days if self._day is None else np.maximum(days, self._day))
        starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
        for start, stop in zip(starts, [*starts[1:], times.size], strict=True):
            yield int(days[start]), slice(int(start), int(stop))

    def _weekly(self, tests: Ints, *, learn: bool) -> Floats:
        if self._now.tail is not None:
            return np.full(tests.size, self._now.weekly)
        so_far = np.cumsum(np.maximum(tests, 1)) if learn else np.full(tests.size, 1 if self._total == 0 else 0)
        return (self._total + so_far) * _WEEK

    def _add(self, x: Floats, times: Ints, tests: Ints) -> None:
        self._open.append(largest([x], self._settings.keep))
        if len(self._open) > _PIECES or sum(piece.size for piece in self._open) > 2 * self._settings.keep:
            self._open = [largest(self._open, self._settings.keep)]
        self._last_us = max(self._last_us, int(times.max()))
        self._total += int(np.maximum(tests, 1).sum())
        self._open_tests += int(tests.sum())

    def _roll(self, day: int, time_us: int) -> None:
        """Open a day: close the one before, and those in between that only :meth:`observe` told of."""
        if self._day == day:
            return
        told = sorted(at for at in self._told if at <= day)
        if self._day is None:
            self._day = told[0] if told else day
            self._missed = 0.0 if self._day < day else time_us % DAY_US / DAY_US
            self._open_tests = self._told.get(self._day, 0)
            self._last_us = time_us
        for following in sorted({*told, day}):
            if following > self._day:
                self._close(self._day, following)
        self._told = {at: tests for at, tests in self._told.items() if at > day}
        self._refit()

    def _close(self, day: int, following: int) -> None:
        held = self._settings
        closed = Day(self._clock, self._open_tests, largest(self._open, held.keep))
        self._clock += min(following - day, _LONGEST_GAP)
        window = [each for each in (*self._days, closed) if each.clock >= self._clock - held.window_days]
        self._days = prune(window, held.keep)
        self._open = []
        self._open_tests = self._told.get(following, 0)
        self._day = following

    def _refit(self) -> None:
        self._now = _fit(self._days, elapsed=self._clock - self._missed, settings=self._settings)

    def _latest(self) -> _Fit:
        last = Day(self._clock, self._open_tests, largest(self._open, self._settings.keep))
        today = self._last_us % DAY_US / DAY_US
        elapsed = self._clock + today - self._missed
        fit = _fit([*self._days, last], elapsed=elapsed, settings=self._settings, today=today)
        return fit if fit.tail else replace(fit, weekly=max(self._total, 1) * _WEEK)


def _extremes(p: ArrayLike) -> tuple[Floats, int]:
    """-log p (float64[n], 0 to 691), and how many were not a number."""
    given = np.ascontiguousarray(p, np.float64)
    missing = np.isnan(given)
    return -np.log(np.clip(np.where(missing, 1.0, given), P_FLOOR, 1.0)), int(missing.sum())
