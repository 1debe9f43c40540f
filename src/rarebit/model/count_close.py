"""A bucket of the count model that closes: its cells judged, then learnt, in a few compiled passes over its series."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.count import Predicted, p_high, p_low
from rarebit.model import count_kernel as kernel
from rarebit.model.count_cells import CELL, Floats, Ints
from rarebit.model.count_prior import fleet_factor, is_collapsed
from rarebit.model.count_settings import BOTH, HIGH, LOW, CountSettings
from rarebit.model.drift import OWN, Drift
from rarebit.model.tables import Table

SURPRISING: Final = 1e-3
"""Low counts are only told of where P(Y = 0) is below this; a lasting silence is told of once, when it begins."""


class Room:
    """Arrays that every close of a model uses again."""

    def __init__(self) -> None:
        self._numbers: Floats = np.empty((kernel.ROWS, 0))
        self._places: Ints = np.empty((3, 0), np.int64)

    def of(self, size: int) -> tuple[Floats, Ints]:
        """Room for so many cells: numbers (float64[ROWS, n]), places (int64[3, n])."""
        if self._numbers.shape[1] != size:
            self._numbers, self._places = np.empty((kernel.ROWS, size)), np.empty((3, size), np.int64)
        return self._numbers, self._places


class Closing:
    """One bucket at its close.

    Parameters
    ----------
    series : SERIES[s]
        All series of the model; what is learnt is written there.
    chosen, counts : int64[n]
        Places of the series that are judged, rising, and what was counted of each.
    groups : int
        Number of peer groups.
    """

    def __init__(
        self, series: Table, chosen: Ints, counts: Ints, *, groups: int, settings: CountSettings, room: Room
    ) -> None:
        self._series = series
        self.chosen, self.counts = chosen, counts
        self._groups, self._settings = groups, settings
        self._y = counts - settings.skip_empty
        self._work, (self._group, self._high, self._low) = room.of(chosen.size)
        self._totals = np.zeros((2, groups))
        self._prior = np.zeros((groups, 3))
        self._side = np.full(chosen.size, LOW if settings.side == LOW else HIGH, np.int32)
        self._told = np.zeros(chosen.size, np.bool_)
        self._collapsed = False
        self._windows: list[tuple[int, str]] = []
        self.p: Floats = np.full(chosen.size, np.nan)
        """Probability of each cell; NaN while there is nothing to judge by."""
        self.hidden: Ints = np.zeros(0, np.int64)
        """Key of what hides each cell, or 0; empty where nothing hides any."""

    def expect(self, prior: Floats, season: Floats) -> None:
        """Work out what is expected, by the laws (float64[groups, 3]) and the hour (float64[groups]) of the groups."""
        self._prior = prior
        kernel.expect(
            self._series, self.chosen, self.counts, prior, season, self._group, self._work, self._totals
        )  # fmt: skip

    def judge(self, *, exact: bool) -> bool:
        """Fill in probabilities and note silences; whether the whole feed seems cut off.

        Not all are worked out unless all are wanted ``exact``: those that surprise nobody may stay 1.
        """
        y, work, side = self._y, self._work, self._settings.side
        self._collapsed = collapsed = is_collapsed(y, work[kernel.MEAN], work[kernel.QUIET] == 0.0)
        if not collapsed:
            busy = fleet_factor(y, work[kernel.SHAPE], work[kernel.MEAN], self._group, self._groups)
            work[kernel.FLEET] = busy[self._group]
        highs, lows = kernel.screen(y, work, side, collapsed, exact, SURPRISING, self._high, self._low)
        p, high, low = work[kernel.P], self._high[:highs], self._low[:lows]
        p[high] = self._as_much(high)
        if side != HIGH and not collapsed:
            lower = self._as_little(low)
            kernel.hush(self._series, self.chosen, low, lower, SURPRISING)
            self._call_low(low, lower)
        if side == BOTH:
            np.minimum(2.0 * p, 1.0, out=p)
        self.p = p.copy()
        return collapsed

    def _as_much(self, cells: Ints) -> Floats:
        shape, mean, fleet = (self._work[row, cells] for row in (kernel.SHAPE, kernel.MEAN, kernel.FLEET))
        return p_high(self._y[cells], Predicted(shape, mean * np.maximum(fleet, 1.0)))

    def _as_little(self, cells: Ints) -> Floats:
        shape, mean, fleet = (self._work[row, cells] for row in (kernel.SHAPE, kernel.MEAN, kernel.FLEET))
        return p_low(self._y[cells], Predicted(shape, mean * np.minimum(fleet, 1.0)))

    def _call_low(self, cells: Ints, lower: Floats) -> None:
        """Put to cells that are low how low they are, and the mean that says so."""
        less = cells[lower < self._work[kernel.P, cells]]
        self._work[kernel.P, cells] = np.minimum(self._work[kernel.P, cells], lower)
        self._side[less] = LOW
        self._work[kernel.SHOWN, less] = self._work[kernel.MEAN, less] * np.minimum(self._work[kernel.FLEET, less], 1.0)

    @property
    def typical(self) -> Floats:
        """Count that was expected of each cell (float64[n]); NaN where it was not judged."""
        found: Floats = np.where(np.isnan(self.p), np.nan, self._work[kernel.SHOWN] + self._settings.skip_empty)
        return found

    def watch_windows(self, drift: Drift, kept: NDArray[np.bool_], *, exact: bool) -> None:
        """Add the bucket to the windows of a day and a week, which may make a cell of it odder; see :class:`Drift`."""
        if not drift.windows:
            return
        work, squares, odd = self._work, np.zeros(2), self._high
        found = kernel.watch_windows(
            self._series, self.chosen, kept, self._y, work, drift.decays, drift.inflation, self._settings.side, squares,
            odd,
        )  # fmt: skip
        drift.note(squares, self.chosen.size)
        self._windows = [(kernel.DAY_SEEN + 3 * at, name) for at, name in drift.windows]
        self.p = np.minimum(work[kernel.P] / OWN, 1.0)
        odd = odd[:found].copy()
        least, side = drift.tail(work[:, odd])
        drifted, quiet = work[kernel.DRIFTED, odd] > 0.0, self._series["quiet"][self.chosen[odd]] > 0
        beyond, telling = drift.told(least, self.p[odd], drifted | quiet, self.chosen.size)
        begun = odd[beyond & ~drifted & kept[odd]]
        self._series["drift"][self.chosen[begun]] = 1
        told = odd[telling]
        if not exact:
            self._judge_again(told)
        self._told[told], self._side[told] = True, side[telling]
        self.p[told] = np.minimum(self.p[told], least[telling])

    def _judge_again(self, cells: Ints) -> None:
        """Work out what was left at 1, as the cell is told of for another reason."""
        work, side = self._work, self._settings.side
        some, places = np.ascontiguousarray(work[:, cells]), np.empty((2, cells.size), np.int64)
        highs, lows = kernel.screen(self._y[cells], some, side, self._collapsed, True, SURPRISING, *places)
        high, low = cells[places[0, :highs]], cells[places[1, :lows]]
        work[kernel.P, cells] = 1.0
        work[kernel.P, high] = self._as_much(high)
        self._call_low(low, np.where(work[kernel.QUIET, low] > 0.0, 1.0, self._as_little(low)))
        if side == BOTH:
            work[kernel.P, cells] = np.minimum(2.0 * work[kernel.P, cells], 1.0)
        self.p[cells] = np.minimum(work[kernel.P, cells] / OWN, 1.0)

    def learn(self, kept: NDArray[np.bool_], decay: float) -> Floats:
        """Learn what is ``kept``; what each group counted, and a flat week would have given it (float64[2, groups])."""
        season = np.zeros((2, self._groups))
        kernel.learn(self._series, self.chosen, kept, self._y, self._work, decay, season)
        return season

    def learn_alone(self, kept: NDArray[np.bool_], decay: float) -> None:
        """Learn the cells that are ``kept`` where nothing is known of any series yet."""
        self._work[kernel.SHAPE] = 0.0
        kernel.learn_alone(self._series, self.chosen, kept, self._y, decay)

    def cells(self, chosen: Ints, start_us: int) -> Table:
        """Some cells with all that they were judged by; their first events are not in them yet."""
        made = np.zeros(chosen.size, CELL)
        if chosen.size == 0:
            return made
        work = self._work[:, chosen]
        series, group = self._series[self.chosen[chosen]], self._group[chosen]
        for name in ("key", "first_us"):
            made[name] = series[name]
        made["id"], made["seen_us"] = series["last_id"], series["last_us"]
        made["bucket_us"] = made["time_us"] = start_us
        made["group"], made["count"], made["side"] = group, self.counts[chosen], self._side[chosen]
        for name, row in _SHOWN_ROWS:
            made[name] = work[row]
        made["prior_shape"], made["prior_exposure"] = self._prior[group, 0], self._prior[group, 1]
        made["peers"] = self._totals[1, group] - 1.0
        made["peer_mean"] = (self._totals[0, group] - made["count"]) / np.maximum(made["peers"], 1)
        made["p"], made["own_p"], made["drift"] = self.p[chosen], work[kernel.P], self._told[chosen]
        made["share"] = OWN if self._windows else 1.0
        if self.hidden.size:
            made["hidden"] = self.hidden[chosen]
        for row, name in self._windows:
            seen, mean, spread = work[row : row + 3]
            made[f"{name}_seen"], made[f"{name}_mean"], made[f"{name}_var"] = seen, mean, spread
            made[f"{name}_p"] = Drift.window(seen, mean, spread, self._settings.side)[0]
        return made


_SHOWN_ROWS: Final[tuple[tuple[str, Any], ...]] = (
    ("events", kernel.EVENTS), ("exposure", kernel.EXPOSURE), ("buckets", kernel.BUCKETS), ("season", kernel.SEASON),
    ("dispersion", kernel.DISPERSION), ("shape", kernel.SHAPE), ("fleet", kernel.FLEET), ("mean", kernel.SHOWN),
)  # fmt: skip
