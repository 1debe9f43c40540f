"""The mixture of rates: its weights find the population, and its tails are right for members of it."""

from __future__ import annotations

import numpy as np
import pytest

from rarebit.maths.mixture import RATES, even, fit_weights, log_evidence, moments, posterior


def test_weights_find_two_crowds() -> None:
    rng = np.random.default_rng(1)
    rates = np.where(rng.random(4000) < 0.9, 1.0, 64.0) * rng.gamma(8.0, 1.0 / 8.0, 4000)
    weights, seen = fit_weights(log_evidence(rng.poisson(10.0 * rates).astype(np.float64), np.full(4000, 10.0)))
    assert weights[RATES >= 16.0].sum() == pytest.approx(0.1, abs=0.02)
    assert weights.sum() == pytest.approx(1.0)
    mean, variance = moments(seen)
    assert mean == pytest.approx(rates.mean(), rel=0.05)
    assert variance == pytest.approx(rates.var(), rel=0.3)


def test_nothing_far_out_is_ruled_out_sooner_than_members_allow() -> None:
    weights, _ = fit_weights(log_evidence(np.full(50, 10.0), np.full(50, 5.0)))
    assert weights[RATES > 1000.0].sum() == pytest.approx(0.5 / 50.5 * np.mean(RATES > 1000.0), rel=0.1)


def test_own_history_decides() -> None:
    weights, _ = fit_weights(log_evidence(np.full(500, 10.0), np.full(500, 5.0)))
    (new, old) = posterior(log_evidence(np.array([0.0, 64_000.0]), np.array([0.0, 8.0])), weights)
    assert new == pytest.approx(weights)
    assert old[(RATES >= 1000.0) & (RATES <= 32_000.0)].sum() > 0.95


def test_nothing_known_is_even() -> None:
    assert fit_weights(np.zeros((0, RATES.size)))[0] == pytest.approx(even())
