"""Tails of the negative binomial law against SciPy and exact sums, and the rate that predicts them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from rarebit.maths.count import Predicted, learn, log_betainc, p_high, p_low, p_none, predict, quantile

SHAPES = st.floats(0.02, 1e6)
MEANS = st.floats(1e-3, 1e5)
COUNTS = st.integers(0, 10**6)


def _law(shape: float, mean: float) -> Predicted:
    return Predicted(np.array([shape]), np.array([mean]))


@given(COUNTS, st.floats(0.02, 1e4), MEANS)  # beyond, the chance that SciPy asks for has lost too many digits
def test_tails_are_those_of_scipy(count: int, shape: float, mean: float) -> None:
    law, at = _law(shape, mean), shape / (shape + mean)
    above, exact = stats.nbinom.sf(count, shape, at), stats.nbinom.pmf(count, shape, at)
    below = stats.nbinom.cdf(count, shape, at) - exact
    assert p_high(count, law)[0] == pytest.approx(max(above + exact / 2, 1e-300), rel=1e-5, abs=1e-290)
    assert p_low(count, law)[0] == pytest.approx(max(below + exact / 2, 1e-300), rel=1e-5, abs=1e-9)


@given(COUNTS, SHAPES, MEANS)
def test_the_two_sides_make_one(count: int, shape: float, mean: float) -> None:
    law = _law(shape, mean)
    assert p_high(count, law)[0] + p_low(count, law)[0] == pytest.approx(1.0, abs=1e-9)


@given(st.integers(0, 5000), SHAPES, MEANS)
def test_more_events_are_never_less_surprising(count: int, shape: float, mean: float) -> None:
    p = p_high(np.arange(count, count + 5), _law(shape, mean))
    assert (np.diff(p) <= 1e-15).all()
    assert ((p >= 1e-300) & (p <= 1.0)).all()


@pytest.mark.parametrize(("a", "b", "x"), [(2000.0, 3.0, 0.1), (5000.0, 0.5, 0.4), (800.0, 1e4, 0.01), (1e5, 5.0, 0.5)])
def test_logarithms_reach_beyond_what_a_float_holds(a: float, b: float, x: float) -> None:
    # The same integral by terms of the binomial kind: log of sum over n of B(a + n) x^(a+n) (1-x)^b.
    n = np.arange(20_000.0)
    terms = (
        special.gammaln(a + b + n) - special.gammaln(a + 1 + n) - special.gammaln(b) + (a + n) * np.log(x)
    ) + b * np.log1p(-x)
    assert log_betainc(a, b, x)[0] == pytest.approx(special.logsumexp(terms), rel=1e-9)


def test_a_known_value() -> None:
    # Geometric law of mean 1: P(Y > 3) = 1/16, P(Y = 3) = 1/16.
    law = _law(1.0, 1.0)
    assert p_high(3, law)[0] == pytest.approx(1 / 16 + 1 / 32)
    assert p_low(0, law)[0] == pytest.approx(1 / 4)
    assert p_none(law)[0] == pytest.approx(1 / 2)
    assert quantile(0.99, law).tolist() == [6]


@given(SHAPES, st.floats(1e-3, 1e4), st.sampled_from([0.01, 0.5, 0.99, 0.999]))
def test_the_quantile_is_the_smallest_that_suffices(shape: float, mean: float, level: float) -> None:
    found = int(quantile(level, _law(shape, mean))[0])
    at = shape / (shape + mean)
    assert stats.nbinom.cdf(found, shape, at) >= level - 1e-9
    assert found == 0 or stats.nbinom.cdf(found - 1, shape, at) < level + 1e-9


def test_without_noise_the_prediction_is_the_gamma_poisson_law() -> None:
    law = predict([6.0], [3.0], prior_shape=1.0, prior_exposure=0.5, coming=2.0)
    assert law.shape.tolist() == [7.0]
    assert law.mean[0] == pytest.approx(7.0 / 3.5 * 2.0)


def test_noise_widens_the_law_and_lets_history_count_for_less() -> None:
    calm = predict([600.0], [100.0], prior_shape=1.0, prior_exposure=1.0)
    noisy = predict([600.0], [100.0], prior_shape=1.0, prior_exposure=1.0, dispersion=0.5)
    assert noisy.shape[0] < calm.shape[0]
    assert noisy.mean[0] < calm.mean[0]
    assert noisy.shape[0] < 2.0


def test_sums_forget() -> None:
    assert learn([8.0], [1.0], decay=0.5).tolist() == [5.0]


@pytest.mark.parametrize("seed", range(3))
def test_p_is_uniform_where_the_rate_drifts_as_the_model_says(seed: int) -> None:
    """Rates move by a beta-gamma step, which is what decay of the sums means exactly."""
    rng = np.random.default_rng(seed)
    series, steps, decay = 400, 60, 0.9
    events, exposure = np.full(series, 4.0), np.full(series, 2.0)
    rate = rng.gamma(events, 1.0 / exposure)
    found = []
    for _ in range(steps):
        rate *= rng.beta(decay * events, (1.0 - decay) * events) / decay
        events, exposure = decay * events, decay * exposure
        season = rng.uniform(0.2, 3.0)
        y = rng.poisson(rate * season)
        found.append(p_high(y, predict(events, exposure, coming=season), u=rng.uniform(size=series)))
        events, exposure = events + y, exposure + season
    p = np.concatenate(found)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    for level in (0.1, 0.01):
        sd = np.sqrt(level * (1 - level) / p.size)
        assert abs((p <= level).mean() - level) < 3.5 * sd


@pytest.mark.proof
def test_p_is_uniform_far_out() -> None:
    rng = np.random.default_rng(11)
    events, exposure = np.full(4000, 3.0), np.full(4000, 1.0)
    rate = rng.gamma(events, 1.0 / exposure)
    found = []
    for _ in range(250):
        rate *= rng.beta(0.95 * events, 0.05 * events) / 0.95
        events, exposure = 0.95 * events, 0.95 * exposure
        y = rng.poisson(rate)
        found.append(p_high(y, predict(events, exposure), u=rng.uniform(size=rate.size)))
        events, exposure = events + y, exposure + 1.0
    p = np.concatenate(found)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    for level in (1e-2, 1e-3, 1e-4):
        assert abs((p <= level).mean() - level) < 4 * np.sqrt(level / p.size)
