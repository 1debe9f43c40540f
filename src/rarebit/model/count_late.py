"""Late events of counts: the buckets of the last days are kept, and judged again when more of their events come.

Memory is put back to before the earliest of their buckets was closed (one of the last three), or else to the start of
its day, and the buckets from there on are closed anew, with what came late in its place. What is learnt and found is
then what events in order would have given, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.maths.hashing import pair_codes
from rarebit.model.count_cells import SERIES
from rarebit.model.count_open import OPEN, CountRows, OpenBucket
from rarebit.model.tables import State, Table, columns_of, joined, rows_from, under

LATENESS_US: Final = 48 * HOUR_US
"""Events up to so much behind the newest are judged in their own bucket."""
_POINTS: Final = 3
"""Buckets closed last before which the memory is kept too: most of what is late is late by little."""
_EVER: Final = -(1 << 40)
"""Day of the memory from before the first event."""
_SURPRISING_SIDE: Final = 0.5
"""Cells likelier than this are never handed out, however few there are."""

Ints = NDArray[np.int64]


class Amended(NamedTuple):
    """What late rows changed."""

    cells: Table
    """Cells to tell of again, with ``revised`` set; also those told of before that are no longer surprising."""
    judged: int
    """Cells judged, beyond those judged before."""
    taken: NDArray[np.bool_]
    """CountRows that found their bucket; the others came too late."""


class Told(NamedTuple):
    """What is told of a bucket that was closed."""

    cells: Table
    judged: int
    """All cells judged, those that are not told of too."""


class Memory(Protocol):
    """What a model lets be put back and done anew."""

    def core_state(self) -> State:
        """What was learnt, without the open bucket and what is kept for late events."""

    def load_core(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back what :meth:`core_state` gave."""

    def refit(self) -> None:
        """What is done at the start of a day."""

    def close(self, bucket: int, until: int, rows: Table, wanted: float) -> list[Told]:
        """Judge and learn a bucket and the empty ones after it, up to another; of each, cells with p up to ``wanted``.

        Tables of series that :meth:`core_state` gave before are not changed.
        """


@dataclass(frozen=True, slots=True)
class _Start:
    """A day's start, or a bucket's close: what was known, and which bucket was open, before it."""

    day: int
    keep_p: float
    bucket: int = -1
    state: State = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Closed:
    """A bucket that had events."""

    bucket: int
    day: int
    """Day of its first event."""
    rows: Table
    pairs: Ints
    judged: int = 0


