"""The series of the hours model: what each was active at, what its group and the fleet were, and their shifts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.hours_law import (
    DAY_HOURS,
    KNOWN,
    Law,
    bins_of,
    by_day,
    filled,
    kernel,
    law_of,
    shifts_of,
    tails,
    turned,
)  # fmt: skip
from rarebit.model.tables import State, Table, columns_of, rows_from

SERIES: Final = np.dtype(
    [
        ("key", "i8"),
        ("first_hour", "i8"),
        ("last_hour", "i8"),
        ("recent", "u8"),
        ("hours", "i8"),
        ("group", "i4"),
        ("shift", "i4"),
        ("place", "i4"),
    ]
)
"""One series: hours since 1970 in which it was first and last seen, which of the last 64 it was seen in (the last is
bit 0), active hours learnt, peer group, hours ahead of UTC, and the row of its profile."""
_REMEMBERED: Final = 64
_CHUNK: Final = 4096
"""Series whose profiles are looked at together."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def cell_type(bins: int) -> np.dtype[Any]:
    """An observation with all that its probability was made of; see :class:`rarebit.core.result.Rhythm`."""
    whole = ("key", "bucket_us", "time_us", "seen_us", "id", "hidden", "first_hour", "hours")
    small = ("group", "place", "shift", "peers")
    profiles = [(name, "f4", (bins,)) for name in ("own", "prior")]
    return np.dtype([*((n, "i8") for n in whole), *((n, "i4") for n in small), ("p", "f8"), ("share", "f8"), *profiles])


