"""Fusion where the truth is known: cases promised and given without attacks, and weak chains found among noise.

The world is that of ``case/alert_world.py``: 4,500 entities, 20 detectors of 8 tactics, alerts of an attack drawn from
the same scale as noise. Plain sums and counts in the style of other products judge the same alerts.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from case.alert_world import DETECTORS, GUIDES, KINDS, START_US, TACTICS, World, make_world, signals_of, weeks_of
from rarebit.case.evidence import evidence_of
from rarebit.case.group import Drafts, drafts_of
from rarebit.core.time import DAY_US, WEEK_US
from rarebit.model.calibrate import TailCalibrator

pytestmark = pytest.mark.proof
PROMISED = (10.0, 5.0, 2.5)
"""Cases a week."""
SLOTS = (10, 20, 40, 80, 100)
SHIFTS = 20
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def drafts_in(world: World) -> Drafts:
    return drafts_of(evidence_of(signals_of(world), tactics=GUIDES, members={"host": world.entities}))


def shifted(world: World, seed: int) -> World:
    """The same alerts, those of each entity and detector moved round the calendar together."""
    rng = np.random.default_rng(seed)
    pairs, which = np.unique(world.entity * DETECTORS + world.detector, return_inverse=True)
    span = world.days * DAY_US
    moved = START_US + (world.time_us - START_US + rng.integers(0, span, pairs.size)[which]) % span
    order = np.argsort(moved, kind="stable")
    columns = (world.entity[order], world.detector[order], world.expected[order])
    return World(moved[order], *columns, world.attacked, world.entities, world.days)


@pytest.mark.parametrize("kind", KINDS)
def test_t12_cases_promised_and_given(kind: str) -> None:
    """Every day is judged by the days before it; twelve weeks after four of history, three seeds."""
    given = dict.fromkeys(PROMISED, 0)
    for seed in range(3):
        drafts = drafts_in(make_world(seed, kind=kind, days=112))
        order = np.argsort(drafts.begin_us, kind="stable")
        times = drafts.begin_us[order]
        expected = TailCalibrator().step(np.exp(-drafts.total[order]), times)
        late = times >= START_US + 28 * DAY_US
        for promise in PROMISED:
            given[promise] += int(np.count_nonzero(expected[late] <= promise))
    for promise, count in given.items():
        ratio = count / 36.0 / promise
        print(f"{kind}: promised {promise:g} a week, given {count / 36.0:.2f}")  # noqa: T201
        assert 0.5 <= ratio <= 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_t12_what_the_shift_null_would_promise(kind: str) -> None:
    """Shifting keeps each entity's rates and breaks what comes together: what it leaves out is benign company."""
    world = make_world(5, kind=kind, days=56)
    null = np.concatenate([drafts_in(shifted(world, seed)).total for seed in range(SHIFTS)])
    own = drafts_in(world).total
    fortnights = weeks_of(world) / 2.0
    for promise in (5.0, 10.0, 20.0):
        level = np.sort(null)[-int(promise * fortnights * SHIFTS)]
        count = np.count_nonzero(own >= level) / fortnights
        print(f"{kind}: the shift null promises {promise:g} in two weeks, given {count:.1f}")  # noqa: T201
        if kind == "bursty":
            assert count > 2.0 * promise, "what comes together on busy days is beyond it: history must calibrate"
        else:
            assert 0.5 * promise <= count <= 2.0 * promise


def ranking(scores: Floats, world: World, rows: Ints) -> list[int]:
    """How many attacked entities are among the first, by the best that each had after the quiet time."""
    late = world.time_us[rows] >= START_US + 28 * DAY_US
    best = np.full(world.entities, -np.inf)
    np.maximum.at(best, world.entity[rows][late], scores[late])
    first = np.argsort(-best, kind="stable")
    return [len(world.attacked & set(first[:slots].tolist())) for slots in SLOTS]


def sliding(world: World, values: Floats, span_us: int) -> tuple[Floats, Ints]:
    """Sum of values over the window that ends with each alert, and the alerts by entity, then time."""
    rows = np.lexsort((world.time_us, world.entity))
    sums = np.concatenate([[0.0], np.cumsum(values[rows])])
    key = world.entity[rows] * (1 << 52) + (world.time_us[rows] - START_US)
    begin = np.searchsorted(key, np.maximum(key - span_us, world.entity[rows] * (1 << 52)), side="right")
    return sums[1:] - sums[begin], rows


