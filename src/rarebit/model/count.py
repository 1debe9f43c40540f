"""The count model: how unexpected a number of events is for a series in a bucket of time.

Every series has a gamma-distributed rate, shrunk to the law of its peers' rates, times the hour of the week, times how
busy the whole fleet is in the bucket. The noise of the rate from bucket to bucket is learnt too. Buckets are judged
when they close, each before it is learnt; memory halves in a week of event time.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.model import count_kernel as kernel
from rarebit.model.count_cells import CELL, SERIES, Moment, Watch, show_first_events, with_new
from rarebit.model.count_close import SURPRISING as SURPRISING  # noqa: PLC0414 part of this module's words
from rarebit.model.count_close import Closing, Room
from rarebit.model.count_forget import remembered
from rarebit.model.count_frequent import left_out
from rarebit.model.count_late import LateWindow, Told
from rarebit.model.count_open import OPEN, CountRows, OpenBucket
from rarebit.model.count_prior import Prior, fit_groups, fit_prior
from rarebit.model.count_settings import CountSettings
from rarebit.model.drift import Drift
from rarebit.model.peer_map import PeerMap, numbers_of
from rarebit.model.season import Season
from rarebit.model.tables import State, Table, columns_of, joined, rows_from, under

LONGEST_GAP: Final = 2016
"""Buckets: a longer stretch without any event of the job is not learnt from further."""
_UNSHAPED: Final = 0.05
"""What remains of the noise learnt before all hours of the week were met: most of it was the season."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NONE: Final = np.zeros(0, np.int64)


class Judged(Protocol):
    """The cells of a bucket that closes."""

    chosen: Ints
    """Places of their series."""
    hidden: Ints
    """Key of what hides each, or 0."""

    @property
    def counts(self) -> Ints:
        """What was counted of each."""

    @property
    def p(self) -> Floats:
        """Probability; NaN where nothing is told of a cell whatever it is."""

    @property
    def typical(self) -> Floats:
        """Count that was expected of each (float64[n])."""

    def cells(self, chosen: Ints, start_us: int) -> Table:
        """Some of them, with all that they were judged by but their first events."""