class Profiles:
    """Series by key, each with a profile by UTC; groups with the sum of their series' in the hours of the group."""

    def __init__(self, bins: int, *, decay: float, memory_bytes: int, pool: bool) -> None:
        self.series = np.zeros(0, SERIES)
        self.evicted = self.pruned = 0
        self.group_codes = np.zeros(1, np.int64)
        self._bins, self._decay, self._pool = bins, decay, pool
        self._first_hour = -1
        self._most = max(1, memory_bytes // (SERIES.itemsize + 4 * bins))
        self._counts = np.zeros((16, bins), np.float32)
        self._groups = np.zeros((1, bins))
        self._smoothing = kernel(bins)

    @property
    def memory(self) -> int:
        """Bytes of series and profiles."""
        return int(self.series.nbytes + self._counts.nbytes)

    def unseen(self, sights: Table, now_hour: int) -> tuple[Table, int]:
        """Those sights whose series was not seen in their hour before, and how many are too old to tell.

        Series are made where they are new. ``now_hour`` is the hour that is open.
        """
        if sights.size == 0:
            return sights, 0
        if self._first_hour < 0:
            self._first_hour = int(min(sights["hour"].min(), now_hour))
        self._make(sights)
        series = self.series[self._places(sights["key"])]
        age = series["last_hour"] - sights["hour"]
        known = series["recent"] != 0
        bit = np.uint64(1) << np.clip(age, 0, _REMEMBERED - 1).astype(np.uint64)
        seen = known & (age >= 0) & (series["recent"] & bit != 0)
        old = known & (age >= _REMEMBERED)
        return sights[~seen & ~old], int(np.count_nonzero(old))

    def judge(self, sights: Table) -> Table:
        """Cells (``cell_type``[n]) of sights of known series, by what is known before them."""
        cells = np.zeros(sights.size, cell_type(self._bins))
        met = self._met(int(sights["hour"].max()) - 1 if sights.size else -1)
        members = np.bincount(self.series["group"], minlength=self.group_codes.size)
        for start in range(0, sights.size, _CHUNK):
            part = sights[start : start + _CHUNK]
            out, series = cells[start : start + _CHUNK], self.series[self._places(part["key"])]
            law = self._law(series, met)
            place = (bins_of(part["hour"], self._bins) + series["shift"]) % self._bins
            less, same = tails(law.shares, place)
            for name in ("key", "time_us", "id", "hidden"):
                out[name] = part[name]
            for name in ("hours", "group", "shift"):
                out[name] = series[name]
            out["first_hour"] = np.where(series["recent"] != 0, series["first_hour"], part["hour"])
            out["place"], out["own"], out["prior"] = place, law.own, law.prior
            out["share"], out["p"] = same, less + 0.5 * same
            everybody = np.where(series["group"] > 0, members[series["group"]], self.series.size)
            out["peers"] = everybody - 1 if self._pool else 0
        return cells

    def note(self, sights: Table) -> None:
        """Keep in which hours series were seen (by series and hour, none seen there before)."""
        for part in _rounds(sights):
            rows = self._places(part["key"])
            series = self.series[rows]
            known = series["recent"] != 0
            ahead = np.where(known, part["hour"] - series["last_hour"], _REMEMBERED)
            passed = np.clip(ahead, 0, _REMEMBERED - 1).astype(np.uint64)
            kept = np.where(ahead < _REMEMBERED, series["recent"] << passed, np.uint64(0))
            behind = np.clip(-ahead, 0, _REMEMBERED - 1).astype(np.uint64)
            series["recent"] = kept | (np.uint64(1) << behind)
            series["first_hour"] = np.where(known, np.minimum(series["first_hour"], part["hour"]), part["hour"])
            series["last_hour"] = np.where(known, np.maximum(series["last_hour"], part["hour"]), part["hour"])
            self.series[rows] = series

    def learn(self, sights: Table) -> None:
        """Learn sights (by series and hour) of series that are still held."""
        held = np.isin(sights["key"], self.series["key"])
        for part in _rounds(sights[held]):
            for start in range(0, part.size, _CHUNK):
                self._learn(part[start : start + _CHUNK])

    def start_day(self, hour: int, prune_hours: int | None) -> None:
        """Forget who was not seen for so long, hold the memory bound, look for shifts, add the groups up anew."""
        if prune_hours is not None and self.series.size:
            newest = int(self.series["last_hour"].max())
            kept = np.flatnonzero(self.series["last_hour"] >= newest - prune_hours)
            self.pruned += self.series.size - kept.size
            self._keep(kept)
        excess = self.series.size - self._most
        if excess > 0:
            order = np.lexsort((self.series["key"], self.series["last_hour"]))
            self._keep(np.sort(order[excess:]))
            self.evicted += excess
        self._add_up()
        if self._pool and self._shift(self._met(hour)):
            self._add_up()

    def to_state(self) -> State:
        """Memory as named arrays; profiles in the order of the series."""
        series = self.series.copy()
        series["place"] = np.arange(series.size)
        marks = np.array([self.evicted, self.pruned, self._first_hour], np.int64)
        state: State = {"marks": marks, "group_codes": self.group_codes.copy(), "groups": self._groups.copy()}
        return state | columns_of("series", series) | {"counts": self._counts[self.series["place"]]}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""
        self.evicted, self.pruned, self._first_hour = (int(mark) for mark in state["marks"])
        self.group_codes, self._groups = state["group_codes"].copy(), state["groups"].copy()
        self.series = rows_from("series", SERIES, state)
        self._counts = np.zeros((max(16, self.series.size), self._bins), np.float32)
        self._counts[: self.series.size] = state["counts"]

    def _met(self, hour: int) -> NDArray[np.bool_]:
        """Which bins have come since the first event, up to an hour that is over."""
        met = np.zeros(self._bins, np.bool_)
        come = np.arange(self._first_hour, min(hour, self._first_hour + self._bins - 1) + 1)
        met[bins_of(come, self._bins)] = True
        return met

    def _law(self, series: Table, met: NDArray[np.bool_]) -> Law:
        shifts = series["shift"].astype(np.int64)
        own = turned(self._counts[series["place"]], shifts)
        nothing = np.zeros_like(own)
        if not self._pool:
            return law_of(own, nothing, nothing, self._smoothing)
        group = np.maximum(self._groups[series["group"]] - own, 0.0)
        fleet = np.maximum(self._groups.sum(axis=0)[None, :] - own, 0.0)
        return law_of(own, filled(group, met), filled(fleet, met), self._smoothing)

    def _learn(self, part: Table) -> None:
        rows = self._places(part["key"])
        series = self.series[rows]
        places, shifts = series["place"], series["shift"].astype(np.int64)
        before = turned(self._counts[places], shifts)
        counts = self._counts[places] * np.float32(self._decay)
        counts[np.arange(part.size), bins_of(part["hour"], self._bins)] += np.float32(1.0)
        self._counts[places] = counts
        np.add.at(self._groups, series["group"], turned(counts, shifts) - before)
        self.series["hours"][rows] += 1

    def _add_up(self) -> None:
        self._groups = np.zeros((self.group_codes.size, self._bins))
        for start in range(0, self.series.size, _CHUNK):
            series = self.series[start : start + _CHUNK]
            local = turned(self._counts[series["place"]], series["shift"].astype(np.int64))
            np.add.at(self._groups, series["group"], local)

    def _shift(self, met: NDArray[np.bool_]) -> bool:
        """Look for the shift of every series that is known well enough; whether any changed."""
        smoothing, changed = kernel(DAY_HOURS), False
        for start in range(0, self.series.size, _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, self.series.size))
            own = self._counts[self.series["place"][rows]].astype(np.float64)
            known = own.sum(axis=1) > KNOWN
            rows, own = rows[known], own[known]
            if rows.size == 0:
                continue
            now = self.series["shift"][rows].astype(np.int64)
            prior = self._law(self.series[rows], met).prior
            found = shifts_of(by_day(own), by_day(prior), now, smoothing)
            changed |= bool((found != now).any())
            self.series["shift"][rows] = found
        return changed

    def _make(self, sights: Table) -> None:
        """Make the series that are not known yet."""
        new = sights[~np.isin(sights["key"], self.series["key"])]
        if new.size == 0:
            return
        keys, first = np.unique(new["key"], return_index=True)
        made = np.zeros(keys.size, SERIES)
        made["key"] = keys
        made["group"] = self._group_numbers(new["group"][first])
        made["place"] = self.series.size + np.arange(keys.size)
        if made["place"][-1] >= self._counts.shape[0]:
            grown = np.zeros((2 * (self.series.size + keys.size), self._bins), np.float32)
            grown[: self._counts.shape[0]] = self._counts
            self._counts = grown
        self.series = np.insert(self.series, np.searchsorted(self.series["key"], keys), made)

    def _group_numbers(self, codes: Ints) -> Ints:
        """Index of each group by its name's code, made where it is new; 0 is no group."""
        new = np.setdiff1d(codes, self.group_codes)
        self.group_codes = np.concatenate([self.group_codes, new])
        self._groups = np.concatenate([self._groups, np.zeros((new.size, self._bins))])
        order = np.argsort(self.group_codes)
        numbers: Ints = order[np.searchsorted(self.group_codes[order], codes)]
        return numbers

    def _keep(self, rows: Ints) -> None:
        self.series = self.series[rows]
        self._counts = self._counts[self.series["place"]]
        self.series["place"] = np.arange(rows.size)

    def _places(self, keys: Ints) -> Ints:
        places: Ints = np.searchsorted(self.series["key"], keys)
        return places


def _rounds(sights: Table) -> list[Table]:
    """Sights by series and hour, cut so that each part has a series at most once, in the order of hours."""
    if sights.size == 0:
        return []
    ordered = sights[np.lexsort((sights["hour"], sights["key"]))]
    starts = np.flatnonzero(np.diff(ordered["key"], prepend=~ordered["key"][0]))
    turn = np.arange(ordered.size) - np.repeat(starts, np.diff(np.append(starts, ordered.size)))
    return [ordered[turn == at] for at in range(int(turn.max()) + 1)]
