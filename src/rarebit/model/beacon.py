"""The beacon model: which host's program speaks to which destination in a rhythm, and how odd that is on this site.

A contact is a second in which a series (host, program, destination) had an event. The last contacts of each series
are kept, up to :data:`MOST_CONTACTS` of :data:`KEPT_DAYS` days: a day of short periods, a week of long ones. When a
bucket closes, series with contacts in it are judged beside all others that the memory holds, each by its latest
rhythm. What a series was told of once is told again after a day, or when it is much odder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US
from rarebit.maths.hashing import pair_codes
from rarebit.model.beacon_kernel import BEAT, LEAST, beats_of
from rarebit.model.beacon_odds import ODDS, odds_of
from rarebit.model.cut import by_bucket
from rarebit.model.peer_map import PeerMap
from rarebit.model.tables import State, Table, columns_of, rows_from

MOST_CONTACTS: Final = 512
KEPT_DAYS: Final = 7
FORGET_DAYS: Final = 28
"""A series not seen for so long before the newest is forgotten, if the job does not say otherwise."""
ODDER: Final = 3.0
"""A series told of is told of again within the day once it is so many times as odd."""
WEAK: Final = 0.25
"""Rhythms of less strength are never handed out."""
SIGHT: Final = np.dtype(
    [
        *((name, "i8") for name in ("key", "time_us", "id", "entity", "destination", "group", "hidden")),
        ("bytes", "f8"),
    ]
)  # fmt: skip
CONTACT: Final = np.dtype([("key", "i8"), ("time_s", "i8"), ("bytes", "f8")])
SERIES: Final = np.dtype(
    [
        *(
            (name, "i8")
            for name in ("key", "entity", "destination", "group", "first_us", "last_us", "told_us", "judged_us")
        ),
        ("told_p", "f8"), ("strength", "f8"),
    ]
)  # fmt: skip
"""One series; ``judged_us`` is 0 and ``strength`` of no meaning until it had contacts enough to be judged."""
DESTINATION: Final = np.dtype([("key", "i8"), ("first_us", "i8"), ("hosts", "i8")])
CELL: Final = np.dtype(
    [
        *(
            (name, "i8")
            for name in (
                "key", "bucket_us", "time_us", "seen_us", "id", "hidden", "entity", "destination", "group", "first_us",
                "known_us", "hosts", "fleet", "peers", "peers_with",
            )
        ),
        *ODDS.descr, *BEAT.descr,
    ]
)  # fmt: skip
"""One rhythm in one bucket; ``first_us`` is the first contact of the series, ``known_us`` of its destination."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NONE: Final = np.zeros(0, np.int64)
_SECOND: Final = 1_000_000
_SURPRISING: Final = 0.4999
"""Rhythms at least as likely as half of them are never handed out."""


@dataclass(frozen=True, slots=True)
class BeaconSettings:
    """What a beacon model takes into account."""

    span_us: int
    memory_bytes: int = 1 << 30
    prune_us: int | None = None


