"""Metric p-values against laws that are known, and hidden from the model: every group, every age, every tail.

Three groups of series of different level and noise, a fifth of them joining late, each hour one mean of one value, by
the hour of the week. Student's t with three degrees of freedom, log-normal values, and a mixture of a steady and a wild
part, as they are or by their logarithm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.metric_worlds import Feed, busy, deviations
from rarebit.model.metric_law import BOTH, HIGH

LEVELS = (1e-2, 1e-3, 1e-4)
AGES = ((0, 24), (24, 168), (168, 10**6))
"""Buckets a series was seen in before."""
SEEDS, SERIES, DAYS, FROM = range(3), 450, 35, 14
ENOUGH = 15.0
"""Alarms to be expected, from which on a ratio is asked for."""


def _world(seed: int, kinds: tuple[str, ...], *, side: int, signed: bool) -> tuple[Any, Any]:
    """Cells found, and values judged by group and age, from the third week on."""
    rng = np.random.default_rng(seed)
    group = np.arange(SERIES) % 3
    level = rng.normal(np.array([8.0, 10.0, 13.0])[group], 1.0)
    spread = np.exp(rng.normal(np.array([-1.5, -1.0, -0.5])[group], 0.4))
    joins = np.where(rng.random(SERIES) < 0.2, rng.integers(14 * 24, 30 * 24, SERIES), 0)
    feed = Feed(peers=group + 1, statistics=("mean",), side=side)
    feed.model.keep_p = 0.05
    tests, told = np.zeros((3, len(AGES))), []
    for hour in range(24 * DAYS):
        here = np.flatnonzero(joins <= hour)
        noise = np.empty(SERIES)
        for at, kind in enumerate(kinds):
            own = group % len(kinds) == at
            noise[own] = deviations(rng, kind, int(own.sum()))
        y = level + np.log(busy(hour)) + spread * noise
        cells, _ = feed(here + 1, (y - 10.0 if signed else np.expm1(np.maximum(y, 0.0)))[here])
        if hour > FROM * 24:
            told.append(cells)
        if hour >= FROM * 24:
            age = hour - joins[here]
            for at, (low, high) in enumerate(AGES):
                tests[:, at] += np.bincount(group[here[(age >= low) & (age < high)]], minlength=3)
    return np.concatenate(told), tests


def _counts(cells: Any, level: float) -> Any:
    """Alarms by group and age."""
    cells = cells[cells["p"] <= level]
    age = np.searchsorted([high for _, high in AGES], cells["buckets"], "right")
    return np.bincount((cells["key"] - 1) % 3 * len(AGES) + age, minlength=3 * len(AGES)).reshape(3, -1)


def _chance(share: float, of: float) -> float:
    """Two standard errors of a share of so many."""
    return float(2.0 * np.sqrt(share / of))


WORLDS = [
    (("lognormal",), HIGH, False),
    (("student3",), HIGH, True),
    (("student5",), BOTH, False),
    (("mixture",), HIGH, False),
    (("lognormal", "student3", "mixture"), HIGH, False),
]


@pytest.mark.proof
@pytest.mark.parametrize(("kinds", "side", "signed"), WORLDS, ids=["+".join(world[0]) for world in WORLDS])
def test_alarms_keep_their_promise_in_every_group_and_at_every_age(
    kinds: tuple[str, ...], side: int, signed: bool
) -> None:
    made = [_world(seed, kinds, side=side, signed=signed) for seed in SEEDS]
    tests = sum(part for _, part in made)
    print(  # noqa: T201
        f"\n{'+'.join(kinds)}{' signed' if signed else ''}{' both sides' if side == BOTH else ''}: {tests.sum():,.0f}"
    )
    failed: list[tuple[float, str, float]] = []
    for level in LEVELS:
        found = sum(_counts(cells, level) for cells, _ in made)
        named = {"all": (found.sum(), tests.sum())}
        named |= {f"group {at + 1}": (found[at].sum(), tests[at].sum()) for at in range(3)}
        named |= {f"age {low}-{high}": (found[:, at].sum(), tests[:, at].sum()) for at, (low, high) in enumerate(AGES)}
        shares = {name: (count / (of * level), of * level) for name, (count, of) in named.items()}
        print(level, {name: f"{share:.2f} of {of:.0f}" for name, (share, of) in shares.items()})  # noqa: T201
        failed += [
            (level, name, share)
            for name, (share, of) in shares.items()
            if of >= ENOUGH and not 0.4 - _chance(0.4, of) < share < 1.3 + _chance(1.3, of)
        ]
    assert failed == []
