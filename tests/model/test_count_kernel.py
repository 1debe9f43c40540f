"""What is passed over when a bucket closes surprises nobody, and what is told of does not depend on it."""

from __future__ import annotations

import numpy as np
import pytest

from rarebit.core.time import HOUR_US
from rarebit.maths.count import Predicted, p_high, p_low, p_none
from rarebit.model import count_kernel as kernel
from rarebit.model.count import SURPRISING, CountModel
from rarebit.model.count_prior import fleet_factor
from rarebit.model.count_settings import BOTH, HIGH, LOW, CountSettings

START = 20_003 * 24 * HOUR_US


def test_no_count_is_passed_over_that_could_be_told_of() -> None:
    """Over shapes from the least to the Poisson law, means from a hundredth to a million, all counts near the edge."""
    shapes, means = np.geomspace(kernel.ABOVE_SHAPE, 1e9, 120), np.geomspace(1e-2, 1e6, 400)
    shape, mean = (part.ravel() for part in np.meshgrid(shapes, means))
    law = Predicted(shape, mean)
    most = np.floor(mean + np.sqrt(mean + mean**2 / shape))
    rows = most > mean
    assert p_high(most[rows], Predicted(shape[rows], mean[rows])).min() > kernel.ORDINARY_P
    least = np.maximum(np.ceil(mean - np.sqrt(mean + mean**2 / shape)), 0.0)
    rows = (least < mean) & (p_none(law) < SURPRISING) & (shape >= kernel.BELOW_SHAPE)
    assert p_low(least[rows], Predicted(shape[rows], mean[rows])).min() > kernel.ORDINARY_P


@pytest.mark.parametrize("side", [HIGH, LOW, BOTH])
def test_what_is_told_of_is_the_same_where_all_is_worked_out(side: int) -> None:
    """At a level of 0.05 most cells are passed over, at 0.2 none is; those up to 0.05 are the same, bit for bit."""
    rng = np.random.default_rng(8)
    rates = rng.lognormal(2.0, 1.0, 40)
    rates[:3] *= 8.0
    counts = rng.poisson(rates * rng.gamma(5.0, 0.2, (24 * 12, 40)))
    counts[24 * 9 :, :4] *= 3
    counts[24 * 10 :, 5:9] = 0
    told = []
    for level in (0.05, 0.2):
        model, cells = CountModel(CountSettings(span_us=HOUR_US, side=side)), []
        model.keep_p = level
        for hour, row in enumerate(counts):
            if hour % 24 == 0:
                model.start_day()
            keys = np.repeat(np.arange(1, row.size + 1), row)
            found, _ = model.score_and_learn(np.full(keys.size, START + hour * HOUR_US), np.arange(keys.size) + 1, keys)
            cells.append(found[found["p"] <= 0.05])
        told.append(np.concatenate(cells))
    assert told[0].size > 50
    assert told[0]["drift"].any()
    assert told[0].tobytes() == told[1].tobytes()


def test_a_fleet_twice_as_busy_is_seen_to_be_and_a_small_one_is_not_asked() -> None:
    mean, shape, groups = np.full(40, 10.0), np.full(40, 4.0), np.repeat([0, 1], 20)
    counts = np.where(groups == 1, 20, 10)
    busy = fleet_factor(counts, shape, mean, groups, 2)
    assert busy == pytest.approx([1.0, 2.0], rel=0.25)
    assert fleet_factor(counts[:5], shape[:5], mean[:5], groups[:5], 2).tolist() == [1.0, 1.0]


def test_buckets_begin_where_the_time_says() -> None:
    times = np.array([0, 3, 9, 10, 11, 45, 46, 10**12])
    assert kernel.bucket_starts(times, 10).tolist() == [0, 3, 5, 7]
    assert kernel.bucket_starts(times[:1], 10).tolist() == [0]
