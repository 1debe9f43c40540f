"""Talk rates and windows against slow twins written another way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US, WEEK_US
from rarebit.model.talk import HISTORY_US, LAG_US, talk_rates
from rarebit.model.windows import stretches, window_sums
from rarebit.model.windows_kernel import PAIR, SECOND

Ints = NDArray[np.int64]
FINDINGS = st.lists(
    st.tuples(st.integers(0, 60 * 24), st.integers(0, 2), st.integers(0, 1), st.sampled_from([3.0, 0.3, 0.03, 0.003])),
    min_size=1,
    max_size=60,
)


def _columns(found: list[tuple[int, int, int, float]]) -> tuple[Ints, Ints, Ints, NDArray[np.float64]]:
    times, entity, stream, usual = (np.array(column) for column in zip(*found, strict=True))
    order = np.lexsort((times, entity))
    return times[order] * HOUR_US, entity[order], stream[order], usual[order]


@given(FINDINGS)
def test_own_history_is_that_of_four_weeks_up_to_a_day_before(found: list[tuple[int, int, int, float]]) -> None:
    time_us, entity, stream, usual = _columns(found)
    talk = talk_rates(time_us, entity, stream, usual, members=np.array([50, 50]), since_us=0)
    for row in range(time_us.size):
        age = time_us[row] - time_us
        past = (age >= LAG_US) & (age < LAG_US + HISTORY_US) & (entity == entity[row]) & (stream == stream[row])
        assert talk.own[row] == np.count_nonzero(past & (usual <= usual[row]))
    weeks = np.clip(time_us - LAG_US, 0, HISTORY_US) / WEEK_US
    own = (talk.shape + talk.own) / (talk.shape / usual + weeks)
    np.testing.assert_allclose(talk.rate, 0.7 * own + 0.3 * usual * talk.noise)


def test_rates_go_to_what_an_entity_does() -> None:
    """Ten a week from one entity, none from the others: after four weeks its own rate is near ten."""
    rng = np.random.default_rng(1)
    time_us = np.sort(rng.integers(0, 5 * WEEK_US, 50))
    zeros = np.zeros(50, np.int64)
    talk = talk_rates(time_us, zeros, zeros, np.full(50, 0.1), members=np.array([100]), since_us=0)
    assert talk.rate[-1] == pytest.approx(0.7 * 10.0, rel=0.4)
    assert talk.rate[0] == pytest.approx(0.1)


def _slow_window(rows: list[tuple[int, int, int, float]]) -> tuple[float, float]:
    """The rows of one window as (time, tactic, family, points)."""
    total, placed = 0.0, []
    for tactic in {row[1] for row in rows if row[3] > 0.0}:
        own = [row for row in rows if row[1] == tactic]
        best = max(own, key=lambda row: (row[3], -own.index(row)))
        others = [row[3] for row in own if row[2] != best[2]]
        total += best[3] + SECOND * max(others, default=0.0)
        placed.append((best[0], tactic))
    pairs = [(a, b) for a in placed for b in placed if a[1] < b[1] and a[1] < 15 and b[1] < 15]
    return total, PAIR * sum((a[0] < b[0]) - (a[0] > b[0]) for a, b in pairs)


WINDOWED = st.lists(
    st.tuples(
        st.integers(0, 100), st.integers(0, 1), st.sampled_from([0, 3, 8, 15]), st.integers(0, 2), st.floats(0.0, 8.0)
    ),
    min_size=1,
    max_size=40,
)


@given(WINDOWED)
def test_windows_add_up_as_by_hand(found: list[tuple[int, int, int, int, float]]) -> None:
    found = sorted(found, key=lambda row: (row[1], row[0]))
    time, entity, tactic, family, points = (np.array(column) for column in zip(*found, strict=True))
    total, order = window_sums(time * HOUR_US, entity, tactic, family, points.astype(float), span_us=DAY_US)
    for end in range(len(found)):
        part = [
            (row[0], row[2], row[3], row[4])
            for row in found[: end + 1]
            if row[1] == found[end][1] and row[0] > found[end][0] - 24
        ]
        assert (total[end], order[end]) == pytest.approx(_slow_window(part))


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=40))
def test_stretches_are_short_and_keep_what_was_told_apart(found: list[tuple[int, int, int]]) -> None:
    found = sorted(found, key=lambda row: (row[1], row[0]))
    time, entity, told = (np.array(column) for column in zip(*found, strict=True))
    label = stretches(time, entity, told, gap_us=24, longest_us=168)
    assert label[0] == 0
    assert set(np.diff(label).tolist()) <= {0, 1}
    for number in range(label[-1] + 1):
        part = label == number
        assert len(set(entity[part])) == 1
        assert len(set(told[part]) - {0}) <= 1
        if not (told[part] > 0).any():
            assert np.ptp(time[part]) <= 168
