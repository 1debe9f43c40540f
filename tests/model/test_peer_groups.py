"""Planted roles are found again, whatever the order and the names of entities."""

from __future__ import annotations

import numpy as np
import pytest

from rarebit.model.peer_groups import (
    Foretelling,
    Habits,
    absorb_small,
    canonical_order,
    cluster,
    features,
    learn_groups,
    match_groups,
)

TOKENS = 400
DAYS = 14


def rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted Rand index of two divisions of the same things."""
    a, b = (np.unique(labels, return_inverse=True)[1] for labels in (first, second))
    both = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(both, (a, b), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    chance = pairs(both.sum(axis=1)) * pairs(both.sum(axis=0)) / pairs(np.array([a.size]))
    most = (pairs(both.sum(axis=1)) + pairs(both.sum(axis=0))) / 2
    return (pairs(both) - chance) / (most - chance) if most > chance else 1.0


def planted(rng: np.random.Generator, sizes: tuple[int, ...], own: int = 12) -> tuple[Habits, np.ndarray]:
    """Entities of roles that share 40 tokens, have `own` of their role, and 10 of their own taste among 200."""
    roles = np.repeat(np.arange(len(sizes)), sizes)
    rows = []
    for entity, role in enumerate(roles):
        tokens = np.concatenate(
            [
                rng.choice(40, 25, replace=False),
                40 + own * role + rng.choice(own, own - 3, replace=False),
                200 + rng.choice(200, 10, replace=False),
            ]
        )
        for token in tokens:
            shown = rng.random(DAYS) < rng.choice([0.2, 0.5, 0.9])
            if shown.any():
                rows.append((entity, int(token), int(np.sum(1 << np.flatnonzero(shown)))))
    entities, tokened, days = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return Habits(entities, tokened, days, roles.size, TOKENS), roles


def halves(habits: Habits) -> tuple[Habits, Habits]:
    week = (1 << 7) - 1
    return habits.within(week), habits.within(week << 7)


def learnt(habits: Habits, min_size: int = 8) -> np.ndarray:
    earlier, later = halves(habits)
    points = features(earlier, np.ones(habits.tokens), np.zeros((habits.entities, 0)))
    return learn_groups(points, Foretelling(earlier, later), min_size=min_size)


@pytest.mark.parametrize("seed", range(3))
def test_planted_roles_are_found_and_foretell_as_well_as_they(seed: int) -> None:
    habits, roles = planted(np.random.default_rng(seed), (60, 40, 25, 15))
    groups = learnt(habits)
    assert rand_index(groups, roles) > 0.9
    law = Foretelling(*halves(habits))
    assert law.log_likelihood(groups).sum() >= law.log_likelihood(roles).sum() - 1e-6
    assert law.log_likelihood(roles).sum() > law.log_likelihood(np.zeros_like(roles)).sum()


def test_where_there_is_one_role_there_is_one_group() -> None:
    habits, _ = planted(np.random.default_rng(5), (120,))
    assert learnt(habits).max() == 0


def test_order_of_entities_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    habits, _ = planted(rng, (40, 30, 20))
    codes = rng.integers(1, 2**62, TOKENS)
    shuffled = rng.permutation(habits.entities)
    other = habits.of(shuffled)
    first, second = (each.of(canonical_order(each, codes)) for each in (habits, other))
    assert np.array_equal(learnt(first), learnt(second))
    place = canonical_order(habits, codes)
    assert np.array_equal(shuffled[canonical_order(other, codes)], place)


def test_small_groups_join_the_nearest() -> None:
    points = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5 + [[0.6, 0.8]])
    assert absorb_small(points, np.array([0] * 5 + [1] * 5 + [2]), 3).tolist() == [0] * 5 + [1] * 6


def test_more_clusters_than_different_points() -> None:
    points = np.tile([1.0, 0.0], (6, 1))
    assert cluster(points, 4).max() == 0


def test_groups_go_on_only_where_most_members_stay() -> None:
    before = np.array([0] * 10 + [1] * 10 + [-1])
    now = np.array([3] * 9 + [0] + [2] * 3 + [1] * 7 + [1])
    assert match_groups(before, now) == {3: 0, 1: 1}


def test_span_counts_days_from_first_to_last() -> None:
    days = np.array([1, 0b1001, 1 << 27, (1 << 27) | 1], np.int64)
    assert Habits(np.arange(4), np.zeros(4, np.int64), days, 4, 1).span.tolist() == [1, 4, 1, 28]
