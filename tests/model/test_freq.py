"""``freq_rare``: a valid bound, exact for one of one; what a member does over and over is found, once is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.freq_kernel import chernoff
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import POPULATION

START = 490_000 * HOUR_US
RARE = 999


def model(**options: Any) -> RareModel:
    return RareModel(POPULATION, frequent=True, **{"keep_p": 1.0, **options})


def population(seed: int, *, members: int = 60, hours: int = 240, events: int = 6) -> tuple[np.ndarray, ...]:
    """Members that do common things all day, and now and then one that only they do: times, members, values."""
    rng = np.random.default_rng(seed)
    size = members * hours * events
    member = np.tile(np.arange(1, members + 1), hours * events)
    times = (
        START
        + np.repeat(np.arange(hours), members * events) * HOUR_US
        + np.sort(rng.integers(0, HOUR_US, (hours, members * events)), axis=1).reshape(-1)
    )
    value = rng.integers(1, 21, size)
    own = rng.random(size) < 0.004
    value[own] = 1000 + rng.integers(0, 3 * members, own.sum())
    return times, member, value


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(1e-9, 1.0))
def test_bound_lies_above_the_exact_tail(count: int, more: int, rate: float) -> None:
    events = count + more - 1
    bound = chernoff(count, events, rate)
    assert bound <= 1.0
    assert bound >= binom.sf(count - 1, events, rate) * (1 - 1e-9)


@settings(deadline=None)
@given(st.floats(1e-12, 1.0))
def test_bound_is_the_rate_for_one_of_one(rate: float) -> None:
    assert chernoff(1, 1, rate) == pytest.approx(rate, rel=1e-12)


def test_bound_at_the_edges() -> None:
    assert chernoff(1, 10, 0.2) == 1.0  # below the mean
    assert chernoff(3, 10, 0.0) == 0.0
    assert chernoff(4, 4, 0.5) == pytest.approx(1 / 16)


def test_probability_comes_at_powers_of_two() -> None:
    times, members, values = np.arange(20) + START, np.ones(20, np.int64), np.full(20, 5)
    p, _ = model().score_and_learn(times, members, values)
    assert (np.flatnonzero(~np.isnan(p)) + 1).tolist() == [1, 2, 4, 8, 16]


def test_repeated_rare_use_is_found_and_one_use_is_not() -> None:
    times, members, values = population(1)
    made = model()
    made.score_and_learn(times, members, values)
    made.start_day()
    hour = START + 240 * HOUR_US
    busy = np.concatenate([np.full(5, 2), [RARE], np.full(6, 3)])
    once = made.score_and_learn(hour + np.arange(12), np.full(12, 7), busy)[0]
    often, found = made.score_and_learn(hour + np.arange(12), np.full(12, 8), np.where(busy < 4, RARE + 1, busy))
    assert np.nanmin(once) > 1e-2
    assert np.nanmin(often) < 1e-6
    best = found[np.argmin(found["p"])]
    assert (best["entity"], best["value"], best["events"]) == (8, RARE + 1, 8)
    assert best["p"] < best["rate"]


def test_what_many_do_is_not_found_however_often() -> None:
    times, members, values = population(2)
    made = model()
    made.score_and_learn(times, members, values)
    p, found = made.score_and_learn(START + 72 * HOUR_US + np.arange(64), np.full(64, 7), np.full(64, 5))
    assert found.size == 0
    assert np.isfinite(p[[0, 1, 3, 7, 15, 31, 63]]).all()


def test_few_alarms_in_ordinary_life() -> None:
    """p-values of a quiet population are valid: bounds are above, so fewer than nominal."""
    made = model()
    made.score_and_learn(*population(3))
    made.start_day()
    times, members, values = population(4)
    p, _ = made.score_and_learn(times + 72 * HOUR_US, members, values)
    for level in (1e-2, 1e-3, 1e-4):
        assert np.count_nonzero(p <= level) <= 1.3 * level * times.size + 3


def test_late_rows_cannot_outnumber_the_hour() -> None:
    """A late row that counts into the hour before is compared with that hour's events, not with those of the next."""
    times, members, values = population(5)
    made = model()
    made.score_and_learn(times, members, values)
    hour = START + 240 * HOUR_US
    seven = made.score_and_learn(hour + np.arange(7), np.full(7, 3), np.full(7, RARE))[0]
    made.score_and_learn(np.array([hour + HOUR_US]), np.array([3]), np.array([2]))
    late = made.score_and_learn(np.array([hour + 8]), np.array([3]), np.array([RARE]))[0]
    single = seven[0]
    assert late[0] >= single**8
    assert late[0] <= seven[3]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(1, 1999), max_size=10, unique=True))
def test_cuts_and_restarts_change_no_bit(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    times = START + np.sort(rng.integers(0, 2 * DAY_US, 2000))
    columns = (times, rng.integers(1, 30, 2000), 1 + (200 * rng.random(2000) ** 4).astype(np.int64))
    whole, found = model().score_and_learn(*columns, scopes=columns[1] % 2)
    made, p, parts = model(), [], []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 2000], strict=True):
        made = model().load_state(made.to_state())
        some, judged = made.score_and_learn(*(c[begin:end] for c in columns), scopes=columns[1][begin:end] % 2)
        judged["row"] += begin
        p.append(some)
        parts.append(judged)
    assert np.concatenate(p).tobytes() == whole.tobytes()
    assert np.concatenate(parts).tobytes() == found.tobytes()
