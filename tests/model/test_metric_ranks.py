"""Ranks: only where a law is refuted, then true to what the group did, and far out by a fitted tail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from rarebit.model.metric_ranks import HIGH_SIDE, LOW_SIDE, Ranks


def _learnt(p: np.ndarray, groups: np.ndarray | None = None, number: int = 1) -> Ranks:
    ranks = Ranks()
    if number > 1:
        ranks.add_groups(number - 1)
    of = np.zeros(p.size, np.int64) if groups is None else groups
    ranks.learn(HIGH_SIDE, of, p)
    ranks.refit()
    return ranks


def _replaced(ranks: Ranks, p: np.ndarray, group: int = 0) -> np.ndarray:
    return ranks.replaced(HIGH_SIDE, np.full(p.size, group), p).p


def test_a_law_that_fits_is_left_alone() -> None:
    ranks = _learnt(np.random.default_rng(0).random(50_000))
    assert ranks.refuted == 0
    asked = np.array([0.4, 1e-3, 1e-9])
    assert _replaced(ranks, asked).tolist() == asked.tolist()
    assert ranks.asked(HIGH_SIDE, np.zeros(3, np.int64), asked).tolist() == asked.tolist()


@pytest.mark.parametrize("freedom", [3, 5, 30])
def test_a_refuted_law_is_replaced_by_what_was_seen_and_its_tail(freedom: int) -> None:
    rng = np.random.default_rng(freedom)
    ranks = _learnt(norm.sf(rng.standard_t(freedom, 200_000)))
    assert ranks.refuted == 1
    for level in (0.3, 0.05, 1e-2, 1e-3, 1e-4):
        law_p = norm.sf(t.isf(level, freedom))
        assert _replaced(ranks, np.array([law_p]))[0] == pytest.approx(level, rel=0.3 if level > 1e-4 else 0.6)


def test_ranks_never_turn_order_about_and_can_be_asked_back() -> None:
    rng = np.random.default_rng(4)
    ranks = _learnt(norm.sf(1.5 * rng.standard_t(4, 30_000)))
    p = 10.0 ** -np.linspace(0.01, 250, 4000)
    found = _replaced(ranks, p)
    assert (np.diff(found) <= 1e-15).all()
    assert found[-1] > 0.0
    level = np.array([0.5, 0.02, 1e-3, 1e-5])
    back = ranks.asked(HIGH_SIDE, np.zeros(4, np.int64), level)
    np.testing.assert_allclose(_replaced(ranks, back), level, rtol=1e-3)


def test_the_numbers_shown_give_the_probability_of_a_tail() -> None:
    ranks = _learnt(norm.sf(np.random.default_rng(4).standard_t(4, 30_000)))
    tails = ranks.replaced(HIGH_SIDE, np.zeros(1, np.int64), np.array([1e-12]))
    depth = np.sqrt(-2.0 * np.log(1e-12))
    shown = tails.share * (1.0 + tails.shape * (depth - tails.start) / tails.scale) ** (-1.0 / tails.shape)
    np.testing.assert_allclose(tails.p, shown, rtol=1e-9)


def test_a_small_group_goes_by_the_fleet_and_sides_are_apart() -> None:
    rng = np.random.default_rng(1)
    groups = np.where(np.arange(20_000) < 19_500, 1, 2)
    ranks = _learnt(rng.random(20_000) ** 2, groups, 3)
    low = np.array([1e-4])
    assert _replaced(ranks, low, 1) == pytest.approx(_replaced(ranks, low, 0), rel=0.3)
    assert _replaced(ranks, low, 2) == _replaced(ranks, low, 0)
    assert ranks.replaced(LOW_SIDE, np.zeros(1, np.int64), low).p == low


def test_state_comes_back() -> None:
    ranks = _learnt(np.random.default_rng(1).random(5_000) ** 3)
    back = Ranks().load_state(ranks.to_state())
    p = np.array([1e-5, 0.3])
    assert _replaced(back, p).tobytes() == _replaced(ranks, p).tobytes()
