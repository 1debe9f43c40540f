"""The metric model's law of one statistic: what each series' value in a bucket should be, and how odd it was.

On the scale of the logarithm (or as they are, where some are negative), a series' values are normal about its own mean
plus the hour of the week, plus what the fleet shares in the bucket, plus what the number of events does to a mean or
an extreme. Mean and variance have a normal-gamma law among like series, so the law of the next value is Student's t.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.metric import (
    Beliefs,
    Moments,
    Student,
    fit_beliefs,
    learn,
    least_variance,
    p_above,
    p_below,
    value_at,
    variance_of,
)
from rarebit.model.count_cells import Moment
from rarebit.model.metric_cells import CELL, SERIES, backward, beliefs_of, forward, law_of, moments_of
from rarebit.model.metric_parts import ByEvents, Presence, empty_series, is_collapsed
from rarebit.model.metric_ranks import HIGH_SIDE, LOW_SIDE, Ranks
from rarebit.model.season import Profile, Season
from rarebit.model.tables import State, Table, columns_of, rows_from

HIGH: Final = 1
LOW: Final = -1
BOTH: Final = 0
SURPRISING: Final = 1e-3
"""An empty bucket is only told of where its probability is below this; a lasting silence once, when it begins."""
MIN_SEEN: Final = 4.0
"""Values: series with less history say nothing about their peers."""
MIN_MEMBERS: Final = 3
FLEET_MEMBERS: Final = 10
"""Series with a value in a bucket, from which on they tell what the fleet shares."""
_FLEET_WORTH: Final = 20.0
_CLEAR: Final = 3.0
"""Deviations up to which a value tells of the fleet; beyond, it is the series' own."""
_OUTLIER: Final = 6.0
"""Deviations: what lies beyond is learnt as if it lay here."""
_ALONE: Final = (0.05, 1.0)
"""Worth and shape of what a series is held to be where it has no peers, or is not to be told by them."""
_UNSHAPED: Final = 0.05
"""What remains of noise that was mostly season."""
_GONE: Final = 0.02
"""Values, decayed, below which a series is forgotten."""
_OFTEN: Final = 0.99

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class MetricLaw:
    """State of one statistic of a detector.

    Parameters
    ----------
    side : int
        HIGH, LOW or BOTH.
    zero : bool
        An empty bucket is a value of 0, not none.
    by_events : bool
        The statistic's level and noise go with the number of events it is made of.
    decay : float
        What a bucket with any event leaves of what was known.
    most : int
        Series that may be held.
    pool : bool
        False leaves each series to itself.
    """

    def __init__(self, *, side: int, zero: bool, by_events: bool, decay: float, most: int, pool: bool) -> None:
        self.side, self.zero, self.by_events = side, zero, by_events
        self.evicted = 0
        self._decay, self._most, self._pool = decay, most, pool
        self._stamp = 0
        self._shaped = 0
        self.series = empty_series()
        self.group_codes = np.zeros(1, np.int64)
        self._signed = False
        self._presence = Presence()
        self._begin()

    def _begin(self) -> None:
        """Nothing known of values."""
        groups = self.group_codes.size
        self._prior = np.full((groups, len(Beliefs._fields)), np.nan)
        self._season, self._ranks, self._numbers = Season(Profile.OFFSET), Ranks(), ByEvents()
        if groups > 1:
            self._season.add_groups(groups - 1)
            self._ranks.add_groups(groups - 1)

    def close(self, rows: Table, values: Floats, events: Floats, when: Moment) -> Table:
        """Judge and learn one bucket.

        Parameters
        ----------
        rows : OPEN[n]
            Series with a value, by key.
        values, events : float64[n]
            Their values, and the events these are made of.
        when : Moment
            The bucket.

        Returns
        -------
        CELL[m]
            All that was judged and could be told of, by key.
        """
        self._admit(rows)
        if not self._signed and (values < 0.0).any():
            self._turn()
        self._stamp += 1
        places = np.searchsorted(self.series["key"], rows["key"])
        cells = self._cells(places, values, events, when)
        cells["id"], cells["time_us"], cells["seen_us"] = rows["first_id"], rows["first_us"], rows["first_us"]
        y = forward(values, signed=self._signed)
        ready = not bool(np.isnan(self._prior[0, 0]))
        silent = self._absent(places, when, cells, ready=ready) if self.zero else cells[:0]
        if ready:
            self._judge(cells, y)
        else:
            cells["p"] = cells["tail_p"] = 1.0
        self._learn(cells, places, y, when, ready=ready)
        for name in ("last_us", "last_id"):
            self.series[name][places] = rows[name]
        if not silent.size:
            return cells
        joined = np.concatenate([cells, silent])
        ordered: Table = joined[np.argsort(joined["key"], kind="stable")]
        return ordered

    def observed(self, present: int) -> int:
        """Values judged in a bucket of which so many series had any."""
        if np.isnan(self._prior[0, 0]):
            return 0
        return self.series.size if self.zero else present

    def start_day(self) -> None:
        """Refit what series have in common and hold the memory bound."""
        self._forget()
        self._fit_groups()
        if np.isnan(self._prior[0, 0]):
            return
        for part in (self._season, self._presence.season, self._ranks, self._numbers):
            part.refit()
        # Most of the noise learnt before the hours of the day, and then those of the week, were met was the season.
        shaped = 1 + self._season.complete
        if shaped > self._shaped:
            self._shaped = shaped
            self._ranks.fade(_UNSHAPED)
            for name in ("seen", "squares"):
                self.series[name] *= _UNSHAPED

    def _fit_groups(self) -> None:
        fleet = self._fit(np.ones(self.series.size, np.bool_))
        if fleet is None:
            return
        self._prior[:] = fleet
        for group in range(1, self.group_codes.size):
            members = self.series["group"] == group
            if np.count_nonzero(members & (self.series["seen"] >= MIN_SEEN)) >= MIN_MEMBERS:
                self._prior[group] = self._fit(members)

    def bounds(self, cells: Table) -> None:
        """Fill in what is usual, and between what 98 of 100 such buckets lie."""
        if not cells.size:
            return
        law = law_of(cells)
        group = cells["group"]
        at_least, at_most = np.minimum(cells["fleet"], 0.0), np.maximum(cells["fleet"], 0.0)
        present = 1.0 - cells["absence"]
        high = self._ranks.asked(HIGH_SIDE, group, np.minimum((1.0 - _OFTEN) / present, 0.5))
        upper = value_at(1.0 - high, law) + at_most
        # What empty buckets take of the lower end is no value at all.
        left = 1.0 - _OFTEN - cells["absence"]
        low = self._ranks.asked(LOW_SIDE, group, np.clip(left / present, 1e-9, 0.5))
        lower = backward(value_at(low, law) + at_least, signed=self._signed)
        cells["upper"] = backward(upper, signed=self._signed)
        cells["lower"] = np.where(left > 0.0, lower, 0.0)
        side = np.where(cells["side"] == HIGH, at_most, at_least)
        typical = backward(law.location + side, signed=self._signed)
        cells["typical"] = np.where(cells["absence"] > 0.5, 0.0, typical)  # noqa: PLR2004 - the median

    def _turn(self) -> None:
        """The first negative value: values are now taken as they are, and all learnt of their logarithms is dropped."""
        self._signed, self._shaped = True, 0
        for name in ("seen", "weight", "mean", "squares"):
            self.series[name] = 0.0
        self._begin()

    def _admit(self, rows: Table) -> None:
        """Make room for series and groups met for the first time."""
        fresh = rows[~np.isin(rows["key"], self.series["key"])]
        if fresh.size == 0:
            return
        codes = np.setdiff1d(fresh["group"], self.group_codes)
        if codes.size:
            self.group_codes = np.append(self.group_codes, codes)
            self._prior = np.concatenate([self._prior, np.repeat(self._prior[:1], codes.size, axis=0)])
            for part in (self._season, self._presence.season, self._ranks):
                part.add_groups(codes.size)
        made = np.zeros(fresh.size, SERIES)
        made["key"], made["first_us"], made["stamp"] = fresh["key"], fresh["first_us"], self._stamp
        order = np.argsort(self.group_codes, kind="stable")
        made["group"] = order[np.searchsorted(self.group_codes, fresh["group"], sorter=order)]
        joined = np.concatenate([self.series, made])
        self.series = joined[np.argsort(joined["key"], kind="stable")]

    def _cells(self, places: Ints, values: Floats, events: Floats, when: Moment) -> Table:
        """What is known of series before the bucket is learnt."""
        series = self.series[places]
        cells = np.zeros(places.size, CELL)
        for name in ("key", "group", "first_us", "buckets", "mean"):
            cells[name] = series[name]
        kept = self._decay ** (self._stamp - series["stamp"] - 1.0)
        for name in ("seen", "weight", "squares"):
            cells[name] = kept * series[name]
        cells["bucket_us"], cells["is_signed"] = when.start_us, self._signed
        cells["value"], cells["events"] = values, events
        cells["season"] = self._season.profiles[:, when.hours].mean(axis=1)[series["group"]]
        for name, column in zip(Beliefs._fields, self._prior.T, strict=True):
            cells[f"prior_{name}"] = column[series["group"]]
        cells["noise"] = 1.0
        if self.by_events:
            cells["offset"], cells["noise"] = self._numbers.of(events)
        if self.zero and places.size:
            cells["absence"] = self._presence.absence(series, when.hours)
        groups = self.group_codes.size
        members = self.series["group"] if self.zero else cells["group"]
        cells["peers"] = np.bincount(members, minlength=groups)[cells["group"]] - 1
        return cells

    def _absent(self, places: Ints, when: Moment, present_cells: Table, *, ready: bool) -> Table:
        """Learn which series were empty; cells of those whose silence surprises and was not told of before."""
        present = np.zeros(self.series.size, np.bool_)
        present[places] = True
        absence = self._presence.absence(self.series, when.hours)
        collapsed = ready and is_collapsed(absence, present)
        silent = present_cells[:0]
        if ready and self.side != HIGH and not collapsed:
            told = ~present & (absence < SURPRISING)
            fresh = np.flatnonzero(told & (self.series["quiet"] == 0))
            self.series["quiet"] = told | ((self.series["quiet"] > 0) & ~present)
            if fresh.size:
                silent = self._silent(fresh, absence[fresh], when)
        if not (collapsed and self._presence.season.may_freeze(when.hours, when.week)):
            self._presence.learn(self.series, present, when.hours, when.week, self._decay)
        return silent

    def _silent(self, places: Ints, absence: Floats, when: Moment) -> Table:
        zeros = np.zeros(places.size)
        cells = self._cells(places, zeros, zeros, when)
        cells["id"], cells["seen_us"] = self.series["last_id"][places], self.series["last_us"][places]
        cells["time_us"], cells["side"], cells["absence"] = when.start_us, LOW, absence
        cells["tail_p"] = cells["law_p"] = 0.0
        law = law_of(cells)
        cells["location"], cells["scale"], cells["freedom"] = law
        p = absence / 2.0
        cells["p"] = np.minimum(2.0 * p, 1.0) if self.side == BOTH else p
        return cells

    def _judge(self, cells: Table, y: Floats) -> None:
        """Fill in law and probability of each cell, and learn how well the law fits."""
        law = law_of(cells)
        cells["scale"], cells["freedom"] = law.scale, law.freedom
        cells["fleet"] = self._shared(cells["group"], y - law.location, law.scale)
        present = 1.0 - cells["absence"]
        p = np.full(y.size, np.inf)
        # What all do at once does not make a series stranger on the other side.
        sides = ((HIGH, HIGH_SIDE, np.maximum, p_above), (LOW, LOW_SIDE, np.minimum, p_below))
        for side, row, limit, tail in sides:
            moved = Student(law.location + limit(cells["fleet"], 0.0), law.scale, law.freedom)
            own = tail(y, moved)
            found = self._ranks.replaced(row, cells["group"], own)
            self._ranks.learn(row, cells["group"], own)
            if self.side not in (BOTH, side):
                continue
            told = present * found.p + (cells["absence"] if side == LOW else 0.0)
            less = told < p
            p[less] = told[less]
            cells["side"][less] = side
            new = (moved.location, own, found.p, found.of, found.start, found.share, found.shape, found.scale)
            for name, value in zip(_SIDED, new, strict=True):
                cells[name][less] = value[less]
        cells["p"] = np.minimum(2.0 * p, 1.0) if self.side == BOTH else p

    def _shared(self, groups: NDArray[Any], apart: Floats, scale: Floats) -> Floats:
        """What the values of a group, or of the fleet where it is small, have in common in the bucket (float64[n])."""
        if apart.size < FLEET_MEMBERS:
            return np.zeros(apart.size)
        number = self.group_codes.size
        weight = np.median(scale**2) / scale**2
        weight = np.minimum(weight, 1.0)
        told = weight * np.clip(apart, -_CLEAR * scale, _CLEAR * scale)
        fleet = told.sum() / (weight.sum() + _FLEET_WORTH)
        by_group = np.bincount(groups, weight, number)
        own = (np.bincount(groups, told, number) + _FLEET_WORTH * fleet) / (by_group + _FLEET_WORTH)
        many = np.bincount(groups, minlength=number) >= FLEET_MEMBERS
        found: Floats = np.where(many, own, fleet)[groups]
        return found

    def _learn(self, cells: Table, places: Ints, y: Floats, when: Moment, *, ready: bool) -> None:
        """Add the bucket to its series, the hours and the numbers of events."""
        learnt = y
        if ready:
            law = law_of(cells)
            centre = law.location + cells["fleet"]
            learnt = np.clip(y, centre - _OUTLIER * law.scale, centre + _OUTLIER * law.scale)
            self._learn_shape(cells, learnt, law, when)
        # Half of what the fleet shares is learnt as the series' own, so that a lasting change becomes the rule.
        own = learnt - cells["season"] - cells["offset"] - 0.5 * cells["fleet"]
        moments = learn(moments_of(cells), own, decay=self._decay, precision=1.0 / cells["noise"])
        for name, new in zip(Moments._fields, moments, strict=True):
            self.series[name][places] = new
        self.series["stamp"][places] = self._stamp
        self.series["buckets"][places] += 1

    def _learn_shape(self, cells: Table, learnt: Floats, law: Student, when: Moment) -> None:
        variance = variance_of(moments_of(cells), beliefs_of(cells))
        weight = cells["prior_variance"] / (cells["prior_variance"] + variance)
        apart = learnt - law.location
        groups = self.group_codes.size
        by_hour = weight * (apart + cells["season"])
        told, of = (np.bincount(cells["group"], part, groups).astype(np.float64) for part in (by_hour, weight))
        self._season.learn(when.hours, when.week, told, of)
        if self.by_events:
            apart = apart - cells["fleet"]
            self._numbers.learn(cells["events"], apart + cells["offset"], weight, apart**2 / variance)

    def _fit(self, members: NDArray[np.bool_]) -> tuple[float, float, float, float] | None:
        told = self.series[members & (self.series["seen"] >= MIN_SEEN)]
        if told.size == 0:
            return None
        moments = moments_of(told)
        if told.size >= MIN_MEMBERS:
            mean, worth, shape, variance = fit_beliefs(moments)
            return (mean, worth, shape, variance) if self._pool else (mean, *_ALONE, variance)
        mean = float(moments.mean.mean())
        variance = float(moments.squares.sum() / np.maximum(moments.seen - 1.0, 1.0).sum())
        return mean, *_ALONE, max(variance, float(least_variance(mean)))

    def _forget(self) -> None:
        """Drop series that have faded; where there are still too many, those not seen for the longest."""
        series = self.series
        kept = series["seen"] * self._decay ** (self._stamp - series["stamp"]) >= _GONE
        if np.count_nonzero(kept) > self._most:
            oldest = np.lexsort((series["key"], -series["last_us"], ~kept))
            keep = np.zeros(series.size, np.bool_)
            keep[oldest[: round(0.8 * self._most)]] = True
            self.evicted += int(np.count_nonzero(kept & ~keep))
            kept &= keep
        self.series = series[kept]

    @property
    def refuted(self) -> int:
        """Groups judged by ranks, since the law was refuted there."""
        return self._ranks.refuted

    def to_state(self) -> State:
        """Memory as named arrays."""
        state = columns_of("series", self.series)
        state |= {"groups": self.group_codes.copy(), "prior": self._prior.copy()}
        state["marks"] = np.array([self.evicted, self._stamp, self._signed, self._shaped], np.int64)
        for prefix, part in self._parts().items():
            state |= {f"{prefix}.{name}": array for name, array in part.to_state().items()}
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`."""
        self.series = rows_from("series", SERIES, state)
        self.group_codes, self._prior = np.array(state["groups"]), np.array(state["prior"])
        self.evicted, self._stamp, signed, self._shaped = (int(mark) for mark in state["marks"])
        self._signed = bool(signed)
        for prefix, part in self._parts().items():
            own = {name.removeprefix(f"{prefix}."): a for name, a in state.items() if name.startswith(f"{prefix}.")}
            part.load_state(own)
        return self

    def _parts(self) -> dict[str, Season | Ranks | ByEvents]:
        return {
            "season": self._season,
            "presence": self._presence.season,
            "ranks": self._ranks,
            "numbers": self._numbers,
        }


_SIDED: Final = (
    "location", "law_p", "tail_p", "rank_of", "rank_start", "rank_share", "rank_shape", "rank_scale",
)  # fmt: skip
