"""The places model: how odd it is that a series is seen so far from where it usually is.

An observation is a place of a series in a bucket. It is away if it lies further than :data:`NEAR_KM` from each of the
series' usual places; how often a series is away is shrunk to its group, and that of groups to the fleet. Its
probability is that rate times the part of the group's journeys that went as far: who travels much has a rate to show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.maths.sphere import FARTHEST_KM, distance_km
from rarebit.model.cut import by_bucket
from rarebit.model.peer_map import PeerMap
from rarebit.model.tables import State, Table, columns_of, rows_from

NEAR_KM: Final = 25.0
"""Places no further apart than this are one."""
MOST_PLACES: Final = 12
"""Usual places kept of a series; beyond, the least used is forgotten."""
BINS: Final = 24
"""Classes of distance, evenly spaced by its logarithm, from ``NEAR_KM`` to the other side of the earth."""
GROUP_WORTH: Final = 20.0
FLEET_WORTH: Final = 50.0
"""Observations that the rate of the group, or of the fleet, is worth."""
_FAINT: Final = 0.02
"""Weight of a place below which it is no longer a usual one."""
_SURPRISING: Final = 0.4999
SIGHT: Final = np.dtype(
    [
        ("key", "i8"), ("time_us", "i8"), ("id", "i8"), ("group", "i8"), ("hidden", "i8"), ("unlearnt", "i4"),
        ("latitude", "f8"), ("longitude", "f8"),
    ]
)  # fmt: skip
_PLACES: Final = tuple((name, "f8", (MOST_PLACES,)) for name in ("latitude", "longitude", "weight"))
SERIES: Final = np.dtype(
    [
        ("key", "i8"), ("first_us", "i8"), ("time_us", "i8"), ("group", "i4"), ("last_latitude", "f8"),
        ("last_longitude", "f8"), ("seen", "f8"), ("away", "f8"), *_PLACES,
    ]
)  # fmt: skip
"""One series: when and where it was last seen, decayed observations and those that were away, its usual places."""
CELL: Final = np.dtype(
    [
        *((name, "i8") for name in ("key", "bucket_us", "time_us", "seen_us", "id", "hidden", "first_us", "last_us")),
        *((name, "i4") for name in ("group", "tests", "places", "peers")),
        *(
            (name, "f8")
            for name in (
                "p", "latitude", "longitude", "usual_latitude", "usual_longitude", "distance", "seen", "away",
                "prior", "journeys", "further", "as_far", "last_latitude", "last_longitude",
            )
        ),
    ]
)  # fmt: skip
"""One series away in one bucket; see :class:`rarebit.core.habits.Journey`."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NONE: Final = np.zeros(0, np.int64)
_EDGES: Final = np.geomspace(NEAR_KM, FARTHEST_KM, BINS + 1)[1:-1]


@dataclass(frozen=True, slots=True)
class PlacesSettings:
    """What a places model takes into account."""

    span_us: int
    half_life: float = 168.0
    """Observations of a series after which one counts half."""
    memory_bytes: int = 1 << 30
    prune_us: int | None = None
    """Series not seen for so long before the newest are forgotten, and counted in ``pruned``."""
    pool: bool = True