def window_rows(world: World, span_us: int) -> list[tuple[int, Ints]]:
    """For each alert, those of its entity in the window it ends."""
    rows = np.lexsort((world.time_us, world.entity))
    found = []
    begin = 0
    for end, row in enumerate(rows):
        since = world.time_us[row] - span_us
        while world.entity[rows[begin]] != world.entity[row] or world.time_us[rows[begin]] <= since:
            begin += 1
        found.append((int(row), rows[begin : end + 1]))
    return found


def risk_of(world: World) -> Floats:
    """Risk 0 to 100 of each alert, as a severity would give it."""
    return np.clip(50.0 - 25.0 * np.log10(world.expected / 10.0), 0.0, 100.0)


def zeta(world: World) -> tuple[Floats, Ints]:
    """Sorted risks weighted by rank to the power of -1.5, over two weeks."""
    risk = risk_of(world)
    windows = window_rows(world, 14 * DAY_US)
    sums = [float((np.sort(risk[part])[::-1] / np.arange(1, part.size + 1) ** 1.5).sum()) for _, part in windows]
    return np.array(sums), np.array([row for row, _ in windows])


def tactics(world: World) -> tuple[Floats, Ints, Ints]:
    """Different tactics and different detectors within seven days."""
    windows = window_rows(world, WEEK_US)
    kinds = [np.unique(world.detector[part] % TACTICS).size for _, part in windows]
    sources = [np.unique(world.detector[part]).size for _, part in windows]
    return np.array(kinds, np.float64), np.array(sources), np.array([row for row, _ in windows])


def fires(name: str, world: World, hit: Ints) -> str:
    late = hit[world.time_us[hit] >= START_US + 28 * DAY_US]
    found = set(world.entity[late].tolist())
    return f"  rule {name}: fires on {len(found)} entities, {len(found & world.attacked)} attacked"


@pytest.mark.parametrize("ordered", [True, False], ids=["in order", "in any order"])
def test_t13_weak_chains_are_found(ordered: bool) -> None:
    ours: list[list[int]] = []
    theirs: dict[str, list[list[int]]] = {"risk in 24 h": [], "zeta": [], "tactics in 7 d": []}
    for seed in range(4):
        world = make_world(seed, attacked=40, ordered=ordered)
        drafts = drafts_in(world)
        names = [int(drafts.evidence.names[at][1][5:]) for at in drafts.entity]
        best = np.full(world.entities, -np.inf)
        late = drafts.last_us >= START_US + 28 * DAY_US
        np.maximum.at(best, np.array(names)[late], drafts.total[late])
        first = np.argsort(-best, kind="stable")
        ours.append([len(world.attacked & set(first[:slots].tolist())) for slots in SLOTS])
        risk, rows = sliding(world, risk_of(world), DAY_US)
        theirs["risk in 24 h"].append(ranking(risk, world, rows))
        weighted, by_fortnight = zeta(world)
        theirs["zeta"].append(ranking(weighted, world, by_fortnight))
        kinds, sources, by_week = tactics(world)
        theirs["tactics in 7 d"].append(ranking(kinds, world, by_week))
        if seed == 0:
            print(fires("risk over 100 in 24 h", world, rows[risk > 100.0]))  # noqa: T201
            many = by_week[(kinds >= 3) & (sources >= 4)]
            print(fires("3 tactics of 4 detectors in 7 d", world, many))  # noqa: T201
    for name, found in {"fusion": ours, **theirs}.items():
        shares = 100.0 * np.mean(found, axis=0) / 40.0
        print(f"{name}: " + ", ".join(f"{s:.0f} % in {n}" for s, n in zip(shares, SLOTS, strict=True)))  # noqa: T201
    mean = np.mean(ours, axis=0) / 40.0
    assert mean[SLOTS.index(80)] >= 0.85
    assert mean[SLOTS.index(40)] > max(np.mean(found, axis=0)[SLOTS.index(40)] for found in theirs.values()) / 40.0
