"""The law of metrics: exact where mean and variance are drawn from what it believes, and its fits by moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, t

from rarebit.maths.count import log_betainc
from rarebit.maths.metric import (
    Beliefs,
    Moments,
    Student,
    fit_beliefs,
    learn,
    p_above,
    p_below,
    predict,
    value_at,
)

BELIEFS = Beliefs(*(np.array(x) for x in (3.0, 0.4, 2.5, 0.7)))


def _none(size: int) -> Moments:
    return Moments(*np.zeros((4, size)))


def _drawn(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of series, by the beliefs."""
    variance = BELIEFS.shape * BELIEFS.variance / rng.gamma(float(BELIEFS.shape), 1.0, size)
    return rng.normal(BELIEFS.mean, np.sqrt(variance / BELIEFS.worth)), variance


@pytest.mark.parametrize("seed", range(3))
def test_p_is_uniform_where_mean_and_variance_are_hidden_but_their_law_is_known(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean, variance = _drawn(rng, 4000)
    moments, found = _none(4000), []
    for _ in range(12):
        noise = rng.choice([1.0, 4.0], 4000)
        y = rng.normal(mean, np.sqrt(variance * noise))
        found.append(p_above(y, predict(moments, BELIEFS, noise=noise)))
        moments = learn(moments, y, decay=1.0, precision=1.0 / noise)
    p = np.concatenate(found)
    assert kstest(p, "uniform").pvalue > 1e-3
    for level in (1e-1, 1e-2, 1e-3):
        assert abs((p <= level).mean() - level) < 3.5 * np.sqrt(level / p.size)


def test_tails_are_those_of_student_far_out() -> None:
    at = np.array([3.0, 1e3, 1e8])
    two = Student(np.full(3, 1.0), np.full(3, 2.0), np.full(3, 2.0))
    root = np.sqrt(2.0 + at**2)
    np.testing.assert_allclose(p_above(1.0 + 2.0 * at, two), 1.0 / (root * (root + at)), rtol=1e-10)
    law = Student(np.zeros(3), np.ones(3), np.array([3.0, 7.5, 30.0]))
    by_beta = 0.5 * np.exp(log_betainc(law.freedom / 2.0, 0.5, law.freedom / (law.freedom + at**2)))
    np.testing.assert_allclose(p_above(at, law), by_beta, rtol=1e-9)
    np.testing.assert_allclose(p_below(-at, law), by_beta, rtol=1e-9)
    np.testing.assert_allclose(value_at(1e-3, law), t.ppf(1e-3, law.freedom), rtol=1e-9)


def test_beliefs_are_found_again() -> None:
    rng = np.random.default_rng(1)
    mean, variance = _drawn(rng, 3000)
    moments = _none(3000)
    for _ in range(20):
        moments = learn(moments, rng.normal(mean, np.sqrt(variance)), decay=1.0)
    found = fit_beliefs(moments)
    assert found[0] == pytest.approx(3.0, abs=0.1)
    assert list(found[1:]) == [pytest.approx(0.4, rel=0.2), pytest.approx(2.5, rel=0.1), pytest.approx(0.7, rel=0.1)]


def test_series_that_never_vary_leave_a_law() -> None:
    moments = Moments(np.full(5, 9.0), np.full(5, 9.0), np.full(5, 4.0), np.zeros(5))
    law = predict(moments, Beliefs(*(np.array(x) for x in fit_beliefs(moments))))
    assert np.isfinite(law).all()
    assert (law.scale > 0.0).all()
    assert p_above(4.5, law).max() < 1e-3


def test_what_was_known_fades() -> None:
    moments = learn(Moments(*(np.array([x]) for x in (8.0, 8.0, 1.0, 2.0))), 3.0, decay=0.5)
    assert [float(x[0]) for x in moments] == pytest.approx([5.0, 5.0, 1.4, 1.0 + 2.0 * 1.6])
