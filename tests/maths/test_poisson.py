"""Intervals of a Poisson mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from rarebit.maths.poisson import poisson_interval


@pytest.mark.parametrize("mean", [0.01, 0.3, 1.0, 2.7, 8.0, 25.0])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_holds_the_mean_as_often_as_it_says(mean: float, level: float) -> None:
    counts = np.arange(200)
    ends = [poisson_interval(int(count), level) for count in counts]
    inside = np.array([low <= mean <= high for low, high in ends])
    assert poisson.pmf(counts, mean)[inside].sum() >= level - 1e-9


def test_nothing_counted_says_less_than_3_7() -> None:
    low, high = poisson_interval(0)
    assert low == 0.0
    assert high == pytest.approx(3.689, abs=1e-3)
