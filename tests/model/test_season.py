"""Hours of the week: where they lie, how they are learnt, what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.time import DAY_US, HOUR_US, parse_time
from rarebit.model.season import HOURS, Season, hours_of, week_of


def test_the_week_begins_on_monday() -> None:
    monday = parse_time("2026-10-05")
    assert hours_of(monday, HOUR_US).tolist() == [0]
    assert hours_of(monday - 1, 1).tolist() == [HOURS - 1]
    assert hours_of(monday + 30 * 60_000_000, HOUR_US).tolist() == [0, 1]
    assert week_of(monday) == week_of(monday - 1) + 1


@given(st.integers(0, 10**16), st.integers(1, 40 * DAY_US))
def test_a_bucket_touches_each_hour_once(start_us: int, span_us: int) -> None:
    hours = hours_of(start_us, span_us)
    assert 1 <= hours.size <= HOURS
    assert np.unique(hours).size == hours.size


def _learnt(weeks: int) -> Season:
    season = Season()
    for week in range(weeks):
        for hour in range(HOURS):
            counted = np.array([90.0 if 8 <= hour % 24 < 16 else 30.0])
            season.learn(np.array([hour]), week, counted, np.array([50.0]))
    season.refit()
    return season


def test_factors_show_the_shape_of_the_week() -> None:
    profile = _learnt(3).profiles[0]
    assert profile.mean() == pytest.approx(1.0)
    assert profile[10] / profile[3] == pytest.approx(3.0, rel=0.1)


def test_a_group_backs_off_to_the_fleet() -> None:
    season = _learnt(2)
    season.add_groups(1)
    assert season.profiles[1].tolist() == season.profiles[0].tolist()
    season.learn(np.array([3]), 2, np.array([0.0, 1.0]), np.array([0.0, 0.1]))
    season.refit()
    assert season.profiles[1, 10] == pytest.approx(season.profiles[0, 10], rel=0.05)


def test_a_collapse_is_left_out_once() -> None:
    season = _learnt(2)
    hour = np.array([9])
    assert season.may_freeze(hour, 2)
    assert season.may_freeze(hour, 2)
    assert not season.may_freeze(hour, 3)
    assert not Season().may_freeze(hour, 2)


def test_memory_comes_back() -> None:
    season = _learnt(2)
    other = Season().load_state(season.to_state())
    assert {name: array.tobytes() for name, array in other.to_state().items()} == {
        name: array.tobytes() for name, array in season.to_state().items()
    }
