"""T11: a score keeps its promise of records a week, though the job's p-values are far too small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import log_ndtr, ndtri_exp, stdtr, stdtrit

from rarebit.core.time import WEEK_US
from rarebit.model.calibrate import TailCalibrator

WEEKLY = 300_000
FIT_WEEKS, TEST_WEEKS = 4, 8
TARGETS = np.array([100.0, 10.0, 1.0])
CUT = 4e-4
"""Records are what a job gives at this nominal p and below, and at ten times that where it is right."""
START = 2_900 * WEEK_US


@dataclass(frozen=True)
class Outcome:
    """Records a week at each target; one row a run."""

    nominal: np.ndarray
    frozen: np.ndarray
    live: np.ndarray
    inside: np.ndarray
    covered: np.ndarray
    """Whether the interval shown beside a record expected so often holds the true number."""
    xi: np.ndarray
    sigma: np.ndarray


def records(rng: np.random.Generator, df: float | None, weeks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nominal p, times and tests of the records of some weeks.

    The statistic has Student's law with ``df`` degrees of freedom and is taken for a normal one, both sides; with
    None it is normal. Only the records are drawn: their number is binomial, the law cut off at the edge.
    """
    share = 10 * CUT if df is None else 2 * stdtr(df, ndtri_exp(np.log(CUT / 2)))
    count = int(rng.binomial(WEEKLY * weeks, share))
    upper = share / 2 * rng.random(count)
    p = 2 * upper if df is None else np.exp(np.log(2) + log_ndtr(stdtrit(df, upper)))
    tests = np.full(count, WEEKLY * weeks // count)
    tests[-1] += WEEKLY * weeks - tests.sum()
    return p, np.sort(rng.integers(0, weeks * WEEK_US, count)), tests


def cover(made: TailCalibrator, df: float | None) -> np.ndarray:
    """Whether the interval of what is expected at each target holds the true records a week (bool[targets])."""
    p = np.exp(-np.linspace(2.0, 60.0, 6000)) if df is None else np.exp(-np.linspace(5.0, 690.0, 60_000))
    expected = made.final(p)
    p = p[[int(np.argmin(np.abs(np.log(expected / target)))) for target in TARGETS]]
    _, low, high = made.final_interval(p)
    # Both sides; p of the normal law to its quantile, and that to the true law.
    true = WEEKLY * p if df is None else WEEKLY * 2 * stdtr(df, ndtri_exp(np.log(p / 2)))
    return np.asarray((low <= true) & (true <= high))


def run(seed: int, runs: int, df: float | None) -> Outcome:
    """Fit for four weeks, then count the records of eight, by the fit as it was and as it is kept up to date."""
    rows: list[tuple[np.ndarray, ...]] = []
    for rng in np.random.default_rng(seed).spawn(runs):
        made = TailCalibrator()
        p, times, tests = records(rng, df, FIT_WEEKS)
        made.learn(p, START + times, tests)
        low, high = made.interval(TARGETS, weeks=TEST_WEEKS)
        health = made.health()
        covered = cover(made, df)
        p, times, tests = records(rng, df, TEST_WEEKS)
        below = made.final(p)[:, None] <= TARGETS
        frozen = below.sum(axis=0) / TEST_WEEKS
        live = made.step(p, START + FIT_WEEKS * WEEK_US + times, tests)
        rows.append(
            (
                (p[:, None] * WEEKLY <= TARGETS).sum(axis=0) / TEST_WEEKS,
                frozen,
                (live[:, None] <= TARGETS).sum(axis=0) / TEST_WEEKS,
                (low <= frozen) & (frozen <= high),
                covered,
                np.array(health["xi"]),
                np.array(health["sigma"]),
            )
        )
    return Outcome(*(np.array(column) for column in zip(*rows, strict=True)))


def show(name: str, found: Outcome) -> None:
    print(f"\n{name}: {len(found.xi)} runs, xi {found.xi.mean():.3f}, sigma {found.sigma.mean():.2f}")  # noqa: T201
    print("  target  nominal p      fitted    kept up to date   inside 80 %   truth covered")  # noqa: T201
    for at, target in enumerate(TARGETS):
        print(  # noqa: T201
            f"{target:8.0f} {found.nominal[:, at].mean():10.1f} "
            f"{found.frozen[:, at].mean():6.2f} ±{found.frozen[:, at].std():5.2f} "
            f"{found.live[:, at].mean():6.2f} ±{found.live[:, at].std():5.2f} "
            f"{found.inside[:, at].mean():10.0%} {found.covered[:, at].mean():15.0%}"
        )


def test_promise_under_a_wrong_model_small() -> None:
    found = run(seed=1, runs=8, df=6)
    assert np.all(found.nominal.mean(axis=0) > 20 * TARGETS)
    assert found.frozen.mean(axis=0)[:2] == pytest.approx(TARGETS[:2], rel=0.3)
    assert found.inside.mean() >= 0.6


@pytest.mark.proof
@pytest.mark.parametrize("df", [4.0, 6.0, 10.0])
def test_promise_under_a_wrong_model(df: float) -> None:
    found = run(seed=2026, runs=200, df=df)
    show(f"Student's t with {df:.0f} degrees of freedom taken for normal", found)
    assert np.all(found.inside.mean(axis=0) >= 0.75)
    assert np.all(found.covered.mean(axis=0) >= 0.7)
    assert np.all(found.nominal.mean(axis=0) > 4 * TARGETS)


@pytest.mark.proof
def test_promise_under_a_right_model() -> None:
    found = run(seed=2027, runs=200, df=None)
    show("right p-values", found)
    assert found.xi.mean() == pytest.approx(0.0, abs=0.03)
    assert found.sigma.mean() == pytest.approx(1.0, abs=0.05)
    for realised in (found.frozen, found.live):
        ratio = realised.mean(axis=0) / TARGETS
        assert np.all((ratio >= 0.8) & (ratio <= 1.3))
    assert np.all(found.inside.mean(axis=0) >= 0.75)