class LateWindow:
    """What is kept for late events: memory at the starts of the last days, and the buckets since.

    Parameters
    ----------
    span_us : int
        Microseconds of a bucket.
    memory_bytes : int
        Most bytes kept; where they do not do, older days are given up, and their events come too late.
    cell_type : dtype
        CELL, or what a model makes of it.
    distinct : bool
        Whether each value of a series counts once.
    """

    def __init__(self, span_us: int, memory_bytes: int, cell_type: np.dtype[Any], *, distinct: bool) -> None:
        self._span_us = span_us
        self._distinct = distinct
        self._most = memory_bytes
        self._starts: list[_Start] = []
        self._points: list[_Start] = []
        self._closed: list[_Closed] = []
        self._none: Table = np.zeros(0, cell_type)
        self._parts: list[Table] = [self._none]
        self._waiting: _Start | None = None
        self._spare: Table | None = None
        self._open_day = 0

    @property
    def _told(self) -> Table:
        """Cells told of since the earliest start; joined when looked at, since every close adds a few."""
        if len(self._parts) > 1:
            self._parts = [joined(self._parts)]
        return self._parts[0]

    @_told.setter
    def _told(self, table: Table) -> None:
        self._parts = [table]

    @property
    def memory(self) -> int:
        """Bytes kept."""
        held = sum(array.nbytes for start in (*self._starts, *self._points) for array in start.state.values())
        return held + self._told.nbytes + sum(each.rows.nbytes + each.pairs.nbytes for each in self._closed)

    def begin(self, memory: Memory, keep_p: float) -> None:
        """Note the memory before the first event."""
        self._starts = [_Start(_EVER, keep_p, -1, memory.core_state())]

    def start_day(self, memory: Memory, bucket: int) -> None:
        """Note the memory before a day is begun; which day it is the next event says."""
        self._waiting = _Start(_EVER, 0.0, bucket, memory.core_state())

    def opened(self, time_us: int, keep_p: float, *, new: bool) -> None:
        """Note the first event in time since, of a bucket that is ``new`` or was open before."""
        day = time_us // DAY_US
        self._open_day = day if new else min(self._open_day, day)
        if self._waiting is None:
            return
        started, self._waiting = self._waiting, None
        if self._starts and self._starts[-1].day >= day:  # begun twice: nothing before can be done anew
            self._starts = []
            self._cut()
            return
        self._starts.append(replace(started, day=day, keep_p=keep_p))
        self._forget(day - LATENESS_US // DAY_US)

    def closing(self, memory: Memory, bucket: int, time_us: int, keep_p: float) -> None:
        """Note the memory before a bucket is closed by an event of this time."""
        if self._waiting is not None:
            self._point(memory, time_us // DAY_US, bucket, keep_p)
        elif self._starts:
            self._point(memory, self._starts[-1].day, bucket, keep_p)

    def _point(self, memory: Memory, day: int, bucket: int, keep_p: float) -> None:
        old = self._points[: 1 - _POINTS]
        self._points = [*self._points[1 - _POINTS :], _Start(day, keep_p, bucket, memory.core_state())]
        held = [start.state.get("series") for start in (*self._starts, *self._points, *self._in_waiting)]
        for point in old:
            if not any(point.state["series"] is table for table in held):
                self._spare = point.state["series"]

    def copy_of(self, series: Table) -> Table:
        """A copy of a table, in the room of one that is not kept any more if it fits: new room is dear."""
        room, self._spare = self._spare, None
        if room is None or room.size != series.size:
            return series.copy()
        room.view(np.uint8)[:] = series.view(np.uint8)
        return room

    @property
    def _in_waiting(self) -> list[_Start]:
        return [self._waiting] if self._waiting is not None else []

    def closed(self, bucket: int, rows: Table, pairs: Ints, found: list[Told], keep_p: float) -> Table:
        """Note a bucket that was closed; the cells of it that are to be told of."""
        told = joined([self._none, *(each.cells[_surprising(each.cells, keep_p)] for each in found)])
        if self._starts or self._waiting is not None:
            judged = sum(each.judged for each in found)
            self._closed.append(_Closed(bucket, self._open_day, rows, pairs, judged))
            self._parts.append(told)
        return told

    def amend(self, memory: Memory, late: CountRows, open_bucket: int) -> Amended:
        """Put rows into their buckets, and judge and learn anew from there on."""
        days = late.times_us // DAY_US
        buckets = late.times_us // self._span_us
        taken = days >= self._starts[0].day if self._starts else np.zeros(days.size, np.bool_)
        if not taken.any():
            return Amended(self._none, 0, taken)
        late, buckets, days = late.take(taken), buckets[taken], np.unique(days[taken])
        base = self._base(int(buckets.min()), days)
        earlier = [each for each in self._closed if each.bucket < base.bucket]
        again = {each.bucket: each for each in self._closed if each.bucket >= base.bucket}
        before = sum(each.judged for each in again.values())
        for bucket in np.unique(buckets).tolist():
            again[bucket] = self._merged(again.get(bucket), late.take(buckets == bucket), bucket)
        is_day = any(start is base for start in self._starts)
        before_base = [start for start in self._starts if start.day < base.day + (not is_day)]
        starts = {start.day: start for start in self._starts[len(before_base) :]}
        for day in days.tolist() if is_day else []:
            starts.setdefault(day, _Start(day, starts[max(at for at in starts if at <= day)].keep_p))
        cut = base.bucket * self._span_us
        old = self._told[self._told["bucket_us"] >= cut]
        new, gone = self._replay(memory, base, starts, again, open_bucket, old)
        self._starts = before_base + [starts[day] for day in sorted(starts)]
        self._closed = earlier + [again[bucket] for bucket in sorted(again)]
        self._told = joined([self._told[self._told["bucket_us"] < cut], new])
        judged = sum(each.judged for each in again.values()) - before
        return Amended(_changed(old, new, gone), judged, taken)

    def _base(self, bucket: int, days: Ints) -> _Start:
        """The latest memory from before a bucket was closed, and from before any day that is met only now."""
        known = {start.day for start in self._starts}
        if known.issuperset(days.tolist()):
            for point in reversed(self._points):
                if point.bucket <= bucket:
                    return point
        return max((start for start in self._starts if start.day <= int(days[0])), key=lambda start: start.day)

    def _merged(self, held: _Closed | None, late: CountRows, bucket: int) -> _Closed:
        opened = OpenBucket(distinct=self._distinct)
        if held is not None:
            opened.put(held.rows, held.pairs)
        opened.add(late)
        day = int(late.times_us[0]) // DAY_US
        pairs = opened.pairs
        return _Closed(bucket, day if held is None else min(day, held.day), opened.take(), pairs)

    def _replay(
        self,
        memory: Memory,
        base: _Start,
        starts: dict[int, _Start],
        again: dict[int, _Closed],
        open_bucket: int,
        old: Table,
    ) -> tuple[Table, Table]:
        """Do the days and buckets in their order; cells to tell of, and those told of before that no longer are."""
        steps = [(day, 0, day) for day in starts if day != _EVER]
        steps += [(each.day, 1, each.bucket) for each in again.values() if each.bucket != base.bucket]
        steps.append((self._open_day, 1, open_bucket))
        memory.load_core(base.state)
        known = _names(old)
        told, gone = [self._none], [self._none]
        self._points = [point for point in self._points if point.bucket < base.bucket]
        current, keep_p, day = base.bucket, base.keep_p, base.day
        for _, is_bucket, number in sorted(steps):
            if not is_bucket:
                keep_p, day = starts[number].keep_p, number
                if number != base.day:
                    starts[number] = replace(starts[number], bucket=current, state=memory.core_state())
                memory.refit()
                continue
            if current >= 0 and current != number:
                self._point(memory, day, current, keep_p)
                found = memory.close(current, number, again[current].rows, 1.0)
                again[current] = replace(again[current], judged=sum(each.judged for each in found))
                for cells, _ in found:
                    surprising = _surprising(cells, keep_p)
                    told.append(cells[surprising])
                    if known.size:
                        gone.append(cells[~surprising & np.isin(_names(cells), known)])
            current = number
        if self._waiting is not None:
            self._waiting = replace(self._waiting, state=memory.core_state())
            memory.refit()
        return joined(told), joined(gone)

    def _forget(self, day: int) -> None:
        """Give up what is older than a day, and more where there is no room."""
        while len(self._starts) > 1 and (self._starts[1].day <= day or self.memory > self._most):
            self._starts = self._starts[1:]
            self._cut()
        if self.memory > self._most:
            self._starts = []
            self._cut()

    def _cut(self) -> None:
        bucket = self._starts[0].bucket if self._starts else 1 << 60
        self._closed = [each for each in self._closed if each.bucket >= bucket]
        self._points = [point for point in self._points if point.bucket >= bucket]
        self._told = self._told[self._told["bucket_us"] // self._span_us >= bucket]

    def forget_scopes(self) -> None:
        """What the bits of scopes mean has changed."""
        for start in (*self._starts, *self._points, *self._in_waiting):
            start.state["series"]["scopes"] = 0
        for each in self._closed:
            each.rows["scopes"] = 0

    def to_state(self) -> State:
        """Memory as named arrays."""
        starts = [*self._starts, *self._points, *self._in_waiting]
        state: State = {
            "marks": np.array([self._open_day, self._waiting is not None, len(self._points)], np.int64),
            "starts": np.array([(start.day, start.bucket) for start in starts], np.int64).reshape(-1, 2),
            "keep_p": np.array([start.keep_p for start in starts]),
            "closed": np.array(
                [(each.bucket, each.day, each.judged, each.rows.size, each.pairs.size) for each in self._closed],
                np.int64,
            ).reshape(-1, 5),
            "pairs": np.concatenate([np.zeros(0, np.int64), *(np.sort(each.pairs) for each in self._closed)]),
        }
        state |= columns_of("rows", joined([np.zeros(0, OPEN), *(each.rows for each in self._closed)]))
        state |= columns_of("told", self._told)
        for at, start in enumerate(starts):
            plain = columns_of("series", start.state["series"]) if start.state else {}
            plain |= {name: array for name, array in start.state.items() if name != "series"}
            state |= {f"start{at}.{name}": array for name, array in plain.items()}
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""
        self._open_day, waiting, points = (int(mark) for mark in state["marks"])
        starts = []
        for at, (day, bucket) in enumerate(state["starts"].tolist()):
            held = under(state, f"start{at}.")
            known = {name: array for name, array in held.items() if not name.startswith("series.")}
            known |= {"series": rows_from("series", SERIES, held)} if held else {}
            starts.append(_Start(day, float(state["keep_p"][at]), bucket, known))
        self._waiting = starts.pop() if waiting else None
        self._starts, self._points = starts[: len(starts) - points], starts[len(starts) - points :]
        rows, pairs = rows_from("rows", OPEN, state), np.array(state["pairs"])
        self._closed, row, pair = [], 0, 0
        for bucket, day, judged, size, distinct in state["closed"].tolist():
            own = rows[row : row + size], pairs[pair : pair + distinct]
            self._closed.append(_Closed(bucket, day, *own, judged))
            row, pair = row + size, pair + distinct
        self._told = rows_from("told", self._none.dtype, state)


def _surprising(cells: Table, keep_p: float) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (cells["p"] <= keep_p) & (cells["p"] < _SURPRISING_SIDE)
    return found


def _names(cells: Table) -> Ints:
    """Code of each cell's series and bucket."""
    names: Ints = pair_codes(np.ascontiguousarray(cells["key"]), np.ascontiguousarray(cells["bucket_us"]))
    return names


def _changed(old: Table, new: Table, gone: Table) -> Table:
    """Cells that differ from what was told before."""
    found = joined([new, gone])
    if old.size:
        names, own = _names(old), _names(found)
        order = np.argsort(names, kind="stable")
        at = order[np.minimum(np.searchsorted(names, own, sorter=order), names.size - 1)]
        found = found[(names[at] != own) | (old[at] != found)]
    found["revised"] = 1
    return found[np.lexsort((found["key"], found["bucket_us"]))]