class PlacesModel:
    """State of one detector's model of places."""

    def __init__(self, settings: PlacesSettings) -> None:
        self.settings = settings
        self.keep_p = 0.05
        self.late = self.evicted = self.pruned = self.misplaced = 0
        self._decay = 2.0 ** (-1.0 / settings.half_life)
        self._bucket = -1
        self._open = np.zeros(0, SIGHT)
        self.series = np.zeros(0, SERIES)
        self._group_codes = np.zeros(1, np.int64)
        self._rates = np.zeros((1, 2))
        self._journeys = np.zeros((1, BINS))
        self._peers = PeerMap({})

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; series already known keep their group."""
        self._peers = PeerMap(peer_of)

    def score_and_learn(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        latitude: Floats,
        longitude: Floats,
        *,
        entities: Ints = _NONE,
        peers: Ints = _NONE,
        hidden: Ints = _NONE,
        unlearnt: Ints = _NONE,
    ) -> tuple[Table, int]:
        """Gather rows in the order given; judge and learn every bucket that they close.

        Parameters are those of :meth:`rarebit.model.hours.HoursModel.score_and_learn`, and ``latitude`` and
        ``longitude`` (float64[n], degrees), NaN where there is no place. What lies outside of the earth's is counted in
        ``misplaced``. A row earlier than the open bucket is late: it is counted and left out.

        Returns
        -------
        cells : CELL[m]
            Series away with p up to ``keep_p``, the oddest place of each in a bucket.
        judged : int
            Series judged.
        """
        if times_us.size == 0:
            return np.zeros(0, CELL), 0
        there = (np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 180.0)  # noqa: PLR2004
        self.misplaced += int(np.count_nonzero(~there & ~(np.isnan(latitude) & np.isnan(longitude)) & (keys != 0)))
        sights = np.zeros(keys.size, SIGHT)
        sights["key"], sights["time_us"], sights["id"] = np.where(there, keys, 0), times_us, ids
        sights["latitude"], sights["longitude"] = np.round(latitude, 2), np.round(longitude, 2)
        sights["group"] = self._peers.groups_of(entities, peers if peers.size else np.zeros(keys.size, np.int64))
        if hidden.size:
            sights["hidden"], sights["unlearnt"] = hidden, unlearnt
        late, parts = by_bucket(sights, self.settings.span_us, self._bucket)
        self.late += late
        cells, judged = [np.zeros(0, CELL)], 0
        for bucket, part in parts:
            if bucket != self._bucket:
                found, number = self._close()
                cells.append(found)
                judged += number
                self._bucket = bucket
            self._open = _distinct(np.concatenate([self._open, part]))
        return np.concatenate(cells), judged

    def start_day(self) -> None:
        """Hold the memory bound; call at each new day of event time."""
        if self.settings.prune_us is not None and self.series.size:
            kept = self.series["time_us"] >= self.series["time_us"].max() - self.settings.prune_us
            self.pruned += int(np.count_nonzero(~kept))
            self.series = self.series[kept]
        excess = self.series.size - max(1, self.settings.memory_bytes // SERIES.itemsize)
        if excess > 0:
            order = np.lexsort((self.series["key"], self.series["time_us"]))
            self.series = self.series[np.sort(order[excess:])]
            self.evicted += excess

    @property
    def memory(self) -> int:
        """Bytes of the series."""
        return int(self.series.nbytes)

    def group_codes(self) -> Ints:
        """Code of each peer group's name by group index; index 0 is no group."""
        return self._group_codes.copy()

    def to_state(self) -> State:
        """Memory as named arrays; equal memories give equal arrays."""
        marks = [self._bucket, self.late, self.evicted, self.pruned, self.misplaced]
        state: State = {"marks": np.array(marks, np.int64), "group_codes": self._group_codes.copy()}
        state |= {"rates": self._rates.copy(), "journeys": self._journeys.copy()}
        return state | columns_of("series", self.series) | columns_of("open", self._open)

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        self._bucket, self.late, self.evicted, self.pruned, self.misplaced = (int(mark) for mark in state["marks"])
        self._group_codes = state["group_codes"].copy()
        self._rates, self._journeys = state["rates"].copy(), state["journeys"].copy()
        self.series, self._open = rows_from("series", SERIES, state), rows_from("open", SIGHT, state)
        return self

    def _close(self) -> tuple[Table, int]:
        sights, self._open = self._open, np.zeros(0, SIGHT)
        if sights.size == 0:
            return np.zeros(0, CELL), 0
        self._make(sights)
        cells, judged = self._judge(sights)
        for part in _rounds(sights[sights["unlearnt"] == 0]):
            self._learn(part)
        rows = np.searchsorted(self.series["key"], sights["key"])
        order = np.lexsort((sights["id"], sights["time_us"]))
        for name, of in (("time_us", "time_us"), ("last_latitude", "latitude"), ("last_longitude", "longitude")):
            self.series[name][rows[order]] = sights[of][order]
        return cells, judged

    def _judge(self, sights: Table) -> tuple[Table, int]:
        series = self.series[np.searchsorted(self.series["key"], sights["key"])]
        known = series["seen"] > 0.0
        sights, series = sights[known], series[known]
        far, nearest = _apart(sights, series)
        cells = np.zeros(sights.size, CELL)
        for name in ("key", "time_us", "id", "hidden", "latitude", "longitude"):
            cells[name] = sights[name]
        for name in ("group", "first_us", "seen", "away", "last_latitude", "last_longitude"):
            cells[name] = series[name]
        cells["last_us"], cells["seen_us"] = series["time_us"], sights["time_us"]
        cells["bucket_us"] = self._bucket * self.settings.span_us
        cells["distance"], cells["places"] = far, np.count_nonzero(series["weight"] > _FAINT, axis=1)
        rows = np.arange(sights.size)
        cells["usual_latitude"] = series["latitude"][rows, nearest]
        cells["usual_longitude"] = series["longitude"][rows, nearest]
        self._weigh(cells)
        _, whose, tests = np.unique(cells["key"], return_inverse=True, return_counts=True)
        cells["tests"] = tests[whose]
        cells["p"] = np.minimum(cells["p"] * cells["tests"], 1.0)
        order = np.lexsort((cells["id"], cells["time_us"], cells["p"], cells["key"]))
        best = order[np.flatnonzero(np.diff(cells["key"][order], prepend=~cells["key"][order[:1]]))]
        told = cells[best]
        return told[(told["p"] <= self.keep_p) & (told["p"] < _SURPRISING)], int(tests.size)

    def _weigh(self, cells: Table) -> None:
        """Put to cells the rates and journeys of their groups, and the probability of one place."""
        fleet_seen, fleet_away = self._rates.sum(axis=0)
        group = cells["group"] if self.settings.pool else np.zeros(cells.size, np.int64)
        seen, away = self._rates[group].T if self.settings.pool else np.zeros((2, cells.size))
        fleet = (fleet_away + 0.5) / (fleet_seen + 1.0)
        shrunk = (away + FLEET_WORTH * fleet) / (seen + FLEET_WORTH)
        cells["prior"] = np.where(group > 0, shrunk, fleet)  # without a group there is nothing between it and the fleet
        members = np.bincount(self.series["group"], minlength=self._group_codes.size)
        cells["peers"] = np.where(cells["group"] > 0, members[cells["group"]], self.series.size) - 1
        journeys = np.where((group > 0)[:, None], self._journeys[group], self._journeys.sum(axis=0)) + 0.5
        place, rows = np.searchsorted(_EDGES, cells["distance"], side="right"), np.arange(cells.size)
        beyond = journeys[:, ::-1].cumsum(axis=1)[:, ::-1]
        cells["journeys"], cells["as_far"] = journeys.sum(axis=1), journeys[rows, place]
        cells["further"] = beyond[rows, place] - cells["as_far"]
        rate = (cells["away"] + GROUP_WORTH * cells["prior"]) / (cells["seen"] + GROUP_WORTH)
        part = (cells["further"] + cells["as_far"] / 2.0) / cells["journeys"]
        cells["p"] = np.where(cells["distance"] > NEAR_KM, rate * part, 1.0)

    def _learn(self, part: Table) -> None:
        """Learn sights of different series."""
        rows = np.searchsorted(self.series["key"], part["key"])
        series, at = self.series[rows], np.arange(part.size)
        known = series["seen"] > 0.0
        far, nearest = _apart(part, series)
        away = known & (far > NEAR_KM)
        before = np.stack([series["seen"], series["away"]], axis=1)
        series["weight"] *= self._decay
        series["weight"][series["weight"] <= _FAINT] = 0.0
        slot = np.where(known & ~away, nearest, series["weight"].argmin(axis=1))
        for name in ("latitude", "longitude"):
            series[name][at, slot] = np.where(known & ~away, series[name][at, slot], part[name])
        series["weight"][at, slot] = np.where(known & ~away, series["weight"][at, slot], 0.0) + 1.0
        series["seen"] = series["seen"] * self._decay + 1.0
        series["away"] = series["away"] * self._decay + away
        self.series[rows] = series
        changed = np.where(known[:, None], np.stack([series["seen"], series["away"]], axis=1) - before, 0.0)
        np.add.at(self._rates, series["group"], changed)
        np.add.at(self._journeys, (series["group"][away], np.searchsorted(_EDGES, far[away], side="right")), 1.0)

    def _make(self, sights: Table) -> None:
        new = sights[~np.isin(sights["key"], self.series["key"])]
        if new.size == 0:
            return
        keys, first = np.unique(new["key"], return_index=True)
        codes = np.setdiff1d(new["group"][first], self._group_codes)
        self._group_codes = np.concatenate([self._group_codes, codes])
        self._rates = np.concatenate([self._rates, np.zeros((codes.size, 2))])
        self._journeys = np.concatenate([self._journeys, np.zeros((codes.size, BINS))])
        order = np.argsort(self._group_codes)
        made = np.zeros(keys.size, SERIES)
        made["key"], made["first_us"] = keys, new["time_us"][first]
        made["group"] = order[np.searchsorted(self._group_codes[order], new["group"][first])]
        self.series = np.insert(self.series, np.searchsorted(self.series["key"], keys), made)


