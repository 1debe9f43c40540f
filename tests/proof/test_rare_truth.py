"""Rare p-values against a law that is known: exact where its rates are given, honest where they are learnt.

The law is a hierarchy of Pitman-Yor processes: hosts draw from their role, roles from the fleet. The more a host has
shown, the seldomer it shows something new, and how much seldomer differs from role to role.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numba
import numpy as np
import pytest
from scipy.stats import kstest

from rarebit.core.time import HOUR_US
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import INDIVIDUAL, Settings
from rarebit.model.rates_kernel import AGES, BINS, LEVELS, log2_bin, tail_p
from rarebit.model.tables import ENTITY

ALPHA = np.array([1e-1, 1e-2, 1e-3])

# --- T1: rates given ------------------------------------------------------------------------------------------------


Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(function: Loop) -> Loop:
    """Numba's compiler, with the function's own type."""
    made: Loop = numba.njit(cache=True)(function)
    return made


ENTITY_TYPE = numba.from_dtype(ENTITY)
ROLE_COUNT = 3


@compiled
def _chance(
    seated: float, tables: float, law: tuple[float, float], total: float, all_tables: float, base: float
) -> float:
    """Predictive probability of one value in one restaurant, given that of the restaurant above."""
    return (seated - law[0] * tables + (law[1] + law[0] * all_tables) * base) / (total + law[1])


@compiled
def _cell(own: float, role: int, value: int, holders: np.ndarray) -> tuple[int, int]:
    """Level and bin of prevalence of one value."""
    if own > 0:
        return 0, log2_bin(int(own))
    if holders[1 + role, value] > 0:
        return 1, log2_bin(holders[1 + role, value])
    return (2, log2_bin(holders[0, value])) if holders[0, value] > 0 else (3, 0)


@compiled
def _seat(rng: np.random.Generator, seated: np.ndarray, tables: np.ndarray, law: Any, value: int, base: float) -> bool:
    """Seat a customer; True if at a new table, which then is a customer above."""
    old = seated[value] - law[0] * tables[value]
    fresh = (law[1] + law[0] * tables.sum()) * base
    seated[value] += 1
    if rng.random() * (old + fresh) < old:
        return False
    tables[value] += 1
    return True


@compiled
def exact(rng: np.random.Generator, draws: int, hosts: int, values: int, laws: Any, settings: Any) -> np.ndarray:
    """Randomised p and mid-p of draws whose predictive law is summed over all values before each (float64[2, n])."""
    own_law, role_law = laws
    base = 1.0 / (10.0 + np.arange(values))
    base /= base.sum()
    seated, tables = np.zeros((hosts, values)), np.zeros((hosts, values))
    above, above_tables = np.zeros((ROLE_COUNT, values)), np.zeros((ROLE_COUNT, values))
    holders = np.zeros((ROLE_COUNT + 1, values), np.int64)
    ranks, hours = np.zeros((1, LEVELS, BINS)), np.zeros(1, np.int64)
    groups = (np.ones((1, AGES)), np.ones((1, AGES, LEVELS)), np.zeros((1, LEVELS)), ranks, hours, hours, hours, hours)
    entity = np.zeros(1, ENTITY_TYPE)[0]
    entity.e1 = entity.e2 = entity.e3 = 1.0  # so that the rates are the novelties
    out = np.empty((2, draws))
    chance, from_role = np.empty(values), np.empty(values)
    for draw in range(draws):
        host = rng.integers(0, hosts)
        role = int(host % ROLE_COUNT)
        total, all_tables = seated[host].sum(), tables[host].sum()
        role_total, role_tables = above[role].sum(), above_tables[role].sum()
        ranks[:] = 0.0
        for v in range(values):
            from_role[v] = _chance(above[role, v], above_tables[role, v], role_law, role_total, role_tables, base[v])
            chance[v] = _chance(seated[host, v], tables[host, v], own_law, total, all_tables, from_role[v])
            level, at = _cell(seated[host, v], role, v, holders)
            ranks[0, level, at] += chance[v]
        v = min(np.searchsorted(np.cumsum(chance), rng.random() * chance.sum()), values - 1)
        level, at = _cell(seated[host, v], role, v, holders)
        entity.k1, entity.k2, entity.k3 = ranks[0, 1].sum(), ranks[0, 2].sum(), ranks[0, 3].sum()
        ranks *= 1e15  # so that their flat prior weighs nothing
        out[0, draw] = tail_p(groups, entity, level, at, rng.random(), settings)[0]
        out[1, draw] = tail_p(groups, entity, level, at, 0.5, settings)[0]
        if seated[host, v] == 0:
            holders[0, v] += 1
            holders[1 + role, v] += 1
        if _seat(rng, seated[host], tables[host], own_law, v, from_role[v]):
            _seat(rng, above[role], above_tables[role], role_law, v, base[v])
    return out


LAWS = {
    "few new": ((0.2, 2.0), (0.3, 20.0)),
    "some new": ((0.5, 5.0), (0.5, 20.0)),
    "many new": ((0.8, 20.0), (0.6, 50.0)),
}
"""Discount and strength of hosts, and of roles."""


def draw_exact(seed: int, draws: int, law: str, *, values: int) -> np.ndarray:
    return np.asarray(exact(np.random.default_rng(seed), draws, 30, values, LAWS[law], np.zeros(1, Settings)[0]))


def ratios(p: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Realised over nominal share."""
    return np.asarray((p <= levels[:, None]).mean(axis=1) / levels)


