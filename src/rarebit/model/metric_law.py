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
    learn,
    p_above,
    p_below,
    variance_of,
)
from rarebit.model.count_cells import Moment, Watch
from rarebit.model.metric_bounds import BOTH as BOTH  # noqa: PLC0414 part of this module's words
from rarebit.model.metric_bounds import HIGH as HIGH  # noqa: PLC0414
from rarebit.model.metric_bounds import LOW as LOW  # noqa: PLC0414
from rarebit.model.metric_bounds import fill_bounds, usual
from rarebit.model.metric_cells import CELL, SERIES, beliefs_of, forward, law_of, moments_of, with_new
from rarebit.model.metric_parts import (
    ByEvents,
    LeftOut,
    Presence,
    empty_series,
    fit_groups,
    is_collapsed,
    shared,
)
from rarebit.model.metric_ranks import HIGH_SIDE, LOW_SIDE, Ranks
from rarebit.model.peer_map import numbers_of
from rarebit.model.season import Profile, Season
from rarebit.model.tables import State, Table, by_key, columns_of, rows_from

SURPRISING: Final = 1e-3
"""An empty bucket is only told of where its probability is below this; a lasting silence once, when it begins."""
_OUTLIER: Final = 6.0
"""Deviations: what lies beyond is learnt as if it lay here."""
_UNSHAPED: Final = 0.05
"""What remains of noise that was mostly season."""
_GONE: Final = 0.02
"""Values, decayed, below which a series is forgotten."""

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
    prune_us : int, optional
        Series without a value for so long before the newest are forgotten.
    """

    def __init__(
        self,
        *,
        side: int,
        zero: bool,
        by_events: bool,
        decay: float,
        most: int,
        pool: bool,
        prune_us: int | None = None,
    ) -> None:
        self.side, self.zero, self.by_events = side, zero, by_events
        self.evicted = self.pruned = 0
        self._decay, self._most, self._pool, self._prune_us = decay, most, pool, prune_us
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

    def close(
        self, rows: Table, values: Floats, events: Floats, when: Moment, watch: Watch | None = None
    ) -> tuple[Table, int]:
        """Judge and learn one bucket.

        Parameters
        ----------
        rows : OPEN[n]
            Series with a value, by key.
        values, events : float64[n]
            Their values, and the events these are made of.
        when : Moment
            The bucket.
        watch : Watch, optional
            Says what is left out of it.

        Returns
        -------
        cells : CELL[m]
            All that was judged and could be told of, by key.
        judged : int
            Values judged.
        """
        self._admit(rows)
        if not self._signed and (values < 0.0).any():
            self._turn()
        if watch is not None and not rows.size and watch.resting(when.start_us, self.series["entity"]).all():
            return np.zeros(0, CELL), 0
        self._stamp += 1
        places = np.searchsorted(self.series["key"], rows["key"])
        self._follow(rows, places)
        self.series["scopes"][places] = rows["scopes"]
        cells = self._cells(places, values, events, when)
        cells["id"], cells["time_us"], cells["seen_us"] = rows["first_id"], rows["first_us"], rows["first_us"]
        y = forward(values, signed=self._signed)
        ready = not bool(np.isnan(self._prior[0, 0]))
        tails: list[tuple[int, Floats]] = []
        if ready:
            tails = self._judge(cells, y)
        else:
            cells["p"] = cells["tail_p"] = 1.0
        out = self._left_out(watch, cells, places, when, ready=ready)
        silent = self._absent(places, when, out, ready=ready) if self.zero else cells[:0]
        kept = ~out.unlearnt[places]
        for row, own in tails:
            self._ranks.learn(row, cells["group"][kept], own[kept])
        self._learn(cells[kept], places[kept], y[kept], when, ready=ready)
        for name in ("last_us", "last_id"):
            self.series[name][places] = rows[name]
        judged = (int(np.count_nonzero(~out.resting)) if self.zero else places.size) if ready else 0
        return (by_key(cells, silent) if silent.size else cells), judged

    def start_day(self) -> None:
        """Refit what series have in common and hold the memory bound."""
        self._forget()
        fit_groups(self.series, self._prior, pool=self._pool)
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

    def bounds(self, cells: Table) -> None:
        """Fill in what is usual, and between what 98 of 100 such buckets lie."""
        fill_bounds(cells, self._ranks, signed=self._signed)

    def _turn(self) -> None:
        """The first negative value: values are now taken as they are, and all learnt of their logarithms is dropped."""
        self._signed, self._shaped = True, 0
        for name in ("seen", "weight", "mean", "squares"):
            self.series[name] = 0.0
        self._begin()

    def _admit(self, rows: Table) -> None:
        """Make room for series met for the first time."""
        fresh = rows[~np.isin(rows["key"], self.series["key"])]
        if fresh.size:
            self.series = with_new(self.series, fresh, self._stamp)

    def _follow(self, rows: Table, places: Ints) -> None:
        """Put series into the group that their rows name by now; groups met for the first time begin like the fleet."""
        moved = (rows["group"] != 0) & (self.group_codes[self.series["group"][places]] != rows["group"])
        codes = np.setdiff1d(rows["group"][moved], self.group_codes)
        if codes.size:
            self.group_codes = np.append(self.group_codes, codes)
            self._prior = np.concatenate([self._prior, np.repeat(self._prior[:1], codes.size, axis=0)])
            for part in (self._season, self._presence.season, self._ranks):
                part.add_groups(codes.size)
        self.series["group"][places[moved]] = numbers_of(rows["group"][moved], self.group_codes)

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

    def _left_out(self, watch: Watch | None, cells: Table, places: Ints, when: Moment, *, ready: bool) -> LeftOut:
        """Ask what is left out of the bucket, and note in the cells what hides them."""
        series = self.series
        if watch is None:
            return LeftOut.nothing(series.size)
        resting = watch.resting(when.start_us, series["entity"])
        out = LeftOut(resting, resting.copy(), np.zeros(series.size, np.int64))
        asked = [(cells, places)]
        if self.zero:
            here = np.isin(np.arange(series.size), places)
            absent = np.flatnonzero(~here & ~resting)
            zeros = np.zeros(absent.size)
            empty = self._cells(absent, zeros, zeros, when)
            empty["side"] = LOW
            asked.append((empty, absent))
        for part, at in asked:
            typical = usual(part, law_of(part), signed=self._signed) if ready else np.full(at.size, np.nan)
            entities, scopes = series["entity"][at], series["scopes"][at]
            part["hidden"], out.unlearnt[at] = watch.cells(
                when.start_us, entities, scopes, np.ascontiguousarray(part["value"]), typical, counted=True
            )
            out.hidden[at] = part["hidden"]
        return out

    def _absent(self, places: Ints, when: Moment, out: LeftOut, *, ready: bool) -> Table:
        """Learn which series were empty; cells of those whose silence surprises and was not told of before."""
        present = np.isin(np.arange(self.series.size), places)
        absence = self._presence.absence(self.series, when.hours)
        collapsed = ready and is_collapsed(absence[~out.resting], present[~out.resting])
        silent = np.zeros(0, CELL)
        if ready and self.side != HIGH and not collapsed:
            told = ~present & ~out.resting & (absence < SURPRISING)
            fresh = np.flatnonzero(told & (self.series["quiet"] == 0))
            self.series["quiet"] = told | ((self.series["quiet"] > 0) & ~present)
            if fresh.size:
                silent = self._silent(fresh, absence[fresh], when)
                silent["hidden"] = out.hidden[fresh]
        if not (collapsed and self._presence.season.may_freeze(when.hours, when.week)):
            kept = ~out.unlearnt
            learnt = self.series[kept]
            self._presence.learn(learnt, present[kept], when.hours, when.week, self._decay)
            self.series[kept] = learnt
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

    def _judge(self, cells: Table, y: Floats) -> list[tuple[int, Floats]]:
        """Fill in law and probability of each cell; returned are its tails by side, which tell how it fits."""
        law = law_of(cells)
        cells["scale"], cells["freedom"] = law.scale, law.freedom
        cells["fleet"] = shared(cells["group"], y - law.location, law.scale, self.group_codes.size)
        present = 1.0 - cells["absence"]
        p, tails = np.full(y.size, np.inf), []
        # What all do at once does not make a series stranger on the other side.
        sides = ((HIGH, HIGH_SIDE, np.maximum, p_above), (LOW, LOW_SIDE, np.minimum, p_below))
        for side, row, limit, tail in sides:
            moved = Student(law.location + limit(cells["fleet"], 0.0), law.scale, law.freedom)
            own = tail(y, moved)
            found = self._ranks.replaced(row, cells["group"], own)
            tails.append((row, own))
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
        return tails

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

    def _forget(self) -> None:
        """Drop series that have faded; where there are still too many, those not seen for the longest."""
        series = self.series
        kept = series["seen"] * self._decay ** (self._stamp - series["stamp"]) >= _GONE
        if self._prune_us is not None and series.size:
            lately = series["last_us"] >= series["last_us"].max() - self._prune_us
            self.pruned += int(np.count_nonzero(kept & ~lately))
            kept &= lately
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
        state["marks"] = np.array([self.evicted, self._stamp, self._signed, self._shaped, self.pruned], np.int64)
        for prefix, part in self._parts().items():
            state |= {f"{prefix}.{name}": array for name, array in part.to_state().items()}
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`."""
        self.series = rows_from("series", SERIES, state)
        self.group_codes, self._prior = np.array(state["groups"]), np.array(state["prior"])
        self.evicted, self._stamp, signed, self._shaped, self.pruned = (int(mark) for mark in state["marks"])
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
