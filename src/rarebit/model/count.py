"""The count model: how unexpected a number of events is for a series in a bucket of time.

Every series has a gamma-distributed rate, shrunk to the law of its peers' rates, times the hour of the week, times how
busy the whole fleet is in the bucket. The noise of the rate from bucket to bucket is learnt too. Buckets are judged
when they close, each before it is learnt; memory halves in a week of event time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.count import Predicted, learn
from rarebit.model.count_cells import (
    CELL,
    SERIES,
    Moment,
    Watch,
    chosen_rows,
    count_peers,
    law_of,
    most_ordinary,
    noise_of,
    note_events,
    show_first_events,
    with_new,
)  # fmt: skip
from rarebit.model.count_forget import remembered
from rarebit.model.count_frequent import left_out
from rarebit.model.count_judge import SURPRISING as SURPRISING  # noqa: PLC0414 part of this module's words
from rarebit.model.count_judge import judge, leave_out
from rarebit.model.count_late import LateWindow
from rarebit.model.count_open import OPEN, CountRows, OpenBucket
from rarebit.model.count_prior import Prior, fit_groups, fit_prior, fleet_factor, is_collapsed
from rarebit.model.count_settings import CountSettings
from rarebit.model.drift import Drift
from rarebit.model.peer_map import PeerMap, numbers_of
from rarebit.model.season import Season
from rarebit.model.tables import State, Table, among, columns_of, rows_from, under

LONGEST_GAP: Final = 2016
"""Buckets: a longer stretch without any event of the job is not learnt from further."""
_NOISE_WORTH: Final = 40.0
"""What the peers' noise is worth beside a series' own; a busy bucket is worth up to 4."""
_LEAST_NOISE: Final = 0.1
"""The season is learnt as if no series were steadier than this, so that none leads alone."""
_UNSHAPED: Final = 0.05
"""What remains of the noise learnt before all hours of the week were met: most of it was the season."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NONE: Final = np.zeros(0, np.int64)