def speed_kmh(cell: np.void) -> float:
    """Speed from where the series was seen before; 0 where that is not known."""
    passed = int(cell["time_us"]) - int(cell["last_us"])
    if int(cell["last_us"]) <= 0 or passed <= 0:
        return 0.0
    apart = distance_km(cell["latitude"], cell["longitude"], cell["last_latitude"], cell["last_longitude"])
    return float(apart) / (passed / HOUR_US)


def _apart(sights: Table, series: Table) -> tuple[Floats, Ints]:
    """Distance (float64[n], km) to the nearest usual place of each one's series, and which that is."""
    apart = distance_km(
        sights["latitude"][:, None], sights["longitude"][:, None], series["latitude"], series["longitude"]
    )
    apart = np.where(series["weight"] > _FAINT, apart, FARTHEST_KM + 1.0)
    nearest = apart.argmin(axis=1)
    return np.minimum(apart[np.arange(sights.size), nearest], FARTHEST_KM), nearest


def _distinct(sights: Table) -> Table:
    """Each place of a series once, by what came first."""
    order = np.lexsort((sights["longitude"], sights["latitude"], sights["key"]))
    ordered = sights[order]
    new = np.ones(ordered.size, np.bool_)
    new[1:] = False
    for name in ("key", "latitude", "longitude"):
        new[1:] |= ordered[name][1:] != ordered[name][:-1]
    kept: Table = ordered[new]
    return kept


def _rounds(sights: Table) -> list[Table]:
    """Sights cut so that each part has a series at most once, in the order of time."""
    if sights.size == 0:
        return []
    ordered = sights[np.lexsort((sights["id"], sights["time_us"], sights["key"]))]
    starts = np.flatnonzero(np.diff(ordered["key"], prepend=~ordered["key"][0]))
    turn = np.arange(ordered.size) - np.repeat(starts, np.diff(np.append(starts, ordered.size)))
    return [ordered[turn == at] for at in range(int(turn.max()) + 1)]
