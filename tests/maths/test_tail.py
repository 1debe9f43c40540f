"""Tails: the fit finds known laws, rates fall smoothly, scores and rates are each other's inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rarebit.maths.tail import (
    XI_RANGE,
    expected_of,
    fit_gpd_pwm,
    fit_tail,
    level_at,
    log_survival,
    rate_above,
    realised_interval,
    score_of,
)

shapes = st.floats(*XI_RANGE)
scales = st.floats(1e-3, 1e3)
falling = st.lists(st.floats(0.0, 691.0), max_size=300).map(lambda values: np.sort(np.array(values, float))[::-1])


@pytest.mark.parametrize("xi", [-0.1, 0.0, 0.2, 0.35])
@pytest.mark.parametrize("sigma", [0.5, 8.0])
def test_fit_finds_the_law_of_a_large_sample(xi: float, sigma: float) -> None:
    excess = stats.genpareto.rvs(xi, scale=sigma, size=200_000, random_state=np.random.default_rng(7))
    found_xi, found_sigma = fit_gpd_pwm(excess)
    assert found_xi == pytest.approx(xi, abs=0.015)
    assert found_sigma == pytest.approx(sigma, rel=0.02)


def test_fit_follows_the_weighted_moments_by_hand() -> None:
    # Of 1, 2, 9: mean 4; mean of x (n - j)/(n - 1) is (1*1 + 2*0.5 + 9*0)/3 = 2/3; xi = 2 - 4/(4 - 4/3) = 0.5.
    assert fit_gpd_pwm(np.array([9.0, 1.0, 2.0])) == pytest.approx((0.5, 2.0))


@pytest.mark.parametrize(
    ("values", "law"), [([], (0.0, 1.0)), ([3.0], (0.0, 3.0)), ([2.0, 2.0, 2.0], (XI_RANGE[0], 2.2))]
)
def test_fit_of_next_to_nothing_is_sane(values: list[float], law: tuple[float, float]) -> None:
    assert fit_gpd_pwm(np.array(values)) == pytest.approx(law)


@given(st.lists(st.floats(1e-9, 700.0), max_size=60))
def test_fit_is_always_a_law(values: list[float]) -> None:
    xi, sigma = fit_gpd_pwm(np.array(values))
    assert XI_RANGE[0] <= xi <= XI_RANGE[1]
    assert sigma > 0
    assert np.isfinite(sigma)


@given(st.lists(st.floats(0.0, 700.0), min_size=1, max_size=20), shapes, scales)
def test_survival_is_that_of_the_generalised_pareto_law(values: list[float], xi: float, sigma: float) -> None:
    found = np.exp(log_survival(values, xi=xi, sigma=sigma))
    xi = xi if abs(xi) > 1e-300 else 0.0  # SciPy errs where the shape is a subnormal number
    assert found == pytest.approx(stats.genpareto.sf(np.array(values), xi, scale=sigma), rel=1e-9, abs=1e-290)


@given(st.floats(0.0, 50.0), st.sampled_from([1e-13, 1e-11, 1e-9, -1e-13, -1e-11, -1e-9]))
def test_survival_is_continuous_where_the_shape_vanishes(excess: float, xi: float) -> None:
    assert log_survival([excess], xi=xi, sigma=1.0) == pytest.approx(-excess, rel=1e-6, abs=1e-12)


@given(falling, st.floats(1 / 7, 4.0), st.floats(0.0, 1e5), st.lists(st.floats(0.0, 691.0), min_size=2, max_size=40))
def test_rates_of_any_fit_fall_from_all_to_almost_none(
    largest: np.ndarray, weeks: float, more: float, asked: list[float]
) -> None:
    weekly = max(largest.size, 1) / weeks + more
    tail = fit_tail(largest, weeks=weeks, weekly=weekly, floor=3.0, prior_xi=0.3)
    rates = tail.expected(np.sort(np.concatenate([asked, largest])))
    assert np.all(np.diff(rates) <= 1e-9 * rates[:-1])
    assert np.all((rates > 0) & (rates <= weekly * (1 + 1e-12)))


def test_rates_below_the_threshold_are_ranks() -> None:
    largest = np.sort(np.random.default_rng(1).exponential(size=2000))[::-1] + 5.0
    tail = fit_tail(largest, weeks=4.0, weekly=1e5, floor=3.0, prior_xi=0.3)
    assert tail.threshold == largest[1000]
    assert tail.exceedances == 1000
    assert tail.expected(largest[1000:]) == pytest.approx(np.arange(1001, 2001) / 4)
    assert tail.expected([0.0, -1.0]) == pytest.approx([1e5, 1e5])
    assert tail.expected(largest[[400, 40]]) == pytest.approx([100, 10], rel=0.15)


def test_values_given_again_and_again_are_counted_together() -> None:
    tail = fit_tail(np.repeat([9.0, 4.0], 300), weeks=2.0, weekly=5000.0, floor=3.0, prior_xi=0.3)
    assert tail.threshold == 4.0
    assert tail.expected([4.0, 9.0]) == pytest.approx([300.0, (300 - 2 * np.sqrt(300)) / 2])
    assert tail.expected([9.1])[0] < 70.0


def test_no_value_at_all_gives_one_in_the_window() -> None:
    tail = fit_tail(np.empty(0), weeks=4.0, weekly=100.0, floor=3.0, prior_xi=0.3)
    assert tail.expected([0.0, 3.0]) == pytest.approx([100.0, 0.25])
    assert 0 < tail.expected([30.0])[0] < 0.01
    assert (tail.xi, tail.sigma) == pytest.approx((0.3, 1.0))


@given(shapes, scales, st.floats(1e-6, 1.0))
def test_levels_are_the_inverse_of_rates(xi: float, sigma: float, share: float) -> None:
    law = {"threshold": 2.0, "rate": 50.0, "xi": xi, "sigma": sigma}
    level = level_at([50.0 * share], **law)
    back = rate_above(level, **law, knots=np.array([2.0]), knot_rates=np.array([50.0]))
    assert back == pytest.approx([50.0 * share], rel=1e-6)


@given(falling, st.floats(1 / 7, 4.0), st.lists(st.floats(0.0, 691.0), min_size=1, max_size=40))
def test_intervals_hold_the_point_and_come_again(largest: np.ndarray, weeks: float, asked: list[float]) -> None:
    tail = fit_tail(largest, weeks=weeks, weekly=max(largest.size, 1) / weeks, floor=3.0, prior_xi=0.3)
    values = np.sort(np.concatenate([asked, largest[:20]]))
    low, high = tail.interval(values)
    expected = tail.expected(values)
    assert np.all((low > 0) & (low <= expected) & (expected <= high) & np.isfinite(high))
    again = tail.interval(values)
    assert (again[0].tobytes(), again[1].tobytes()) == (low.tobytes(), high.tobytes())


def test_interval_of_a_count_is_that_of_its_poisson_error() -> None:
    largest = np.sort(np.random.default_rng(1).exponential(size=2000))[::-1] + 5.0
    tail = fit_tail(largest, weeks=4.0, weekly=1e5, floor=3.0, prior_xi=0.3)
    low, high = tail.interval([largest[1500]])
    assert (low[0], high[0]) == pytest.approx((stats.gamma.ppf(0.1, 1501) / 4, stats.gamma.ppf(0.9, 1501) / 4))


def test_of_nothing_seen_an_interval_is_wide() -> None:
    low, high = fit_tail(np.empty(0), weeks=1.0, weekly=100.0, floor=3.0, prior_xi=0.3).interval([6.0])
    assert low[0] < 0.02
    assert high[0] > 0.2


def test_an_interval_next_to_the_only_value_seen_is_finite_and_not_of_all_there_is() -> None:
    tail = fit_tail(np.array([9.0]), weeks=1.0, weekly=1e5, floor=3.0, prior_xi=0.3)
    low, high = tail.interval(tail.threshold + np.array([1e-9, 1e-3, 1.0, 700.0]))
    assert (low > 0.0).all()
    assert (high < 20.0).all()


def test_interval_of_what_comes_holds_poisson_noise() -> None:
    low, high = realised_interval([1.0], [1e-9], weeks=8)
    assert (low[0] * 8, high[0] * 8) == (stats.poisson.ppf(0.1, 8), stats.poisson.ppf(0.9, 8))
    wide_low, wide_high = realised_interval([1.0], [0.5], weeks=8)
    assert wide_low[0] < low[0] < high[0] < wide_high[0]


def test_score_means_expected_records_a_week() -> None:
    assert score_of([100, 10, 1, 0.1, 0.01]) == pytest.approx([0, 25, 50, 75, 100])
    assert score_of([0.0, np.inf, np.nan, 1e9, 1e-300]).tolist() == [100, 0, 0, 0, 100]
    assert float(score_of(1.0)) == 50.0


@given(st.floats(1e-9, 100 - 1e-9))
def test_score_of_expected_of_score_is_the_score(score: float) -> None:
    assert float(score_of(expected_of(score))) == pytest.approx(score, abs=1e-9)


@given(st.lists(st.floats(min_value=0.0), min_size=2))
def test_scores_fall_with_the_expected_number(expected: list[float]) -> None:
    scores = score_of(np.sort(expected))
    assert np.all(np.diff(scores) <= 0)
    assert np.all((scores >= 0) & (scores <= 100))