def check_exact(p: np.ndarray, mid: np.ndarray) -> None:
    error = np.sqrt((1 - ALPHA) / (ALPHA * p.size))
    assert kstest(p, "uniform").pvalue > 1e-3
    assert np.all(np.abs(ratios(p, ALPHA) - 1.0) <= 3 * error)
    assert mid.mean() == pytest.approx(0.5, abs=0.01)


def test_t1_small() -> None:
    check_exact(*draw_exact(1, 5_000, "some new", values=300))


@pytest.mark.proof
@pytest.mark.parametrize("law", LAWS)
def test_t1_exact_where_rates_are_known(law: str) -> None:
    for seed in range(5):
        p, mid = draw_exact(seed, 100_000, law, values=1500)
        low, middle, high = ratios(p, ALPHA)[::-1]
        print(  # noqa: T201
            f"T1 {law}, seed {seed}: KS p {kstest(p, 'uniform').pvalue:.3f}, mean mid-p {mid.mean():.4f}, "
            f"realised/nominal {low:.2f} at 1e-3, {middle:.3f} at 1e-2, {high:.3f} at 1e-1"
        )
        check_exact(p, mid)


# --- T2: rates learnt -----------------------------------------------------------------------------------------------

ROLES = ((0.3, 3.0), (0.55, 10.0), (0.8, 30.0))
"""Discount and strength of the hosts of each role: few, some and many new things."""
LEARN_DAYS = 14
LEVELS_T2 = np.array([1e-2, 1e-3, 1e-4])
AGE_NAMES = ("up to 2 active hours", "3 to 16", "17 to 56", "57 to 240", "more")


@compiled
def _serve(
    rng: np.random.Generator, tables_of: np.ndarray, counts: np.ndarray, sizes: np.ndarray, law: np.ndarray
) -> int:
    """Table at which the next customer sits down; -1 for a new one. Sizes are customers and tables."""
    n, tables = sizes
    if rng.random() * (n + law[1]) >= n - law[0] * tables:
        return -1
    while True:  # a customer at random, kept by the share of the table that the discount leaves
        table = tables_of[rng.integers(0, n)]
        if rng.random() * counts[table] >= law[0]:
            return int(table)


@compiled
def _sit(table: int, tables_of: np.ndarray, counts: np.ndarray, sizes: np.ndarray) -> None:
    tables_of[sizes[0]] = table
    counts[table] += 1
    sizes[0] += 1
    if table == sizes[1]:
        sizes[1] += 1


@compiled
def franchise(rng: np.random.Generator, hosts: np.ndarray, laws: np.ndarray, room: int) -> np.ndarray:
    """Values (int64[n]) that the hosts of each row draw, one after the other; hosts in role ``host % 3``.

    Restaurants are hosts, then three roles, then the fleet; what is new to the fleet gets the next number.
    """
    places = laws.shape[0]
    tables_of, counts = np.zeros((places, room), np.int32), np.zeros((places, room), np.int32)
    dishes, sizes = np.zeros((places, room), np.int64), np.zeros((places, 2), np.int64)
    fleet = places - 1
    out = np.empty(hosts.size, np.int64)
    for row in range(hosts.size):
        way = (hosts[row], fleet - ROLE_COUNT + hosts[row] % ROLE_COUNT, fleet)
        opened, dish = 0, np.int64(0)
        for at in way:
            table = _serve(rng, tables_of[at], counts[at], sizes[at], laws[at])
            if table >= 0:
                _sit(table, tables_of[at], counts[at], sizes[at])
                dish = dishes[at, table]
                break
            opened += 1
        if dish == 0:
            dish = sizes[fleet, 1] + 1
        for step in range(opened):
            at = way[step]
            dishes[at, sizes[at, 1]] = dish
            _sit(sizes[at, 1], tables_of[at], counts[at], sizes[at])
        out[row] = dish
    return out


