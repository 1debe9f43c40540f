"""The metric model: how odd a sum, mean, median, extreme or variance is for a series in a bucket of time.

Buckets are judged when they close, each before it is learnt; memory halves in a week of buckets with events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.model.count_cells import Moment, Watch
from rarebit.model.count_open import OPEN, CountRows, OpenBucket
from rarebit.model.metric_cells import CELL, SERIES
from rarebit.model.metric_law import HIGH, MetricLaw
from rarebit.model.metric_values import OpenValues
from rarebit.model.peer_map import PeerMap
from rarebit.model.tables import State, Table

STATISTICS: Final = ("sum", "mean", "median", "min", "max", "varp")
"""What can be made of the values of a bucket; a cell names it by its place here."""
LONGEST_GAP: Final = 2016
"""Buckets: a longer stretch without any event of the job is not learnt from further."""
_SURPRISING_SIDE: Final = 0.4999
"""Values that lie no further out than the middle are never handed out, however few there are."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NONE: Final = np.zeros(0, np.int64)
_NO_WEIGHTS: Final = np.zeros(0)


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """What a metric model makes of values, and what it takes into account."""

    span_us: int
    statistics: tuple[str, ...]
    """Of :data:`STATISTICS`; several are judged together, and the oddest is told of."""
    side: int = HIGH
    zero: bool = False
    """An empty bucket is a value of 0, not none; for sums."""
    half_life_hours: float = 168.0
    memory_bytes: int = 1 << 30
    prune_us: int | None = None
    """Series without a value for so long before the newest are forgotten, and counted in ``pruned``."""
    pool: bool = True
    """False leaves each series to itself: no law of its peers beyond a weak one."""


