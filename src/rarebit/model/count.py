"""The count model: how unexpected a number of events is for a series in a bucket of time.

Every series has a gamma-distributed rate, shrunk to the law of its peers' rates, times the hour of the week, times how
busy the whole fleet is in the bucket. The noise of the rate from bucket to bucket is learnt too. Buckets are judged
when they close, each before it is learnt; memory halves in a week of event time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.count import Predicted, learn, p_high, p_low, p_none
from rarebit.model.count_cells import (
    CELL,
    SERIES,
    Moment,
    at,
    count_peers,
    groups_of,
    law_of,
    named_groups,
    noise_of,
    show_first_events,
)
from rarebit.model.count_late import CountRows, LateWindow
from rarebit.model.count_open import OPEN, OpenBucket
from rarebit.model.count_prior import MIN_EXPOSURE, MIN_MEMBERS, Prior, fit_prior, fleet_factor, is_collapsed
from rarebit.model.drift import Drift
from rarebit.model.season import Season
from rarebit.model.tables import State, Table, among, columns_of, rows_from, under

HIGH: Final = 1
LOW: Final = -1
BOTH: Final = 0
SURPRISING: Final = 1e-3
"""Low counts are only told of where P(Y = 0) is below this; a lasting silence is told of once, when it begins."""
LONGEST_GAP: Final = 2016
"""Buckets: a longer stretch without any event of the job is not learnt from further."""
_OUTLIER: Final = 6.0
"""Standard deviations: what lies beyond is learnt as if it lay here."""
_NOISE_WORTH: Final = 40.0
"""What the peers' noise is worth beside a series' own; a busy bucket is worth up to 4."""
_LEAST_NOISE: Final = 0.1
"""The season is learnt as if no series were steadier than this, so that none leads alone."""
_UNSHAPED: Final = 0.05
"""What remains of the noise learnt before all hours of the week were met: most of it was the season."""
_GONE: Final = 0.02
"""Events, decayed, below which a series is forgotten."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NONE: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class CountSettings:
    """What a count model counts, and what it takes into account."""

    span_us: int
    side: int = HIGH
    distinct: bool = False
    skip_empty: bool = False
    """Empty buckets are no observation; then what is modelled is the count less one."""
    half_life_hours: float = 168.0
    memory_bytes: int = 1 << 30
    """Of the series; what is kept for late events may take half as much again."""
    pool: bool = True
    """False leaves each series to itself: no law of its peers beyond a weak one around its own rate."""