class BeaconModel:
    """State of one detector's model of beacons."""

    def __init__(self, settings: BeaconSettings) -> None:
        self.settings = settings
        self.keep_p = 0.05
        self.late = self.evicted = self.pruned = 0
        self._bucket = -1
        self._open: list[Table] = []
        self.series = np.zeros(0, SERIES)
        self.contacts = np.zeros(0, CONTACT)
        self.destinations = np.zeros(0, DESTINATION)
        self._pairs = np.zeros(0, np.int64)
        self._hosts = np.zeros(0, np.int64)
        self._peers = PeerMap({})

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; a series follows its host at its next contact."""
        self._peers = PeerMap(peer_of)

    def score_and_learn(
        self,
        times_us: Ints,
        ids: Ints,
        keys: Ints,
        *,
        entities: Ints,
        destinations: Ints,
        sizes: Floats,
        peers: Ints = _NONE,
        hidden: Ints = _NONE,
    ) -> tuple[Table, int]:
        """Gather rows in the order given; judge every bucket that they close.

        Parameters
        ----------
        times_us, ids, keys : int64[n]
            Event time, code of the event's id, code of its series; a row of series 0 only moves time on.
        entities, destinations : int64[n]
            Codes of host and destination.
        sizes : float64[n]
            Bytes sent, NaN where unknown.
        peers, hidden : int64[n], optional
            Code of the peer group of a host that is not listed; kept beside what a row gives.

        Returns
        -------
        cells : CELL[m]
            Rhythms with p up to ``keep_p``. A row earlier than the open bucket is late: counted, and left out.
        judged : int
            Series judged for the first time on their day.
        """
        if times_us.size == 0:
            return np.zeros(0, CELL), 0
        sights = np.zeros(keys.size, SIGHT)
        sights["key"], sights["time_us"], sights["id"], sights["bytes"] = keys, times_us, ids, sizes
        sights["entity"], sights["destination"] = entities, destinations
        sights["group"] = self._peers.groups_of(entities, peers if peers.size else np.zeros(keys.size, np.int64))
        if hidden.size:
            sights["hidden"] = hidden
        late, parts = by_bucket(sights, self.settings.span_us, self._bucket)
        self.late += late
        cells, judged = [np.zeros(0, CELL)], 0
        for bucket, part in parts:
            if bucket != self._bucket:
                found, number = self._close()
                cells.append(found)
                judged += number
                self._bucket = bucket
            self._open.append(part)
        return np.concatenate(cells), judged

    def start_day(self) -> None:
        """Forget what is old and hold the memory bound; call at each new day of event time."""
        if self.series.size == 0:
            return
        forget_us = self.settings.prune_us or FORGET_DAYS * DAY_US
        kept = self.series["last_us"] >= self.series["last_us"].max() - forget_us
        self.pruned += int(np.count_nonzero(~kept))
        excess = self.memory - self.settings.memory_bytes
        if excess > 0:
            held = np.bincount(np.searchsorted(self.series["key"], self.contacts["key"]), minlength=self.series.size)
            size = SERIES.itemsize + held * CONTACT.itemsize
            order = np.lexsort((self.series["key"], self.series["last_us"]))
            out = order[: int(np.searchsorted(np.cumsum(size[order]), excess)) + 1]
            self.evicted += int(np.count_nonzero(kept[out]))
            kept[out] = False
        if not kept.all():
            self._keep(kept)

    @property
    def memory(self) -> int:
        """Bytes of series, contacts and destinations."""
        tables = (self.series, self.contacts, self.destinations, self._pairs, self._hosts)
        return sum(int(table.nbytes) for table in tables)

    def group_codes(self) -> Ints:
        """Codes of the names of peer groups; a cell has the code itself."""
        return np.unique(np.append(self.series["group"], 0))

    def to_state(self) -> State:
        """Memory as named arrays; equal memories give equal arrays."""
        state: State = {"marks": np.array([self._bucket, self.late, self.evicted, self.pruned], np.int64)}
        state |= {"pairs": self._pairs.copy(), "hosts": self._hosts.copy()}
        for name, table in (
            ("series", self.series), ("contacts", self.contacts), ("destinations", self.destinations),
            ("open", np.concatenate([np.zeros(0, SIGHT), *self._open])),
        ):  # fmt: skip
            state |= columns_of(name, table)
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        self._bucket, self.late, self.evicted, self.pruned = (int(mark) for mark in state["marks"])
        self._pairs, self._hosts = state["pairs"].copy(), state["hosts"].copy()
        self.series, self.contacts = rows_from("series", SERIES, state), rows_from("contacts", CONTACT, state)
        self.destinations = rows_from("destinations", DESTINATION, state)
        self._open = [rows_from("open", SIGHT, state)]
        return self

    def _close(self) -> tuple[Table, int]:
        sights, self._open = np.concatenate([np.zeros(0, SIGHT), *self._open]), []
        if sights.size == 0:
            return np.zeros(0, CELL), 0
        sights = sights[np.lexsort((sights["id"], sights["time_us"], sights["key"]))]
        self._make(sights)
        self._add(sights)
        ends = np.append(np.flatnonzero(np.diff(sights["key"])), sights.size - 1)
        return self._judge(sights[ends])

    def _make(self, sights: Table) -> None:
        """Take in series, destinations, pairs of them and hosts that were not known."""
        first = sights[np.flatnonzero(np.diff(sights["key"], prepend=~sights["key"][:1]))]
        new = first[~_among(self.series["key"], first["key"])]
        if new.size:
            made = np.zeros(new.size, SERIES)
            for name in ("key", "entity", "destination", "group"):
                made[name] = new[name]
            made["first_us"] = new["time_us"]
            self.series = np.insert(self.series, np.searchsorted(self.series["key"], made["key"]), made)
            self._hosts = np.union1d(self._hosts, new["entity"])
            self._know(new)
        rows = np.searchsorted(self.series["key"], first["key"])
        last = sights[np.append(np.flatnonzero(np.diff(sights["key"])), sights.size - 1)]
        self.series["last_us"][rows], self.series["group"][rows] = last["time_us"], last["group"]

    def _know(self, new: Table) -> None:
        """Count the hosts of destinations, by the first contacts of new series."""
        order = new[np.lexsort((new["time_us"], new["destination"]))]
        first = order[np.flatnonzero(np.diff(order["destination"], prepend=~order["destination"][:1]))]
        first = first[~_among(self.destinations["key"], first["destination"])]
        made = np.zeros(first.size, DESTINATION)
        made["key"], made["first_us"] = first["destination"], first["time_us"]
        places = np.searchsorted(self.destinations["key"], made["key"])
        self.destinations = np.insert(self.destinations, places, made)
        pairs, at = np.unique(pair_codes(new["entity"], new["destination"]), return_index=True)
        unmet = ~_among(self._pairs, pairs)
        self._pairs = np.insert(self._pairs, np.searchsorted(self._pairs, pairs[unmet]), pairs[unmet])
        rows = np.searchsorted(self.destinations["key"], new["destination"][at[unmet]])
        np.add.at(self.destinations["hosts"], rows, 1)

    def _add(self, sights: Table) -> None:
        """Add contacts, one a second; of each series the last are kept."""
        seconds = sights["time_us"] // _SECOND
        new = np.ones(sights.size, np.bool_)
        new[1:] = (np.diff(sights["key"]) != 0) | (np.diff(seconds) != 0)
        starts = np.flatnonzero(new)
        made = np.zeros(starts.size, CONTACT)
        made["key"], made["time_s"] = sights["key"][starts], seconds[starts]
        known = ~np.isnan(sights["bytes"])
        sums = np.add.reduceat(np.where(known, sights["bytes"], 0.0), starts)
        made["bytes"] = np.where(np.add.reduceat(known.astype(np.int64), starts) > 0, sums, np.nan)
        held = self.contacts
        if held.size:
            held = held[held["time_s"] >= int(seconds.max()) - KEPT_DAYS * DAY_US // _SECOND]
        joined = np.insert(held, np.searchsorted(held["key"], made["key"], side="right"), made)
        ends = np.append(np.flatnonzero(np.diff(joined["key"])) + 1, joined.size)
        counts = np.diff(ends, prepend=0)
        self.contacts = joined[np.repeat(ends, counts) - np.arange(joined.size) <= MOST_CONTACTS]

    def _judge(self, last: Table) -> tuple[Table, int]:
        """Judge the series of a bucket, each by its last sight in it."""
        starts = np.searchsorted(self.contacts["key"], last["key"], side="left")
        ends = np.searchsorted(self.contacts["key"], last["key"], side="right")
        enough = ends - starts >= LEAST
        last, starts, ends = last[enough], starts[enough], ends[enough]
        if last.size == 0:
            return np.zeros(0, CELL), 0
        beats = np.zeros(last.size, BEAT)
        scratch = np.zeros((3, MOST_CONTACTS))
        times, sizes = (np.ascontiguousarray(self.contacts[name]) for name in ("time_s", "bytes"))
        beats_of(times, sizes, starts, ends, beats, scratch)
        beats["strength"] = np.round(beats["strength"], 6)
        rows = np.searchsorted(self.series["key"], last["key"])
        days = self.series["judged_us"][rows] // DAY_US
        self.series["strength"][rows], self.series["judged_us"][rows] = beats["strength"], last["time_us"]
        cells = self._cells(last, beats, rows)
        since, told_p = self.series["told_us"][rows], self.series["told_p"][rows]
        fresh = (since == 0) | (last["time_us"] - since >= DAY_US) | (cells["p"] * ODDER <= told_p)
        told = fresh & (cells["p"] <= min(self.keep_p, _SURPRISING)) & (cells["strength"] >= WEAK)
        self.series["told_us"][rows[told]] = last["time_us"][told]
        self.series["told_p"][rows[told]] = cells["p"][told]
        return self.with_peers(cells[told]), int(np.count_nonzero(days != last["time_us"] // DAY_US))

    def _cells(self, last: Table, beats: Table, rows: Ints) -> Table:
        """The judged series beside all others of the memory that were ever judged."""
        judged = np.flatnonzero(self.series["judged_us"] > 0)
        series = self.series[judged]
        to = self.destinations[np.searchsorted(self.destinations["key"], series["destination"])]
        now_us = int(last["time_us"].max())
        days = (now_us - to["first_us"]) / DAY_US
        age = np.floor(np.log2(1.0 + np.maximum(days, 0.0))).astype(np.int64)
        odds = odds_of(series["strength"], to["hosts"], age)[np.searchsorted(judged, rows)]
        cells = np.zeros(last.size, CELL)
        for name in ("key", "time_us", "id", "hidden", "entity", "destination", "group"):
            cells[name] = last[name]
        for part in (odds, beats):
            for name in part.dtype.names or ():
                cells[name] = part[name]
        cells["seen_us"], cells["bucket_us"] = last["time_us"], self._bucket * self.settings.span_us
        own = np.searchsorted(judged, rows)
        cells["first_us"], cells["known_us"] = series["first_us"][own], to["first_us"][own]
        cells["hosts"], cells["fleet"] = to["hosts"][own], self._hosts.size
        cells["p"] = np.maximum(cells["p"], shared(cells["hosts"], cells["fleet"]))
        return cells

    def with_peers(self, cells: Table) -> Table:
        """Put to cells how many hosts of their groups there are, and how many of those contact the destination."""
        if cells.size == 0:
            return cells
        group, entity = (np.ascontiguousarray(self.series[name]) for name in ("group", "entity"))
        met = np.unique(pair_codes(group, entity), return_index=True)[1]
        groups, sizes = np.unique(group[met], return_counts=True)
        at = np.minimum(np.searchsorted(groups, cells["group"]), groups.size - 1)
        cells["peers"] = np.where(groups[at] == cells["group"], sizes[at] - 1, 0)
        there = np.flatnonzero(np.isin(self.series["destination"], cells["destination"]))
        places = pair_codes(group[there], np.ascontiguousarray(self.series["destination"])[there])
        met = np.unique(pair_codes(places, entity[there]), return_index=True)[1]
        known, sizes = np.unique(places[met], return_counts=True)
        own = pair_codes(np.ascontiguousarray(cells["group"]), np.ascontiguousarray(cells["destination"]))
        at = np.minimum(np.searchsorted(known, own), known.size - 1)
        cells["peers_with"] = np.where(known[at] == own, sizes[at] - 1, 0)
        alone = cells["group"] == 0
        cells["peers"][alone] = cells["peers_with"][alone] = 0
        return cells

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        """Forget all series but these, and what only they knew."""
        self.series = self.series[kept]
        self.contacts = self.contacts[_among(self.series["key"], self.contacts["key"])]
        pairs = pair_codes(self.series["entity"], self.series["destination"])
        self._pairs, first = np.unique(pairs, return_index=True)
        self._hosts = np.unique(self.series["entity"])
        codes, counts = np.unique(self.series["destination"][first], return_counts=True)
        self.destinations = self.destinations[_among(codes, self.destinations["key"])]
        self.destinations["hosts"] = counts


def shared(hosts: Ints, fleet: Ints) -> Floats:
    """Chance (float64[n]) that two other hosts, drawn at random, both contact a destination: what all have is not odd.

    Parameters
    ----------
    hosts, fleet : int64[n]
        Hosts that contact it, the one in question among them, and all hosts.
    """
    part: Floats = (hosts - 1.0) / np.maximum(fleet - 1.0, 1.0)
    return part * part


def _among(known: Ints, keys: Ints) -> NDArray[np.bool_]:
    """Which keys are among some that rise; quicker than ``isin``, which sorts or hashes both."""
    if known.size == 0:
        return np.zeros(keys.size, np.bool_)
    found: NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, keys), known.size - 1)] == keys
    return found