@dataclass(frozen=True)
class Judged:
    """Every observation after the learning time: randomised p, role, age class."""

    p: np.ndarray
    role: np.ndarray
    age: np.ndarray


def learnt(seed: int, *, hosts: int, days: int, hourly: float = 5.0) -> Judged:
    """A fleet of three roles, active ten hours a day, one host in five joining late, through the model."""
    rng = np.random.default_rng(seed)
    joins = np.where(rng.random(hosts) < 0.2, rng.integers(1, 24 * days, hosts), 0)
    hour = np.repeat(np.arange(24 * days), hosts)
    host = np.tile(np.arange(hosts), 24 * days)
    begins = rng.integers(0, 14, hosts)
    active = (hour >= joins[host]) & ((hour % 24 - begins[host]) % 24 < 10)
    hour, host = hour[active], host[active]
    events = rng.poisson(hourly, hour.size)
    hour, host = np.repeat(hour, events), np.repeat(host, events)
    laws = np.array([ROLES[at % 3] for at in range(hosts)] + [(0.5, 30.0)] * 3 + [(0.4, 100.0)])
    values = franchise(rng, host, laws, 1 << 17)
    made = RareModel(INDIVIDUAL, full=True)
    u = rng.random(hour.size)
    parts = []
    for day in range(days):
        made.start_day()
        part = slice(*np.searchsorted(hour, [24 * day, 24 * day + 24]))
        columns = ((490_000 + hour[part]) * HOUR_US, host[part] + 1, values[part])
        parts.append(made.score_and_learn(*columns, peers=1 + host[part] % 3, u=u[part])[0])
    p = np.concatenate(parts)
    kept = ~np.isnan(p) & (hour >= 24 * LEARN_DAYS)
    return Judged(p[kept], host[kept] % 3, np.searchsorted([2, 16, 56, 240], _active_hours(host, hour, hosts)[kept]))


def _active_hours(host: np.ndarray, hour: np.ndarray, hosts: int) -> np.ndarray:
    """Age of the host of each row, in hours in which it did anything."""
    _, first = np.unique(host * 10_000 + hour, return_index=True)
    started = np.zeros(hour.size, np.int64)
    started[first] = 1
    order = np.lexsort((np.arange(hour.size), host))
    run = np.cumsum(started[order])
    starts = np.searchsorted(host[order], np.arange(hosts))
    hours_active = np.empty(hour.size, np.int64)
    hours_active[order] = run - (run[starts] - 1)[host[order]]
    return hours_active


def table(found: list[Judged]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Realised and nominal number at each level, by role, by age, and in all."""
    p, role, age = (np.concatenate([getattr(one, name) for one in found]) for name in ("p", "role", "age"))
    parts = {"all": np.ones(p.size, np.bool_)}
    parts |= {f"role {number}, d = {law[0]}": role == number for number, law in enumerate(ROLES)}
    parts |= {name: age == number for number, name in enumerate(AGE_NAMES)}
    return {
        name: (
            np.array([np.count_nonzero(p[part] <= level) for level in LEVELS_T2]),
            LEVELS_T2 * np.count_nonzero(part),
        )
        for name, part in parts.items()
    }


def show(found: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for name, (realised, nominal) in found.items():
        cells = [f"{r / n:5.2f} ({r} of {n:.1f})" for r, n in zip(realised, nominal, strict=True)]
        print(f"T2 {name:22s}", *cells, sep="  ")  # noqa: T201


def test_t2_small() -> None:
    made = table([learnt(1, hosts=150, days=30)])
    for name in ("all", *(f"role {number}, d = {law[0]}" for number, law in enumerate(ROLES))):
        realised, nominal = made[name]
        assert np.all(realised[:2] >= 0.4 * nominal[:2] - 3 * np.sqrt(0.4 * nominal[:2]))
        assert np.all(realised[:2] <= 1.3 * nominal[:2] + 3 * np.sqrt(1.3 * nominal[:2]))


@pytest.mark.proof
def test_t2_where_rates_are_learnt() -> None:
    """Every role and age within [0.4, 1.3] of nominal, where so much is to be expected that chance does not decide."""
    made = table([learnt(seed, hosts=450, days=60) for seed in range(12)])
    show(made)
    for realised, nominal in made.values():
        sure = nominal >= 15
        assert np.all((realised[sure] >= 0.4 * nominal[sure]) & (realised[sure] <= 1.3 * nominal[sure]))
    of_roles = np.array([realised / nominal for name, (realised, nominal) in made.items() if name.startswith("role")])
    assert np.all(of_roles.max(axis=0) / of_roles.min(axis=0) < 2.5)
