"""The bootstrap of a tail: as wide as fits differ from sample to sample, and the same whenever it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rarebit.maths.resample import Prior, log_rate_error, resampled
from rarebit.maths.tail import XI_RANGE, fit_gpd_pwm, level_at, log_survival

PRIOR = Prior(0.3, 20.0, 2.0, XI_RANGE)
shapes = st.floats(*XI_RANGE)
scales = st.floats(1e-3, 1e3)
NO_PRIOR = Prior(0.3, 1e-9, 1e-9, XI_RANGE)


@pytest.mark.parametrize("xi", [0.0, 0.2])
def test_spread_of_rates_is_that_over_samples(xi: float) -> None:
    rng = np.random.default_rng(3)
    level = level_at([1.0], threshold=0.0, rate=100.0, xi=xi, sigma=1.0)
    logs = []
    for _ in range(300):
        excess = stats.genpareto.rvs(xi, size=1000, random_state=rng)
        fit_xi, fit_sigma = fit_gpd_pwm(excess)
        logs.append(log_survival(level, xi=fit_xi, sigma=fit_sigma)[0])
    seen = np.sort(stats.genpareto.rvs(xi, size=1000, random_state=rng))
    fits = resampled(seen, threshold=0.0, weeks=10.0, prior=NO_PRIOR)
    spread = float(np.std(fits.log_rates(level)))
    assert np.hypot(np.std(logs), 1 / np.sqrt(1000)) == pytest.approx(spread, rel=0.25)


def test_a_resampled_fit_is_the_fit_of_the_values_drawn() -> None:
    from rarebit.maths import resample

    values, starts = np.array([4.0, 5.0, 12.0]), np.array([3.0, 3.0])
    times = np.array([[1.0, 2.0, 1.0], [2.0, 0.0, 3.0]])
    count = times.sum(axis=1)
    found = resample._shapes(values, starts, times, count, times @ values - count * starts)
    for row, xi in zip(times, found, strict=True):
        mean, half = _moments(np.repeat(values - 3.0, row.astype(int)))
        assert xi == pytest.approx(np.clip(2.0 - mean / (mean - 2.0 * half), -0.1, 0.95))


def _moments(values: np.ndarray) -> tuple[float, float]:
    weights = np.arange(values.size - 1, -1, -1) / (values.size - 1)
    return float(values.mean()), float((np.sort(values) * weights).mean())


def test_rates_are_spread_as_a_count_of_one_more() -> None:
    fits = resampled(np.linspace(1.0, 2.0, 24), threshold=1.0, weeks=2.0, prior=PRIOR)
    assert fits.rate.mean() == pytest.approx(25 / 2, rel=0.1)
    assert fits.rate.std() == pytest.approx(5 / 2, rel=0.2)


def test_the_prior_alone_is_unsure() -> None:
    fits = resampled(np.empty(0), threshold=3.0, weeks=1.0, prior=PRIOR)
    assert fits.xi.std() > 0.1
    assert np.all(fits.sigma > 0)


@given(st.lists(st.floats(0.0, 700.0), min_size=1, max_size=20), shapes, scales, st.integers(0, 2000))
def test_errors_are_finite(values: list[float], xi: float, sigma: float, exceedances: int) -> None:
    error = log_rate_error(np.array(values), threshold=1.0, xi=xi, sigma=sigma, exceedances=exceedances)
    assert np.all(np.isfinite(error))
    assert np.all(error > 0)


def test_error_slope_is_smooth_where_the_series_takes_over() -> None:
    around = log_rate_error(np.array([0.999e-2, 1.001e-2]), threshold=0.0, xi=0.1, sigma=1.0, exceedances=10)
    assert around[0] == pytest.approx(around[1], rel=1e-4)
