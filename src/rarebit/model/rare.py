"""The rare model: how unexpected a value is on an entity, given the entity's own rate of novelty.

Method: levels of novelty (seen, new to the entity, to its peers, to the fleet) with rates backed off by two-stage
empirical Bayes, age-matched between entities, forgotten with a half-life counted in active hours; within a level,
the rank of the value's prevalence among past novelties. Every observation is scored before it is learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.model import freq_kernel, rare_kernel
from rarebit.model.maturity import KNOWN
from rarebit.model.peer_map import PeerMap
from rarebit.model.rare_kernel import CANDIDATE, HOUR_US, Settings
from rarebit.model.rates_kernel import AGES, BINS, LEVELS
from rarebit.model.tables import (
    BURST,
    ENTITY,
    FOREVER,
    PAIR,
    PEER,
    VALUE,
    State,
    Table,
    columns_of,
    empty,
    packed_bytes,
    rows_from,
    rows_of,
    table_of,
)

_NONE = np.zeros(0, np.int64)
_NO_U = np.zeros(0, np.float64)
_TABLES = (("pairs", PAIR), ("values", VALUE), ("peers", PEER), ("entities", ENTITY))
_BASE_KAPPA = 20.0
_UNPOOLED = -1.0
_MIN_MEMBERS = 3
_MIN_OBSERVATIONS = 20.0


class RareModel:
    """State of one detector's rare model.

    Parameters
    ----------
    mode : int
        ``INDIVIDUAL``, ``FLEET`` or ``POPULATION`` of :mod:`rarebit.model.rare_kernel`.
    frequent : bool
        ``freq_rare``: weigh by how often a member does the thing.
    half_life_hours : float
        Active hours after which what was learnt counts half.
    keep_p : float
        Observations with a probability up to this are handed out as candidates.
    spread_hours : float
        Longest silence inside one stretch of first sights (a rollout).
    full : bool
        Give the exact probability of seen values too; needed only to test calibration.
    pool : bool
        False leaves peers and fleet out of the rates; for measuring what pooling is worth.
    memory_bytes : int
        Bound of the tables at the start of a day. What was not seen for the longest is dropped, whole hours at a
        time, until there is room for a quarter more; pairs dropped are counted in ``evicted``. Entities are kept.
    prune_hours : int, optional
        Pairs and values not seen for so long before the newest are forgotten; pairs are counted in ``pruned``.
    """

    def __init__(
        self,
        mode: int,
        *,
        frequent: bool = False,
        half_life_hours: float = 168.0,
        keep_p: float = 0.05,
        spread_hours: float = 24.0,
        full: bool = False,
        pool: bool = True,
        memory_bytes: int = 1 << 30,
        prune_hours: int | None = None,
    ) -> None:
        setting = np.zeros(1, Settings)
        setting["mode"] = mode
        setting["full"] = full
        setting["keep_p"] = keep_p
        setting["decay"] = 2.0 ** (-1.0 / half_life_hours)
        setting["spread_us"] = round(spread_hours * HOUR_US)
        setting["spread_p"] = 1e-4
        setting["kappa_age"] = 50.0
        setting["prior_histogram"] = 20.0
        self._setting = setting
        self._kernel = freq_kernel.run if frequent else rare_kernel.run
        self._pair_type = BURST if frequent else PAIR
        self.pool = pool
        self.memory_bytes = memory_bytes
        self.evicted = 0
        self.prune_hours = prune_hours
        self.pruned = 0
        self._peers = PeerMap({})
        self._tables: list[Table] = [empty(self._pair_type if name == "pairs" else dtype) for name, dtype in _TABLES]
        self._sizes = np.array([0, 0, 0, 0, 1], np.int64)
        self._groups = self._new_groups(16)

    @property
    def keep_p(self) -> float:
        """Probability up to which observations are handed out."""
        return float(self._setting["keep_p"][0])

    @keep_p.setter
    def keep_p(self, value: float) -> None:
        self._setting["keep_p"] = value

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer group of entities by their codes; one already seen moves there with its next hour."""
        self._peers = PeerMap(peer_of)

    def score_and_learn(
        self,
        times_us: NDArray[np.int64],
        entities: NDArray[np.int64],
        values: NDArray[np.int64],
        *,
        peers: NDArray[np.int64] = _NONE,
        scopes: NDArray[np.int64] = _NONE,
        unlearnt: NDArray[np.int64] = _NONE,
        u: NDArray[np.float64] = _NO_U,
    ) -> tuple[NDArray[np.float64], Table]:
        """Score each row, then learn it, in the order given.

        Parameters
        ----------
        times_us, entities, values : int64[n]
            Event time and codes; a row with code 0 is passed over.
        peers, scopes : int64[n], optional
            Code of the entity's peer group, used when an entity is first met; code of a separate world
            (partition of a population job).
        unlearnt : int64[n], optional
            1 for rows that are scored and not learnt. That their pair was scored in the hour is remembered.
        u : float64[n], optional
            Uniform draws that replace the ½ of mid-p; for exact tests.

        Returns
        -------
        p : float64[n]
            Probability of an observation at least this novel; NaN where the row is no observation.
        candidates : CANDIDATE[m]
            In row order.
        """
        given = (times_us, entities, values, peers, scopes, unlearnt)
        rows = tuple(np.ascontiguousarray(column, np.int64) for column in given)
        p = np.full(times_us.size, np.nan)
        parts: list[Table] = []
        at = 0
        while True:
            out = np.zeros(4096, CANDIDATE)
            at, written, reason = self._kernel(
                rows,
                u,
                at,
                tuple(self._tables),
                self._groups,
                self._sizes,
                (self._peers.keys, self._peers.codes),
                self._setting[0],
                p,
                out,
            )
            parts.append(out[:written])
            if reason == rare_kernel.DONE:
                return p, np.concatenate(parts)
            if reason == rare_kernel.GROW:
                self._grow()

    def start_day(self) -> None:
        """Refit pooling weights, forget what is old, hold the memory bound; call at each new day of event time."""
        self._fit_pooling()
        if self.prune_hours is not None:
            self._prune(self.prune_hours)
        self._evict()

    @property
    def counts(self) -> dict[str, int]:
        """Number of pairs, values, peer values and entities held, and of peer groups met."""
        names = [name for name, _ in _TABLES]
        return {**dict(zip(names, map(int, self._sizes[:4]), strict=True)), "groups": int(self._sizes[4]) - 1}

    @property
    def memory(self) -> int:
        """Bytes of the tables."""
        return sum(table.nbytes for table in self._tables)

    def known(self) -> Table:
        """Active hours and observations of every entity (KNOWN[n]), by code; of a partition's, by its own code."""
        rows = rows_of(self._tables[3])
        found = np.zeros(rows.size, KNOWN)
        for name, part in (("entity", "key"), ("hours", "hours"), ("observations", "observations")):
            found[name] = rows[part]
        return found

    def group_codes(self) -> NDArray[np.int64]:
        """Code of each peer group's name by group index; index 0 is the whole fleet."""
        return self._groups[5][: int(self._sizes[4])].copy()

    def to_state(self) -> State:
        """Memory as named arrays; equal memories give equal arrays."""
        state: State = {}
        for (name, _), table in zip(_TABLES, self._tables, strict=True):
            state |= columns_of(name, rows_of(table))
        used = int(self._sizes[4])
        for index, array in enumerate(self._groups):
            state[f"groups{index}"] = array[:used].copy()
        state["evicted"] = np.array([self.evicted, self.pruned], np.int64)
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`; settings stay those of this model."""
        rows = [rows_from(name, self._pair_type if name == "pairs" else dtype, state) for name, dtype in _TABLES]
        self._tables = [table_of(part) for part in rows]
        used = state["groups0"].shape[0]
        self._groups = self._new_groups(max(16, 2 * used))
        for index, array in enumerate(self._groups):
            array[:used] = state[f"groups{index}"]
        self._sizes = np.array([*(part.size for part in rows), used], np.int64)
        self.evicted, self.pruned = map(int, state["evicted"])
        return self

    def _new_groups(self, capacity: int) -> tuple[NDArray[Any], ...]:
        """Arrays by peer group, row 0 the fleet.

        Observations, novelties, pooling, prevalences, latest hour, code, size, first hour, rates of the latest hour.
        """
        return (
            np.zeros((capacity, AGES)),
            np.zeros((capacity, AGES, LEVELS)),
            np.full((capacity, LEVELS), _BASE_KAPPA if self.pool else _UNPOOLED),
            np.zeros((capacity, LEVELS, BINS)),
            np.full(capacity, -1, np.int64),
            np.zeros(capacity, np.int64),
            np.zeros(capacity, np.int64),
            np.full(capacity, -1, np.int64),
            np.zeros((capacity, AGES, LEVELS)),
        )

    def _grow(self) -> None:
        for index, table in enumerate(self._tables):
            if 2 * (int(self._sizes[index]) + 3) > table.size:
                self._tables[index] = table_of(rows_of(table), 4 * table.size)
        used = int(self._sizes[4])
        if used + 1 > self._groups[5].size:
            larger = self._new_groups(4 * used)
            for old, new in zip(self._groups, larger, strict=True):
                new[:used] = old[:used]
            self._groups = larger

    def _evict(self) -> None:
        """Hold the memory bound; by numbers of records, not of slots, which depend on how a table grew."""
        if max(self.memory, self._packed(self._sizes[:3].tolist())) <= self.memory_bytes:
            return
        held = [rows_of(table) for table in self._tables[:3]]
        if self._packed([rows.size for rows in held]) > self.memory_bytes:
            before = held[0].size
            held = self._since(self._cutoff(held), held)
            self.evicted += before - held[0].size
        if self.memory > self.memory_bytes:
            self._tables = [table_of(rows) for rows in (*held, rows_of(self._tables[3]))]

    def _prune(self, hours: int) -> None:
        """Drop pairs and values last seen so long before the newest; entities are kept."""
        held = [rows_of(table) for table in self._tables[:3]]
        newest = int(held[0]["hour"].max(initial=-1))
        kept = self._since(newest - hours, held)
        self.pruned += held[0].size - kept[0].size
        if any(a.size < b.size for a, b in zip(kept, held, strict=True)):
            self._tables = [table_of(rows) for rows in (*kept, rows_of(self._tables[3]))]

    def _since(self, hour: int, held: Sequence[Table]) -> list[Table]:
        """Pairs, values and peers' values last seen in an hour or later."""
        kept = [rows[rows["hour"] >= hour] for rows in held]
        self._sizes[:3] = [rows.size for rows in kept]
        return kept

    def _packed(self, sizes: Sequence[int]) -> int:
        tables = zip(self._tables, (*sizes, int(self._sizes[3])), strict=True)
        return sum(packed_bytes(table.dtype, size) for table, size in tables)

    def _cutoff(self, held: Sequence[Table]) -> int:
        """First hour whose sights may stay."""
        hours = [np.sort(rows["hour"]) for rows in held]
        steps = np.unique(np.concatenate(hours))
        low, high = 0, steps.size
        while low < high:
            middle = (low + high) // 2
            kept = [round(1.25 * (some.size - int(np.searchsorted(some, steps[middle])))) for some in hours]
            low, high = (low, middle) if self._packed(kept) <= self.memory_bytes else (middle + 1, high)
        return int(steps[low]) if low < steps.size else FOREVER

    def _fit_pooling(self) -> None:
        """Pseudo-observations a group is worth, by the beta-binomial moment identity over its members."""
        if not self.pool:
            return
        kappa = self._groups[2]
        entities = rows_of(self._tables[3])
        entities = entities[entities["n"] >= _MIN_OBSERVATIONS]
        for group in range(int(self._sizes[4])):
            members = entities if group == 0 else entities[entities["group"] == group]
            if members.size >= _MIN_MEMBERS:
                for level in range(1, LEVELS):
                    kappa[group, level] = _pseudo_observations(members["n"], members[f"k{level}"])


def _pseudo_observations(n: NDArray[np.float64], k: NDArray[np.float64]) -> float:
    mean = float(k.sum() / n.sum())
    if mean <= 0.0:
        return _BASE_KAPPA
    spread = float(np.mean((k / n - mean) ** 2)) - mean * (1.0 - mean) * float(np.mean(1.0 / n))
    excess = max(spread, mean * mean / 100.0)
    return float(np.clip(mean * (1.0 - mean) / excess - 1.0, 5.0, 1e6))