class MetricModel:
    """State of one detector's metric model."""

    def __init__(self, settings: MetricSettings) -> None:
        self.settings = settings
        self.keep_p = 0.05
        self.late = 0
        self.watch: Watch | None = None
        """Says what is left out of a bucket; asked when it closes."""
        self._open = OpenBucket(distinct=False)
        self._values = OpenValues(median="median" in settings.statistics)
        self._peers = PeerMap({})
        most = settings.memory_bytes // (SERIES.itemsize * len(settings.statistics))
        self._laws = [
            MetricLaw(
                side=settings.side,
                zero=settings.zero,
                by_events=statistic != "sum",
                decay=2.0 ** (-settings.span_us / (settings.half_life_hours * 3.6e9)),
                most=max(1, most),
                prune_us=settings.prune_us,
                pool=settings.pool,
            )
            for statistic in settings.statistics
        ]

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; a series already known moves there with its next bucket."""
        self._peers = PeerMap(peer_of)

    def score_and_learn(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        values: Floats,
        *,
        weights: Floats = _NO_WEIGHTS,
        entities: Ints = _NONE,
        hosts: Ints = _NONE,
        peers: Ints = _NONE,
        scopes: Ints = _NONE,
    ) -> tuple[Table, int]:
        """Gather rows in the order given; judge and learn every bucket that they close.

        Parameters
        ----------
        times_us, ids, keys : int64[n]
            Event time, code of the event's id, code of its series; a row of series 0 only moves time on.
        values : float64[n]
            The metric; a row without one (NaN) only moves time on.
        weights : float64[n], optional
            Events that a row stands for, if not 1; a row of none, or of an unknown number, only moves time on. A mean,
            median or variance counts it so often; a sum, least or most is taken to be that of all its events.
        entities, hosts, peers : int64[n], optional
            Code of the entity, looked up by :meth:`set_peers`, and again where it is a host; code of its peer group,
            where it is not listed.
        scopes : int64[n], optional
            Bits that :attr:`watch` is told of again when a bucket of the series closes.

        Returns
        -------
        cells : CELL[m]
            Surprising cells with p up to ``keep_p``, by bucket and key. A row earlier than the open bucket is late:
            it is counted in ``late`` and left out.
        judged : int
            Values judged.
        """
        if times_us.size == 0:
            return np.zeros(0, CELL), 0
        buckets = times_us // self.settings.span_us
        stands_for = weights if weights.size else np.ones(keys.size)
        keys = np.where(np.isfinite(values) & (stands_for > 0.0), keys, 0)
        table = CountRows(times_us, ids, keys, peers, entities=hosts, scopes=scopes, sought=entities)
        now = np.maximum.accumulate(np.maximum(buckets, self._open.bucket))
        starts = np.flatnonzero(np.diff(now, prepend=now[0] - 1))
        cells, judged = [np.zeros(0, CELL)], 0
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), now.size], strict=True):
            found, number = self._close_until(int(now[start]))
            cells += found
            judged += number
            part = slice(start, end)
            late = buckets[part] < now[part]
            self.late += int(np.count_nonzero(late & (keys[part] != 0)))
            timely = np.where(late, 0, keys[part])
            self._open.add(table.take(part)._replace(keys=timely), peers=self._peers)
            rows = start + np.flatnonzero(timely)
            self._values.add(keys[rows], ids[rows], values[rows], stands_for[rows])
        return np.concatenate(cells), judged

    def start_day(self) -> None:
        """Refit what series have in common and hold the memory bound; call at each new day of event time."""
        for law in self._laws:
            law.start_day()

    def forget_scopes(self) -> None:
        """Take every series for one without scopes until its next event: what their bits mean has changed."""
        self._open.forget_scopes()
        for law in self._laws:
            law.series["scopes"] = 0

    @property
    def series(self) -> Table:
        """The series held (SERIES[n]), by key; where several statistics are judged, as the first knows them."""
        return self._laws[0].series

    @property
    def counts(self) -> dict[str, int]:
        """Number of series held, of peer groups met, and of those judged by ranks as their law was refuted."""
        refuted = sum(each.refuted for each in self._laws)
        return {"entities": self.series.size, "groups": self._laws[0].group_codes.size - 1, "refuted": refuted}

    @property
    def evicted(self) -> int:
        """Series dropped for want of memory."""
        return sum(law.evicted for law in self._laws)

    @property
    def pruned(self) -> int:
        """Series forgotten as they had no value for the prune window."""
        return sum(law.pruned for law in self._laws)

    @property
    def memory(self) -> int:
        """Bytes of the series."""
        return sum(int(law.series.nbytes) for law in self._laws)

    def group_codes(self) -> Ints:
        """Code of each peer group's name by group index; index 0 is no group."""
        return self._laws[0].group_codes.copy()

    def to_state(self) -> State:
        """Memory as named arrays; equal memories give equal arrays."""
        state: State = {"marks": np.array([self.late], np.int64)}
        for prefix, part in self._parts().items():
            state |= {f"{prefix}.{name}": array for name, array in part.to_state().items()}
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        self.late = int(state["marks"][0])
        for prefix, part in self._parts().items():
            own = {name.removeprefix(f"{prefix}."): a for name, a in state.items() if name.startswith(f"{prefix}.")}
            part.load_state(own)
        return self

    def _parts(self) -> dict[str, OpenBucket | OpenValues | MetricLaw]:
        laws = {f"law{at}": law for at, law in enumerate(self._laws)}
        return {"open": self._open, "values": self._values, **laws}

    def _close_until(self, bucket: int) -> tuple[list[Table], int]:
        """Close the open bucket and the empty ones after it: what each tells, and how many values were judged."""
        opened = self._open.bucket
        if opened == bucket:
            return [], 0
        self._open.bucket = bucket
        if opened < 0:
            return [], 0
        found = [self._close(opened, self._open.take())]
        if self.settings.zero:
            empty = np.zeros(0, OPEN)
            found += [self._close(each, empty) for each in range(opened + 1, min(bucket, opened + LONGEST_GAP))]
        return [cells for cells, _ in found], sum(judged for _, judged in found)

    def _close(self, bucket: int, rows: Table) -> tuple[Table, int]:
        """Judge and learn one bucket: its surprising cells, and how many values were judged."""
        when = Moment(bucket * self.settings.span_us, self.settings.span_us)
        values, medians = self._values.take()
        events = np.ascontiguousarray(values["events"])
        told, judged, tests = [], 0, len(self._laws)
        for statistic, law in zip(self.settings.statistics, self._laws, strict=True):
            cells, judged = law.close(rows, _statistic(statistic, values, medians), events, when, self.watch)
            # Of several tests the oddest is told of, so each must be so much odder.
            cells["p"] = np.minimum(tests * cells["p"], 1.0)
            cells["statistic"] = STATISTICS.index(statistic)
            wanted = cells[(cells["p"] <= self.keep_p) & (cells["tail_p"] < _SURPRISING_SIDE)]
            wanted["peers_beyond"] = _beyond(wanted, cells, zero=self.settings.zero)
            law.bounds(wanted)
            told.append(wanted)
        if tests == 1:
            return told[0], judged
        joined = np.concatenate(told)
        joined = joined[np.lexsort((joined["statistic"], joined["p"], joined["hidden"] != 0, joined["key"]))]
        first: Table = joined[np.diff(joined["key"], prepend=joined["key"][:1] - 1) != 0]
        return first, judged


def _statistic(name: str, values: Table, medians: Floats) -> Floats:
    """A statistic of each series' values."""
    if name == "median":
        return medians
    found = values["squares"] / values["events"] if name == "varp" else values[name]
    return np.ascontiguousarray(found)


def _beyond(wanted: Table, cells: Table, *, zero: bool) -> Ints:
    """Peers with a greater value, or a smaller one where the value is low (int64[n])."""
    found = np.zeros(wanted.size, np.int64)
    for group in np.unique(wanted["group"]):
        own = np.flatnonzero(wanted["group"] == group)
        held = np.sort(cells["value"][(cells["group"] == group) & (cells["events"] > 0.0)])
        value, high = wanted["value"][own], wanted["side"][own] == HIGH
        below = np.searchsorted(held, value, "left")
        if zero:
            silent = wanted["peers"][own] + 1 - held.size
            below = below + np.where(value > 0.0, silent, 0)
        found[own] = np.where(high, held.size - np.searchsorted(held, value, "right"), below)
    return found