class CountModel:
    """State of one detector's count model."""

    def __init__(self, settings: CountSettings) -> None:
        self.settings = settings
        self.keep_p = 0.05
        self.evicted = 0
        self.late = 0
        """CountRows that came after their bucket had closed."""
        self.too_late = 0
        """Of those, rows whose bucket was no longer kept: learnt, and judged in no bucket."""
        self.watched = _NONE
        """Series of which every cell is kept in ``watched_cells``; no part of the memory."""
        self.watched_cells: list[Table] = []
        self._shaped = False
        self._decay = 2.0 ** (-settings.span_us / (settings.half_life_hours * 3.6e9))
        self._series: Table = np.zeros(0, SERIES)
        self._open = OpenBucket(distinct=settings.distinct)
        self._season = Season()
        self._drift = Drift(settings.span_us, settings.side)
        room = settings.memory_bytes // 2
        self._late = LateWindow(span_us=settings.span_us, distinct=settings.distinct, memory_bytes=room)
        self._group_codes = np.zeros(1, np.int64)
        self._prior = np.full((1, len(Prior._fields)), np.nan)
        self._peer_map = (_NONE, _NONE)

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; series already known keep their group."""
        self._peer_map = named_groups(peer_of)

    def score_and_learn(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        *,
        values: Ints = _NONE,
        weights: Ints = _NONE,
        entities: Ints = _NONE,
        peers: Ints = _NONE,
    ) -> tuple[Table, int]:
        """Count rows; judge and learn every bucket that they close, or that they come late to.

        Parameters
        ----------
        times_us, ids, keys : int64[n]
            Event time, code of the event's id, code of its series; a row of series 0 only moves time on.
        values : int64[n]
            What is counted once each, for distinct counts; 0 is not counted.
        weights, entities, peers : int64[n], optional
            Events that a row stands for, if not 1 (with 0 it only moves time on); code of the entity, looked up by
            :meth:`set_peers`; code of its peer group, where it is not listed.

        Returns
        -------
        cells : CELL[m]
            Surprising cells with p up to ``keep_p``, by bucket and key. Before them those that late rows changed:
            rows up to :data:`~rarebit.model.count_late.LATENESS_US` late are judged in their own bucket, as if they
            had come in time. Rows later than that are learnt, and judged in no bucket.
        judged : int
            Cells judged, beyond those judged before.
        """
        if times_us.size == 0:
            return np.zeros(0, CELL), 0
        own = values if self.settings.distinct else _NONE
        groups = groups_of(self._peer_map, entities, peers, keys.size)
        keys = np.where(weights > 0, keys, 0) if weights.size else keys
        rows = CountRows(times_us // self.settings.span_us, times_us, ids, keys, groups, own, weights)
        if np.any(np.diff(times_us) < 0):
            rows = rows.take(np.lexsort((ids, times_us)))
        if self._open.bucket < 0:
            self._late.begin(self, self.keep_p)
        late = rows.buckets < self._open.bucket
        if not late.any():
            return self._take_timely(rows)
        cells, judged = self._take_late(rows.take(late))
        if late.all():
            return cells, judged
        more, further = self._take_timely(rows.take(~late))
        return np.concatenate([cells, more]), judged + further

    def _take_late(self, rows: CountRows) -> tuple[Table, int]:
        cells, judged, taken = self._late.amend(self, rows, self._open.bucket)
        too_late = rows.take(~taken)
        self.late += int(np.count_nonzero(rows.keys))
        self.too_late += int(np.count_nonzero(too_late.keys))
        if too_late.keys.size:
            self._open.add(*too_late[1:5], np.ones(too_late.keys.size, np.bool_), too_late.values, too_late.weights)
        return cells, judged

    def _take_timely(self, rows: CountRows) -> tuple[Table, int]:
        """Add rows in order, none of them late; cells of the buckets they close, and how many were judged."""
        starts = np.flatnonzero(np.diff(rows.buckets, prepend=-1))
        cells, judged = [np.zeros(0, CELL)], 0
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), rows.buckets.size], strict=True):
            bucket = int(rows.buckets[start])
            fresh = bucket != self._open.bucket
            if fresh and self._open.bucket >= 0:
                pairs, held = self._open.pairs, self._open.take()
                self._late.closing(self, self._open.bucket, int(rows.times_us[start]), self.keep_p)
                found = self.close(self._open.bucket, bucket, held)
                cells.append(self._late.closed(self._open.bucket, held, pairs, found, self.keep_p))
                judged += sum(each.size for each in found)
            self._open.bucket = bucket
            self._late.opened(int(rows.times_us[start]), self.keep_p, new=fresh)
            own = rows.take(slice(start, end))
            self._open.add(*own[1:5], np.zeros(end - start, np.bool_), own.values, own.weights)
        return np.concatenate(cells), judged

    def start_day(self) -> None:
        """Refit what series have in common and hold the memory bound; call at each new day of event time."""
        self._late.start_day(self, self._open.bucket)
        self.refit()

    def refit(self) -> None:
        """See :meth:`start_day`; late events have it done again."""
        self._forget()
        if not self._shaped and self._season.complete:
            self._shaped = True
            for name in ("noise", "noise_weight"):
                self._series[name] *= _UNSHAPED
        fleet = fit_prior(self._series, pool=self.settings.pool)
        if fleet is None:
            return
        self._prior[:] = fleet
        for group in range(1, self._group_codes.size):
            members = self._series[self._series["group"] == group]
            if np.count_nonzero(members["exposure"] >= MIN_EXPOSURE) >= MIN_MEMBERS:
                self._prior[group] = fit_prior(members, pool=self.settings.pool)
        self._season.refit()

    @property
    def counts(self) -> dict[str, int]:
        """Number of series held, and of peer groups met."""
        return {"entities": self._series.size, "groups": self._group_codes.size - 1}

    @property
    def memory(self) -> int:
        """Bytes of the series, and of what is kept for late events."""
        return int(self._series.nbytes) + self._late.memory

    def group_codes(self) -> Ints:
        """Code of each peer group's name by group index; index 0 is no group."""
        return self._group_codes.copy()

    def to_state(self) -> State:
        """Memory as named arrays; equal memories give equal arrays."""
        state = self.core_state() | {"late_rows": np.array([self.late, self.too_late], np.int64)}
        state |= {f"open.{name}": array for name, array in self._open.to_state().items()}
        return state | {f"late.{name}": array for name, array in self._late.to_state().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        self.load_core(state)
        self.late, self.too_late = (int(mark) for mark in state["late_rows"])
        self._open.load_state(under(state, "open."))
        self._late.load_state(under(state, "late."))
        return self

    def core_state(self) -> State:
        """What was learnt of closed buckets."""
        state = columns_of("series", self._series)
        state |= {"groups": self._group_codes.copy(), "prior": self._prior.copy()}
        state["marks"] = np.array([self.evicted, self._shaped], np.int64)
        state |= {f"drift.{name}": array for name, array in self._drift.to_state().items()}
        return state | {f"season.{name}": array for name, array in self._season.to_state().items()}

    def load_core(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back :meth:`core_state`."""
        self._series = rows_from("series", SERIES, state)
        self._group_codes, self._prior = np.array(state["groups"]), np.array(state["prior"])
        self.evicted, shaped = (int(mark) for mark in state["marks"])
        self._shaped = bool(shaped)
        self._season.load_state(under(state, "season."))
        self._drift.load_state(under(state, "drift."))

    def _forget(self) -> None:
        """Drop series that have faded; where there are still too many, those not seen for the longest."""
        series = self._series
        kept = series["events"] >= _GONE
        most = max(1, self.settings.memory_bytes // SERIES.itemsize)
        if np.count_nonzero(kept) > most:
            oldest = np.lexsort((series["key"], -series["last_us"], ~kept))
            keep = np.zeros(series.size, np.bool_)
            keep[oldest[: round(0.8 * most)]] = True
            self.evicted += int(np.count_nonzero(kept & ~keep))
            kept &= keep
        self._series = series[kept]

    def close(self, bucket: int, until: int, rows: Table) -> list[Table]:
        """Judge and learn a bucket, and the empty ones after it up to ``until``; the cells of each."""
        found = [self._close(bucket, rows)]
        if not self.settings.skip_empty:
            empty = np.zeros(0, OPEN)
            found += [self._close(each, empty) for each in range(bucket + 1, min(until, bucket + LONGEST_GAP))]
        return found

    def _close(self, bucket: int, rows: Table) -> Table:
        """Judge and learn one bucket."""
        self._admit(rows)
        places = np.searchsorted(self._series["key"], rows["key"])
        counts = np.zeros(self._series.size, np.int64)
        counts[places] = rows["count"]
        chosen = np.flatnonzero(counts > 0) if self.settings.skip_empty else np.arange(counts.size)
        when = Moment(bucket * self.settings.span_us, self.settings.span_us)
        cells = self._cells(chosen, counts[chosen], when)
        self._judge_and_learn(cells, chosen, when)
        self._note_events(rows, places)
        show_first_events(cells, rows)
        if self.watched.size:
            self.watched_cells.append(cells[np.isin(cells["key"], self.watched)])
        judged: Table = cells[~np.isnan(cells["p"])]
        return judged

    def _admit(self, rows: Table) -> None:
        """Make room for series and groups met for the first time."""
        fresh = rows[~among(self._series["key"], rows["key"])]
        if fresh.size == 0:
            return
        for code in np.setdiff1d(fresh["group"], self._group_codes):
            self._group_codes = np.append(self._group_codes, code)
            self._prior = np.concatenate([self._prior, self._prior[:1]])
            self._season.add_groups(1)
        made = np.zeros(fresh.size, SERIES)
        made["key"], made["first_us"] = fresh["key"], fresh["first_us"]
        made["last_us"], made["last_id"] = fresh["first_us"], fresh["first_id"]
        order = np.argsort(self._group_codes, kind="stable")
        made["group"] = order[np.searchsorted(self._group_codes, fresh["group"], sorter=order)]
        joined = np.concatenate([self._series, made])
        self._series = joined[np.argsort(joined["key"], kind="stable")]

    def _cells(self, chosen: Ints, counts: Ints, when: Moment) -> Table:
        """What is known of each series before the bucket is learnt."""
        series = self._series[chosen]
        cells = np.zeros(chosen.size, CELL)
        for name in ("key", "group", "first_us", "buckets", "events", "exposure"):
            cells[name] = series[name]
        cells["bucket_us"] = cells["time_us"] = when.start_us
        cells["id"], cells["seen_us"], cells["count"] = series["last_id"], series["last_us"], counts
        cells["season"] = self._season.profiles[:, when.hours].mean(axis=1)[series["group"]]
        prior = Prior(*self._prior[series["group"]].T)
        cells["prior_shape"], cells["prior_exposure"] = prior.shape, prior.exposure
        own, weight = series["noise"], series["noise_weight"]
        cells["dispersion"] = np.maximum((own + _NOISE_WORTH * prior.dispersion) / (weight + _NOISE_WORTH), 0.0)
        cells["fleet"] = 1.0
        count_peers(cells, self._group_codes.size)
        return cells

    def _judge_and_learn(self, cells: Table, chosen: Ints, when: Moment) -> None:
        """Fill in the law and the probability of each cell, then learn the bucket."""
        y = cells["count"] - self.settings.skip_empty
        if np.isnan(self._prior[0, 0]):
            cells["p"] = np.nan
            self._learn(chosen, y, np.ones(y.size), np.zeros((2, y.size)))
            return
        flat = law_of(cells, np.ones(y.size))
        law = Predicted(flat.shape, flat.mean * cells["season"])
        heard = self._series["quiet"][chosen] == 0
        collapsed = is_collapsed(y[heard], law.mean[heard])
        groups = self._group_codes.size
        if not collapsed:
            cells["fleet"] = fleet_factor(y, law, cells["group"], groups)[cells["group"]]
        self._judge(cells, chosen, y, law, collapsed=collapsed)
        cells["own_p"], cells["share"] = cells["p"], 1.0
        if collapsed and self._season.may_freeze(when.hours, when.week):
            return
        law = Predicted(law.shape, law.mean * cells["fleet"])
        learnt = np.minimum(y, np.ceil(law.mean + _OUTLIER * np.sqrt(law.mean + law.mean**2 / law.shape)))
        if self._shaped:
            series = self._series[chosen]
            self._drift.judge(cells, series, learnt, law)
            self._series[chosen] = series
        # Half of what the fleet shares is learnt as the series' own, so that a lasting change becomes the rule.
        self._learn(
            chosen, learnt, cells["season"] * np.sqrt(cells["fleet"]), noise_of(learnt, law, cells["dispersion"])
        )
        damped = 1.0 / (1.0 + np.maximum(cells["dispersion"], _LEAST_NOISE) * flat.mean)
        parts = (damped * part for part in (learnt, flat.mean))
        counted, expected = (np.bincount(cells["group"], part, groups).astype(np.float64) for part in parts)
        self._season.learn(when.hours, when.week, counted, expected)

    def _judge(self, cells: Table, chosen: Ints, y: Ints, law: Predicted, *, collapsed: bool) -> None:
        """Probability of each cell: of as much or more, of as little or less, or both."""
        side, p = self.settings.side, np.ones(y.size)
        cells["shape"], cells["side"] = law.shape, LOW if side == LOW else HIGH
        cells["mean"] = law.mean
        if side != LOW:
            # A fleet at rest does not make a busy series stranger, and a busy one does not make silence stranger.
            above = Predicted(law.shape, law.mean * np.maximum(cells["fleet"], 1.0))
            rows = np.flatnonzero(y > above.mean)
            p[rows] = p_high(y[rows], at(above, rows))
            cells["mean"] = above.mean
        if side != HIGH:
            lower, mean = self._low(cells, chosen, y, law, collapsed=collapsed)
            less = (lower < p) | (side == LOW)
            cells["side"][less], cells["mean"][less] = LOW, mean[less]
            p = np.minimum(p, lower)
        cells["p"] = np.minimum(2.0 * p, 1.0) if side == BOTH else p

    def _low(self, cells: Table, chosen: Ints, y: Ints, law: Predicted, *, collapsed: bool) -> tuple[Floats, Floats]:
        """Probability of as little, told once when a stretch of it begins; and the mean it was judged by."""
        below = Predicted(law.shape, law.mean * np.minimum(cells["fleet"], 1.0))
        p = np.ones(y.size)
        if collapsed:
            return p, below.mean
        rows = np.flatnonzero((y < below.mean) & (p_none(below) < SURPRISING))
        p[rows] = p_low(y[rows], at(below, rows))
        quiet = self._series["quiet"][chosen] > 0
        self._series["quiet"][chosen] = p < SURPRISING
        p[quiet] = 1.0
        return p, below.mean

    def _learn(self, chosen: Ints, y: Ints | Floats, exposure: Floats, noise: Floats) -> None:
        series = self._series
        more = (("events", y), ("exposure", exposure), ("noise", noise[0]), ("noise_weight", noise[1]))
        for name, new in more:
            series[name][chosen] = learn(series[name][chosen], new, decay=self._decay)
        series["buckets"][chosen] += 1

    def _note_events(self, rows: Table, places: Ints) -> None:
        """Late events correct what was learnt; the last event of each series is remembered."""
        self._series["events"][places] += rows["late"]
        timely = rows["timely"] > 0
        for name in ("last_us", "last_id"):
            self._series[name][places[timely]] = rows[name][timely]