class CountModel:
    """State of one detector's count model."""

    cell_type: np.dtype[Any] = CELL
    may_drift = True
    """Whether series are looked at over longer than a bucket, too."""

    def __init__(self, settings: CountSettings) -> None:
        self.settings = settings
        self._first_bucket = -1
        self.keep_p = 0.05
        self.evicted = self.pruned = 0
        self.late = 0
        """CountRows that came after their bucket had closed."""
        self.too_late = 0
        """Of those, rows whose bucket was no longer kept: learnt, and judged in no bucket."""
        self.watched = _NONE
        """Series of which every cell is kept in ``watched_cells``; no part of the memory."""
        self.watched_cells: list[Table] = []
        self.watch: Watch | None = None
        """Says what is left out of a bucket; asked when it closes."""
        self._again = False
        """Whether buckets are closed that were closed before."""
        self._shaped = False
        self._decay = 2.0 ** (-settings.span_us / (settings.half_life_hours * 3.6e9))
        self.series: Table = np.zeros(0, SERIES)
        self._open = OpenBucket(distinct=settings.distinct)
        self._season = Season()
        self._drift = Drift(settings.span_us, settings.side)
        room = settings.memory_bytes // 2
        self._late = LateWindow(settings.span_us, room, self.cell_type, distinct=settings.distinct)
        self._group_codes = np.zeros(1, np.int64)
        self._prior = np.full((1, len(Prior._fields)), np.nan)
        self._peers = PeerMap({})

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; a series already known moves there with its next bucket."""
        self._peers = PeerMap(peer_of)

    def score_and_learn(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        *,
        values: Ints = _NONE,
        sizes: Ints = _NONE,
        weights: Ints = _NONE,
        entities: Ints = _NONE,
        hosts: Ints = _NONE,
        peers: Ints = _NONE,
        members: Ints = _NONE,
        scopes: Ints = _NONE,
    ) -> tuple[Table, int]:
        """Count rows; judge and learn every bucket that they close, or that they come late to.

        Parameters
        ----------
        times_us, ids, keys : int64[n]
            Event time, code of the event's id, code of its series; a row of series 0 only moves time on.
        values, sizes : int64[n]
            For distinct counts what is counted once each, 0 not at all; and as how many, where not as one.
        weights, entities, hosts, peers, members : int64[n], optional
            Events that a row stands for, if not 1 (with 0 it only moves time on); code of the entity, looked up by
            :meth:`set_peers`, and again where it is a host; code of its peer group, where it is not listed; code of
            the member of a population, the same in all groups.
        scopes : int64[n], optional
            Bits that :attr:`watch` is told of again when a bucket of the series closes.

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
            return np.zeros(0, self.cell_type), 0
        groups = self._peers.groups_of(entities, peers if peers.size else np.zeros(keys.size, np.int64))
        own = values if self.settings.distinct else _NONE
        keys = np.where(weights > 0, keys, 0) if weights.size else keys
        bucket, member = times_us // self.settings.span_us, members if members.size else keys
        rows = CountRows(bucket, times_us, ids, keys, groups, member, own, sizes, weights, hosts, scopes)
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
        self._again = True
        cells, judged, taken = self._late.amend(self, rows, self._open.bucket)
        self._again = False
        too_late = rows.take(~taken)
        self.late += int(np.count_nonzero(rows.keys))
        self.too_late += int(np.count_nonzero(too_late.keys))
        if too_late.keys.size:
            self._open.add(too_late, late=True)
        return cells, judged

    def _take_timely(self, rows: CountRows) -> tuple[Table, int]:
        """Add rows in order, none of them late; cells of the buckets they close, and how many were judged."""
        starts = np.flatnonzero(np.diff(rows.buckets, prepend=-1))
        cells, judged = [np.zeros(0, self.cell_type)], 0
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
            self._open.add(rows.take(slice(start, end)))
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
                self.series[name] *= _UNSHAPED
        if self._fit():
            self._season.refit()

    def forget_scopes(self) -> None:
        """Take every series for one without scopes until its next event: what their bits mean has changed."""
        self.series["scopes"] = 0
        self._open.forget_scopes()
        self._late.forget_scopes()

    @property
    def counts(self) -> dict[str, int]:
        """Number of series held, and of peer groups met."""
        return {"entities": self.series.size, "groups": self._group_codes.size - 1}

    @property
    def memory(self) -> int:
        """Bytes of the series, and of what is kept for late events."""
        return int(self.series.nbytes) + self._late.memory

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
        state = columns_of("series", self.series)
        state |= {"groups": self._group_codes.copy(), "prior": self._prior.copy()}
        state["marks"] = np.array([self.evicted, self._shaped, self._first_bucket, self.pruned], np.int64)
        state |= {f"drift.{name}": array for name, array in self._drift.to_state().items()}
        return state | {f"season.{name}": array for name, array in self._season.to_state().items()}

    def load_core(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back :meth:`core_state`."""
        self.series = rows_from("series", SERIES, state)
        self._group_codes, self._prior = np.array(state["groups"]), np.array(state["prior"])
        self.evicted, shaped, self._first_bucket, self.pruned = (int(mark) for mark in state["marks"])
        self._shaped = bool(shaped)
        self._season.load_state(under(state, "season."))
        self._drift.load_state(under(state, "drift."))

    def _fit(self) -> bool:
        """Learn anew what series have in common; whether any is old enough."""
        fleet = fit_prior(self.series, pool=self.settings.pool)
        if fleet is None:
            return False
        self._prior[:] = fleet
        fit_groups(self._prior, self.series, pool=self.settings.pool)
        return True

    def _forget(self) -> None:
        """Drop series that have faded; where there are still too many, those not seen for the longest."""
        kept, pruned, evicted = remembered(self.series, self.settings)
        self.evicted, self.pruned = self.evicted + evicted, self.pruned + pruned
        self.series = self.series[kept]

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
        places = np.searchsorted(self.series["key"], rows["key"])
        self._follow(rows, places)
        counts = np.zeros(self.series.size, np.int64)
        counts[places] = rows["count"]
        self.series["scopes"][places] = rows["scopes"]
        chosen = np.flatnonzero(counts > 0) if self.settings.skip_empty else np.arange(counts.size)
        when = Moment(bucket * self.settings.span_us, self.settings.span_us)
        if self.watch is not None:
            chosen = chosen[~self.watch.resting(when.start_us, self.series["entity"][chosen])]
        cells = self._cells(chosen, counts[chosen], when)
        self._judge_and_learn(cells, chosen, when)
        self._first_bucket = bucket if self._first_bucket < 0 else self._first_bucket
        asked = self.settings.exclude_frequent, self.settings.exclude_common
        cells["p"][left_out(self.series, chosen, bucket - self._first_bucket, asked)] = np.nan
        note_events(self.series, rows, places)
        show_first_events(cells, rows)
        if self.watched.size:
            self.watched_cells.append(cells[np.isin(cells["key"], self.watched)])
        return chosen_rows(cells, np.flatnonzero(~np.isnan(cells["p"])))

    def _add_groups(self, codes: Ints) -> None:
        self._group_codes = np.concatenate([self._group_codes, codes])
        self._prior = np.concatenate([self._prior, np.repeat(self._prior[:1], codes.size, axis=0)])
        self._season.add_groups(codes.size)

    def _admit(self, rows: Table) -> None:
        """Make room for series met for the first time."""
        fresh = rows[~among(self.series["key"], rows["key"])]
        if fresh.size == 0:
            return
        self.series = with_new(self.series, fresh)

    def _follow(self, rows: Table, places: Ints) -> None:
        """Put series into the group that their rows name by now; groups met for the first time begin like the fleet."""
        moved = (rows["group"] != 0) & (self._group_codes[self.series["group"][places]] != rows["group"])
        self._add_groups(np.setdiff1d(rows["group"][moved], self._group_codes))
        self.series["group"][places[moved]] = numbers_of(rows["group"][moved], self._group_codes)

    def _cells(self, chosen: Ints, counts: Ints, when: Moment) -> Table:
        """What is known of each series before the bucket is learnt."""
        series = chosen_rows(self.series, chosen)
        cells = np.zeros(chosen.size, self.cell_type)
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
        if cells.size == 0:
            return
        y = cells["count"] - self.settings.skip_empty
        if np.isnan(self._prior[0, 0]):
            cells["p"] = np.nan
            kept = self._kept(cells, chosen, np.full(y.size, np.nan))
            self._learn(chosen[kept], y[kept], np.ones(kept.size), np.zeros((2, kept.size)))
            return
        flat = self._law(cells)
        law = Predicted(flat.shape, flat.mean * cells["season"])
        heard = self.series["quiet"][chosen] == 0
        collapsed = is_collapsed(y[heard], law.mean[heard])
        groups = self._group_codes.size
        if not collapsed:
            cells["fleet"] = self._fleet(y, law, cells["group"])[cells["group"]]
        self._judge(cells, chosen, y, law, collapsed=collapsed)
        kept = self._kept(cells, chosen, cells["mean"] + self.settings.skip_empty)
        cells["own_p"], cells["share"] = cells["p"], 1.0
        if collapsed and self._season.may_freeze(when.hours, when.week):
            return
        law = Predicted(law.shape, law.mean * cells["fleet"])
        learnt = np.minimum(y, self._most(law, chosen))
        if self._shaped and self.may_drift:
            whole = kept.size == self.series.size
            series = self.series if whole else self.series[chosen]
            self._drift.judge(cells, series, learnt, law)
            if not whole:
                self.series[chosen[kept]] = series[kept]
        # Half of what the fleet shares is learnt as the series' own, so that a lasting change becomes the rule.
        exposure, noise = cells["season"] * np.sqrt(cells["fleet"]), noise_of(learnt, law, cells["dispersion"])
        self._learn(chosen[kept], learnt[kept], exposure[kept], noise[:, kept])
        damped = 1.0 / (1.0 + self._unsteadiness(cells, law) * flat.mean)
        parts, of = ((damped * part)[kept] for part in (learnt, flat.mean)), cells["group"][kept]
        counted, expected = (np.bincount(of, part, groups).astype(np.float64) for part in parts)
        self._season.learn(when.hours, when.week, counted, expected)

    def _law(self, cells: Table) -> Predicted:
        """Law of each count in an hour like any other."""
        return law_of(cells, np.ones(cells.size))

    def _fleet(self, y: Ints, law: Predicted, groups: NDArray[np.int32]) -> Floats:
        """How busy each group is beside what its members led to expect."""
        return fleet_factor(y, law, groups, self._group_codes.size)

    def _most(self, law: Predicted, chosen: Ints) -> Floats:  # noqa: ARG002 - members look at their history
        """The largest count that is learnt as it is."""
        return most_ordinary(law)

    def _unsteadiness(self, cells: Table, law: Predicted) -> Floats:  # noqa: ARG002 - populations look at the law
        """By how much each series is less worth asking about the season."""
        found: Floats = np.maximum(cells["dispersion"], _LEAST_NOISE)
        return found

    def _judge(self, cells: Table, chosen: Ints, y: Ints, law: Predicted, *, collapsed: bool) -> None:
        """Fill in the probability of each cell, and note which series are silent."""
        quiet = self.series["quiet"][chosen]
        self.series["quiet"][chosen] = judge(cells, quiet, y, law, side=self.settings.side, collapsed=collapsed)

    def _kept(self, cells: Table, chosen: Ints, typical: Floats) -> Ints:
        """See :func:`~rarebit.model.count_judge.leave_out`."""
        return leave_out(self.watch, cells, chosen_rows(self.series, chosen), typical, counted=not self._again)

    def _learn(self, chosen: Ints, y: Ints | Floats, exposure: Floats, noise: Floats) -> None:
        series = self.series
        for name, new in (("events", y), ("exposure", exposure), ("noise", noise[0]), ("noise_weight", noise[1])):
            series[name][chosen] = learn(series[name][chosen], new, decay=self._decay)
        series["buckets"][chosen] += 1
