"""Hours against von Mises mixtures hidden from the model: uniformity, tails by age, and zones (science: T9)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from model.hours_worlds import laws, live, randomised, zones_found
from rarebit.model.hours_law import DAY_HOURS, WORTH, shares_of, tails

LEVELS = (0.1, 0.03, 0.01, 0.003)
SEEDS, SERIES, DAYS = range(3), 300, 42
ENOUGH = 15.0

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("seed", range(5))
def test_p_is_uniform_where_the_law_of_the_peers_is_given(seed: int) -> None:
    """A hundred thousand draws of two thousand series, each from a law of its own around that of its group."""
    rng = np.random.default_rng(seed)
    size, turns = 2000, 50
    prior = laws(rng, 3)[rng.integers(0, 3, size)]
    truth = np.stack([rng.dirichlet(WORTH * each) for each in prior])
    own, said = np.zeros((size, DAY_HOURS)), []
    for _ in range(turns):
        hours = (rng.random((size, 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(max=DAY_HOURS - 1)
        less, same = tails(shares_of(own, prior, np.eye(DAY_HOURS)), hours)
        said.append(less + rng.random(size) * same)
        own[np.arange(size), hours] += 1.0
    p = np.concatenate(said)
    found = kstest(p, "uniform").pvalue
    print(f"seed {seed}: KS p = {found:.3f}; " + ", ".join(f"{np.mean(p <= a) / a:.2f} at {a}" for a in LEVELS))  # noqa: T201
    assert found > 1e-3
    assert all(abs(np.mean(p <= a) / a - 1.0) < 3.0 / np.sqrt(a * p.size) for a in LEVELS)


def test_tails_and_zones_where_everything_is_learnt() -> None:
    ages = {"first week": (0, 7), "second and third": (7, 21), "later": (21, DAYS)}
    counts = {age: np.zeros(len(LEVELS)) for age in ages}
    judged, right = dict.fromkeys(ages, 0), []
    for seed in SEEDS:
        world = live(seed, series=SERIES, days=DAYS)
        rng = np.random.default_rng(seed + 100)
        for age, (start, end) in ages.items():
            p, number = randomised(rng, world, from_day=start, to_day=end)
            counts[age] += [np.count_nonzero(p <= level) for level in LEVELS]
            judged[age] += number
        right.append(zones_found(world))
    for age in ages:
        ratios = counts[age] / (np.array(LEVELS) * judged[age])
        shown = ", ".join(f"{ratio:.2f} at {level}" for ratio, level in zip(ratios, LEVELS, strict=True))
        print(f"{age}: {judged[age]} observations; {shown}")  # noqa: T201
        enough = np.array(LEVELS) * judged[age] >= ENOUGH
        assert np.all(ratios[enough] <= 1.3)
        assert np.all(ratios[enough] >= (0.4 if age == "later" else 0.2))
    print(f"zone found within an hour: {', '.join(f'{part:.0%}' for part in right)}")  # noqa: T201
    assert min(right) >= 0.9