class CountModel:
    """State of one detector's count model."""

    cell_type: np.dtype[Any] = CELL

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
        self._room = Room()
        self._is_shared = False
        """Whether the table of series is kept for late events, too, and must not be changed."""
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
        own = values if self.settings.distinct else _NONE
        keys = np.where(weights > 0, keys, 0) if weights.size else keys
        rows = CountRows(times_us, ids, keys, peers, members, own, sizes, weights, hosts, scopes, entities).in_order()
        if self._open.bucket < 0:
            self._late.begin(self, self.keep_p)
        late = int(np.searchsorted(rows.times_us, self._open.bucket * self.settings.span_us))
        if not late:
            return self._take_timely(rows)
        cells, judged = self._take_late(rows.take(slice(0, late)))
        if late == times_us.size:
            return cells, judged
        more, further = self._take_timely(rows.take(slice(late, None)))
        return joined([cells, more]), judged + further

    def _take_late(self, rows: CountRows) -> tuple[Table, int]:
        rows = rows._replace(groups=self._peers.groups_of(rows.sought, rows.groups), sought=_NONE)
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
        starts = kernel.bucket_starts(rows.times_us, self.settings.span_us)
        cells, judged = [np.zeros(0, self.cell_type)], 0
        for start, end in pairwise([*starts.tolist(), rows.keys.size]):
            begun = int(rows.times_us[start])
            bucket = begun // self.settings.span_us
            fresh = bucket != self._open.bucket
            if fresh and self._open.bucket >= 0:
                pairs, held = self._open.pairs, self._open.take()
                self._late.closing(self, self._open.bucket, begun, self.keep_p)
                found = self.close(self._open.bucket, bucket, held, self.keep_p)
                cells.append(self._late.closed(self._open.bucket, held, pairs, found, self.keep_p))
                judged += sum(each.judged for each in found)
            self._open.bucket = bucket
            self._late.opened(begun, self.keep_p, new=fresh)
            self._open.add(rows.take(slice(start, end)), peers=self._peers)
        return joined(cells), judged

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
        core = self.core_state()
        state = (
            columns_of("series", core.pop("series"))
            | core
            | {"late_rows": np.array([self.late, self.too_late], np.int64)}
        )
        state |= {f"open.{name}": array for name, array in self._open.to_state().items()}
        return state | {f"late.{name}": array for name, array in self._late.to_state().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        self.load_core({**state, "series": rows_from("series", SERIES, state)})
        self.late, self.too_late = (int(mark) for mark in state["late_rows"])
        self._open.load_state(under(state, "open."))
        self._late.load_state(under(state, "late."))
        return self

    def core_state(self) -> State:
        """What was learnt of closed buckets; the table of series itself, which no close changes."""
        state = {"series": self.series}
        state |= {"groups": self._group_codes.copy(), "prior": self._prior.copy()}
        state["marks"] = np.array([self.evicted, self._shaped, self._first_bucket, self.pruned], np.int64)
        state |= {f"drift.{name}": array for name, array in self._drift.to_state().items()}
        return state | {f"season.{name}": array for name, array in self._season.to_state().items()}

    def load_core(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back :meth:`core_state`."""
        self.series = state["series"]
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

    def close(self, bucket: int, until: int, rows: Table, wanted: float) -> list[Told]:
        """Judge and learn a bucket, and the empty ones after it up to ``until``; what is told of each.

        Told of are cells with p up to ``wanted``.
        """
        self._is_shared = True  # as it was, it is kept for late events
        found = [self._close(bucket, rows, wanted)]
        if not self.settings.skip_empty:
            empty = np.zeros(0, OPEN)
            between = range(bucket + 1, min(until, bucket + LONGEST_GAP))
            found += [self._close(each, empty, wanted) for each in between]
        return found

    def _close(self, bucket: int, rows: Table, wanted: float) -> Told:
        """Judge and learn one bucket."""
        places = self._admit(rows)
        if self.settings.skip_empty:
            some = rows["count"] > 0
            chosen, counts = places[some], rows["count"][some]
        else:
            chosen, counts = np.arange(self.series.size), np.zeros(self.series.size, np.int64)
            counts[places] = rows["count"]
        when = Moment(bucket * self.settings.span_us, self.settings.span_us)
        if self.watch is not None:
            awake = ~self.watch.resting(when.start_us, self.series["entity"][chosen])
            chosen, counts = chosen[awake], counts[awake]
        self._first_bucket = bucket if self._first_bucket < 0 else self._first_bucket
        asked = self.settings.exclude_frequent, self.settings.exclude_common
        left = left_out(self.series, chosen, bucket - self._first_bucket, asked) if any(asked) else None
        made = self._judge_and_learn(chosen, counts, when, wanted)
        if left is not None:
            made.p[left] = np.nan
        found = made.cells(np.flatnonzero(made.p <= wanted), when.start_us)
        show_first_events(found, rows)
        if self.watched.size:
            seen = made.cells(np.flatnonzero(np.isin(self.series["key"][chosen], self.watched)), when.start_us)
            show_first_events(seen, rows)
            self.watched_cells.append(seen)
        kernel.note(self.series, rows, places)
        return Told(found, int(np.count_nonzero(~np.isnan(made.p))))

    def _add_groups(self, codes: Ints) -> None:
        self._group_codes = np.concatenate([self._group_codes, codes])
        self._prior = np.concatenate([self._prior, np.repeat(self._prior[:1], codes.size, axis=0)])
        self._season.add_groups(codes.size)

    def _admit(self, rows: Table) -> Ints:
        """Places of the rows' series, with room made for those met for the first time and groups as rows name them."""
        places = np.empty(rows.size, np.int64)
        new, moved = kernel.match(self.series, rows, self._group_codes, places)
        if new:
            self.series = with_new(self.series, rows[places < 0])
            kernel.match(self.series, rows, self._group_codes, places)
        elif self._is_shared:
            self.series = self._late.copy_of(self.series)
        self._is_shared = False
        if moved:
            self._follow(rows, places)
        if self.watch is not None:
            kernel.note_scopes(self.series, rows, places)
        return places

    def _follow(self, rows: Table, places: Ints) -> None:
        """Put series into the group that their rows name by now; groups met for the first time begin like the fleet."""
        moved = (rows["group"] != 0) & (self._group_codes[self.series["group"][places]] != rows["group"])
        self._add_groups(np.setdiff1d(rows["group"][moved], self._group_codes))
        self.series["group"][places[moved]] = numbers_of(rows["group"][moved], self._group_codes)

    def _judge_and_learn(self, chosen: Ints, counts: Ints, when: Moment, wanted: float) -> Judged:
        """Judge a bucket, with what is known before it, then learn it."""
        groups = self._group_codes.size
        season = self._season.profiles[:, when.hours].mean(axis=1)
        made = Closing(self.series, chosen, counts, groups=groups, settings=self.settings, room=self._room)
        if chosen.size == 0:
            return made
        made.expect(self._prior, season)
        if np.isnan(self._prior[0, 0]):
            made.learn_alone(self._kept(made, when), self._decay)
            return made
        exact = wanted > kernel.ORDINARY_P or self.watch is not None or self.watched.size > 0
        collapsed = made.judge(exact=exact)
        kept = self._kept(made, when)
        if collapsed and self._season.may_freeze(when.hours, when.week):
            return made
        if self._shaped:
            made.watch_windows(self._drift, kept, exact=exact)
        counted, flat = made.learn(kept, self._decay)
        self._season.learn(when.hours, when.week, counted, flat)
        return made

    def _kept(self, made: Judged, when: Moment) -> NDArray[np.bool_]:
        """Which cells are learnt (bool[n]); what hides a cell is noted."""
        if self.watch is None:
            return np.ones(made.chosen.size, np.bool_)
        series, actual = self.series[made.chosen], made.counts.astype(np.float64)
        made.hidden, unlearnt = self.watch.cells(
            when.start_us, series["entity"], series["scopes"], actual, made.typical, counted=not self._again
        )
        return ~unlearnt
