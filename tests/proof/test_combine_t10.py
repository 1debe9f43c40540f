"""The combination of views under correlation: never more false alarms than 1.3 times what its p-value says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from rarebit.maths.combine import geometric

pytestmark = pytest.mark.proof
LEVELS = (1e-3, 1e-4)
DRAWS = 2_000_000
_CHUNK = 100_000


@pytest.mark.parametrize("views", [2, 5, 10, 20, 50])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7, 0.9])
def test_t10_realised_over_nominal(views: int, correlation: float) -> None:
    rng = np.random.default_rng(views)
    counts = np.zeros(len(LEVELS))
    for _ in range(DRAWS // _CHUNK):
        shared = rng.standard_normal(_CHUNK, np.float32)
        own = rng.standard_normal((views, _CHUNK), np.float32)
        p = ndtr(np.sqrt(correlation) * shared + np.sqrt(1.0 - correlation) * own)
        joint = geometric(np.asarray(p, np.float64))
        counts += [np.count_nonzero(joint <= level) for level in LEVELS]
    ratios = counts / DRAWS / np.array(LEVELS)
    print(f"{views} views, correlation {correlation}: " + ", ".join(f"{r:.2f}" for r in ratios))  # noqa: T201
    assert np.all(ratios <= 1.3)
