"""Calibration of a stream: same results however it is cut, honest rates, sane with little data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError, InputError, StateError
from rarebit.core.time import DAY_US, HOUR_US, WEEK_US
from rarebit.model.calibrate import TailCalibrator

DAY0 = 20_000 * DAY_US
Stream = tuple[np.ndarray, np.ndarray, np.ndarray]


def stream(seed: int, *, days: float, rows: int, late: bool = False) -> Stream:
    """p-values of a job over some days: p, times and tests, a little out of order if ``late``."""
    rng = np.random.default_rng(seed)
    times = DAY0 + 5 * HOUR_US + np.sort(rng.integers(0, int(days * DAY_US), rows))
    if late:
        times -= np.where(rng.random(rows) < 0.1, rng.integers(0, 6 * HOUR_US, rows), 0)
    return rng.random(rows) ** 2, times, rng.integers(0, 5, rows)


def roll_in(
    made: TailCalibrator, data: Stream, cuts: list[int], change: Callable[[TailCalibrator], TailCalibrator]
) -> tuple[TailCalibrator, np.ndarray]:
    """Expected numbers of a stream stepped through in pieces."""
    out = []
    for start, stop in zip([0, *cuts], [*cuts, data[0].size], strict=True):
        made = change(made)
        out.append(made.step(*(column[start:stop] for column in data)))
    return made, np.concatenate(out)


def saved(made: TailCalibrator) -> TailCalibrator:
    return TailCalibrator.from_state(made.to_state())


def same(made: TailCalibrator) -> TailCalibrator:
    return made


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    days=st.sampled_from([0.3, 2.5, 9.0, 80.0]),
    late=st.booleans(),
    keep=st.sampled_from([1, 7, 60, 2000]),
    cuts=st.lists(st.integers(0, 600), max_size=20).map(sorted),
)
def test_cuts_and_restarts_change_no_bit(seed: int, days: float, late: bool, keep: int, cuts: list[int]) -> None:
    data = stream(seed, days=days, rows=600, late=late)
    whole, expected = roll_in(TailCalibrator(keep=keep, weeks=1, cold_days=3), data, [], same)
    cut, by_cuts = roll_in(TailCalibrator(keep=keep, weeks=1, cold_days=3), data, cuts, same)
    restored, by_restarts = roll_in(TailCalibrator(keep=keep, weeks=1, cold_days=3), data, cuts, saved)
    assert by_cuts.tobytes() == expected.tobytes() == by_restarts.tobytes()
    assert cut.final(data[0]).tobytes() == whole.final(data[0]).tobytes() == restored.final(data[0]).tobytes()
    assert whole.health() == restored.health()


def test_one_record_at_a_time_changes_no_bit() -> None:
    data = stream(5, days=9, rows=700)
    _, expected = roll_in(TailCalibrator(), data, [], same)
    _, one_by_one = roll_in(TailCalibrator(), data, list(range(1, 700)), same)
    assert one_by_one.tobytes() == expected.tobytes()


def test_state_survives_saving_exactly() -> None:
    made = TailCalibrator(keep=50)
    made.step(*stream(2, days=40, rows=5000))
    made.observe(17, DAY0 + 300 * DAY_US)
    first, second = made.to_state(), saved(made).to_state()
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.sampled_from([0.5, 1.5, 10.0, 50.0]), rows=st.integers(1, 400))
def test_expected_numbers_are_bounded_and_fall_with_p(seed: int, days: float, rows: int) -> None:
    p, times, tests = stream(seed, days=days, rows=rows)
    made = TailCalibrator(keep=40)
    stepped = made.step(p, times, tests)
    assert np.all(np.isfinite(stepped) & (stepped > 0))
    asked = np.concatenate([np.logspace(0, -320, 500), p])
    asked[::-1].sort()
    for expected in (made.expected(asked, np.full(asked.size, times[-1])), made.final(asked)):
        assert np.all(np.diff(expected) <= 1e-9 * expected[:-1])
        assert expected[0] >= expected[-1] > 0
    assert made.final([1.0])[0] == pytest.approx(made.health()["tests_per_week"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.sampled_from([0.2, 1.5, 10.0, 50.0]), rows=st.integers(1, 400))
def test_intervals_hold_the_expected_number(seed: int, days: float, rows: int) -> None:
    p, times, tests = stream(seed, days=days, rows=rows)
    made = TailCalibrator(keep=40)
    made.learn(p, times, tests)
    asked = np.concatenate([np.logspace(0, -320, 300), p])
    expected, low, high = made.final_interval(asked)
    assert expected.tobytes() == made.final(asked).tobytes()
    assert np.all((low > 0) & (low <= expected) & (expected <= high) & np.isfinite(high))


def test_p_values_that_are_too_small_are_told_of() -> None:
    p, times, _ = stream(3, days=30, rows=60_000)
    right, wrong = TailCalibrator(), TailCalibrator()
    right.learn(np.sqrt(p), times)
    wrong.learn(p**2, times)
    assert right.health()["too_small"] == pytest.approx(1.0, rel=0.5)
    assert wrong.health()["too_small"] > 100


def test_days_keep_what_a_later_window_can_need_and_no_more() -> None:
    p, times, _ = stream(8, days=90, rows=90_000)
    made = TailCalibrator(keep=300)
    made.learn(p, times)
    state = made.to_state()
    start = (times[-1] // DAY_US - 28) * DAY_US
    held = np.sort(state["top"])[::-1][:300]
    window = np.sort(-np.log(p[(times >= start) & (times < start + 28 * DAY_US)]))[::-1][:300]
    assert np.array_equal(held, window)
    assert state["top"].size < 300 * 5
    assert state["day_size"].size == 28


def test_expected_learns_nothing_and_is_what_step_gives() -> None:
    p, times, _ = stream(4, days=30, rows=20_000)
    made = TailCalibrator()
    made.learn(p[:15_000], times[:15_000])
    before = made.to_state()
    today = times // DAY_US == times[15_000] // DAY_US
    today[:15_000] = False
    glance = made.expected(p[15_000:], times[15_000:])
    after = made.to_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert np.array_equal(glance[today[15_000:]], made.step(p[today], times[today]))


def test_right_p_values_are_found_right() -> None:
    rng = np.random.default_rng(11)
    made = TailCalibrator()
    made.learn(rng.random(400_000), DAY0 + np.sort(rng.integers(0, 4 * WEEK_US, 400_000)))
    health = made.health()
    assert health["xi"] == pytest.approx(0.0, abs=0.1)
    assert health["sigma"] == pytest.approx(1.0, abs=0.15)
    assert health["tests_per_week"] == pytest.approx(100_000, rel=0.01)
    assert not health["cold"]
    assert made.final([1e-1, 1e-2, 1e-3]) == pytest.approx([1e4, 1e3, 1e2], rel=0.15)
    low, high = health["intervals"][50]
    assert low < 1 < high


def test_first_weeks_are_never_below_the_inflated_nominal_number() -> None:
    p, times, _ = stream(6, days=20, rows=20_000)
    expected = TailCalibrator().step(p, times)
    cold = (times < DAY0 + 14 * DAY_US) & (times > DAY0 + 2 * DAY_US)
    assert np.all(expected[cold] > 0.9 * 7000 * p[cold])
    early = TailCalibrator()
    early.learn(p[times < DAY0 + 3 * DAY_US], times[times < DAY0 + 3 * DAY_US])
    # Beyond p = 0.05: 7000 a week * 0.05 * (1 + 0.3 (log 0.05 - log 1e-6)) ** (-1 / 0.3).
    nominal = 7000 * 0.05 * (1 + 0.3 * np.log(0.05 / 1e-6)) ** (-1 / 0.3)
    assert early.health()["cold"]
    assert early.final([1e-6])[0] >= 0.9 * nominal > 100 * 7000 * 1e-6


def test_nothing_known_is_one_test_a_day() -> None:
    made = TailCalibrator()
    assert made.expected([1.0, 0.05], [DAY0, DAY0]) == pytest.approx([7.0, 0.35])
    assert made.final([1.0, 0.05]) == pytest.approx([7.0, 0.35])
    assert made.step([], []).size == 0
    assert made.health()["cold"]


def test_a_quiet_job_is_given_one_more_than_it_had() -> None:
    made = TailCalibrator()
    for day in range(60):
        made.observe(1000, DAY0 + day * DAY_US)
    made.step([0.9], [DAY0 + 60 * DAY_US], [0])
    assert made.health()["tests_per_week"] == pytest.approx(7000)
    assert not made.health()["cold"]
    rare = made.final([1e-4])[0]
    assert 0.001 < rare < 0.25


def test_tests_told_apart_are_those_told_with_records() -> None:
    p, times, _ = stream(9, days=30, rows=3000)
    tests = np.full(p.size, 10)
    together, apart = TailCalibrator(), TailCalibrator()
    together.learn(p, times, tests)
    for day in np.unique(times // DAY_US):
        of_day = times // DAY_US == day
        apart.observe(10 * int(of_day.sum()), int(day) * DAY_US)
        apart.learn(p[of_day], times[of_day], np.zeros(of_day.sum(), np.int64))
    asked = np.logspace(0, -9, 30)
    late = np.full(30, times[-1])
    assert apart.expected(asked, late) == pytest.approx(together.expected(asked, late), rel=0.02)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), late=st.lists(st.booleans(), min_size=12, max_size=12))
def test_when_on_its_day_tests_are_told_changes_no_bit(seed: int, late: list[bool]) -> None:
    p, times, _ = stream(seed, days=10, rows=300)
    outcomes = []
    for told_late in ([False] * 12, late):
        made, out = TailCalibrator(keep=30), []
        for day, after in zip(np.unique(times // DAY_US), told_late, strict=False):
            of_day = times // DAY_US == day
            if not after:
                made.observe(500, int(day) * DAY_US)
            out.append(made.step(p[of_day], times[of_day], np.zeros(of_day.sum(), np.int64)))
            made = saved(made)
            if after:
                made.observe(500, int(day) * DAY_US)
        outcomes.append(np.concatenate([*out, made.final(p)]).tobytes())
    assert outcomes[0] == outcomes[1]


def test_a_silence_of_months_ages_the_job_by_a_week() -> None:
    p, times, _ = stream(3, days=21, rows=21_000)
    made = TailCalibrator()
    made.learn(p, times)
    before = made.expected([1e-3], [times[-1]])[0]
    after = made.expected([1e-3], [times[-1] + 100 * DAY_US])[0]
    assert before * 0.6 < after < before


def test_what_lies_before_the_window_is_forgotten() -> None:
    loud, times, _ = stream(1, days=20, rows=20_000)
    made = TailCalibrator(weeks=2)
    made.learn(loud**6, times)
    noisy = made.final([1e-6])[0]
    made.learn(loud, times + 40 * DAY_US)
    assert made.final([1e-6])[0] < noisy / 100


def test_odd_p_values_are_bounded_and_what_is_no_number_is_counted() -> None:
    made = TailCalibrator()
    expected = made.step([np.nan, np.inf, -np.inf, 2.0, -1.0, 0.0], np.full(6, DAY0))
    assert np.all(np.isfinite(expected) & (expected > 0))
    assert made.health()["not_a_number"] == 1
    assert np.all(np.isfinite(made.final([np.nan, 0.0])))


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match="do not belong together"):
        TailCalibrator().step([0.1, 0.2], [DAY0])


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"weeks": 0.0}, {"prior_xi": 0.7}, {"prior_xi": float("nan")}])
def test_settings_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DefinitionError, match="no score can be calibrated"):
        TailCalibrator(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["missing", "short", "senseless"])
def test_a_damaged_snapshot_is_refused(damage: str) -> None:
    made = TailCalibrator()
    made.learn(*stream(0, days=3, rows=100))
    state = made.to_state()
    if damage == "missing":
        del state["counters"]
    elif damage == "senseless":
        state["settings"][0] = 0
    else:
        state["top"] = state["top"][:-1]
    with pytest.raises(StateError, match="Reset the job"):
        TailCalibrator.from_state(state)
