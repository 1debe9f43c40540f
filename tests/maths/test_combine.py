"""The geometric mean of p-values: within bounds, and valid whatever the dependence."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from rarebit.maths.combine import at_most_together, geometric

LEVELS = np.array([1e-1, 1e-2, 1e-3])
chances = st.floats(1e-300, 1.0)


@settings(deadline=None)
@given(st.lists(st.lists(chances, min_size=3, max_size=3), min_size=1, max_size=6))
def test_bounds(rows: list[list[float]]) -> None:
    p = np.array(rows)
    made = geometric(p)
    assert np.all((made > 0.0) & (made <= 1.0))
    assert np.all(made >= np.minimum(1.0, p.min(axis=0)) * (1 - 1e-12))
    assert np.all(made <= np.minimum(1.0, np.e * p.max(axis=0)) * (1 + 1e-12))
    np.testing.assert_allclose(geometric(p[::-1]), made, rtol=1e-12)


@settings(deadline=None)
@given(chances, chances)
def test_no_view_may_lower_it_by_growing(p: float, q: float) -> None:
    low, high = min(p, q), max(p, q)
    assert geometric(np.array([[low], [0.3]]))[0] <= geometric(np.array([[high], [0.3]]))[0]


def test_an_unsurprised_view_takes_away() -> None:
    alone = geometric(np.array([[1e-6], [1e-6]]))[0]
    assert geometric(np.array([[1e-6], [1.0]]))[0] == pytest.approx(np.e * 1e-3)
    assert alone == pytest.approx(np.e * 1e-6)


def test_zero_stays_a_number() -> None:
    assert 0.0 < geometric(np.array([[0.0], [0.0]]))[0] < 1e-290


def together(rng: np.random.Generator, views: int, rows: int, correlation: float) -> np.ndarray:
    shared = rng.standard_normal(rows)
    own = rng.standard_normal((views, rows))
    return np.asarray(ndtr(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own))


@pytest.mark.parametrize("views", [2, 3, 8])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7, 1.0])
def test_valid_under_correlation(views: int, correlation: float) -> None:
    p = together(np.random.default_rng(views), views, 100_000, correlation)
    share = (geometric(p) <= LEVELS[:, None]).mean(axis=1)
    assert np.all(share <= LEVELS * 1.1)


def test_valid_where_views_are_opposed() -> None:
    first = np.random.default_rng(5).random(100_000)
    share = (geometric(np.stack([first, 1.0 - first])) <= LEVELS[:, None]).mean(axis=1)
    assert np.all(share <= LEVELS)


def test_valid_at_the_worst_dependence() -> None:
    """Views that are small together only below a: the factor e is used up there, and no more than that."""
    a, rows = 1e-2, 400_000
    rng = np.random.default_rng(6)
    # Below the level two views mirror each other in the logarithm as far as uniformity lets them.
    first = rng.random(rows)
    low = first < a
    second = np.where(low, a - first, first)
    share = (geometric(np.stack([first, second])) <= a).mean()
    assert share <= a * 1.05


def _exact(p: list[float]) -> float:
    """The same with sixty digits."""
    with localcontext() as context:
        context.prec = 60
        mean = sum((Decimal(value).ln() for value in p), Decimal(0)) / len(p)
        return float(min(Decimal(1), Decimal(1).exp() * mean.exp()))


EDGES = st.sampled_from([1e-300, 3e-200, 1e-16, 1e-9, 0.25, 0.5, 1.0 - 1e-9, 1.0 - 2.0**-53, 1.0])


@settings(deadline=None)
@given(st.lists(EDGES | chances, min_size=1, max_size=50))
def test_exact_at_both_ends(p: list[float]) -> None:
    assert geometric(np.array(p)[:, None])[0] == pytest.approx(_exact(p), rel=1e-12)


def test_records_that_come_together_are_not_promised_rarer_than_they_are() -> None:
    """Stretches with bursts of records that share their cause: no more than promised are as extreme."""
    rng = np.random.default_rng(5)
    weeks, stretches = 400.0, 40_000
    found = []
    for _ in range(stretches):
        size = int(rng.choice([0, 1, 30], p=[0.9, 0.08, 0.02]))
        if size:
            common = rng.random()
            found.append(at_most_together(300.0 * np.clip(common + 0.01 * rng.random(size), 1e-6, 1.0)))
    # Every record has a uniform E below 300: so many are expected a week at or below each.
    density = stretches * (0.08 + 0.02 * 30) / weeks / 300.0
    for level in (1.0, 10.0, 50.0):
        realised = float(np.count_nonzero(np.array(found) * density <= level)) / weeks
        assert realised <= 1.1 * level


@given(st.lists(st.floats(1e-6, 300.0), min_size=1, max_size=30), st.floats(1e-6, 300.0))
def test_one_more_record_never_makes_a_stretch_likelier(expected: list[float], more: float) -> None:
    assert at_most_together(np.array([*expected, more])) <= at_most_together(np.array(expected))
