"""Distances on the earth."""

from __future__ import annotations

import numpy as np
import pytest

from rarebit.maths.sphere import FARTHEST_KM, distance_km

PARIS, SINGAPORE = (48.8566, 2.3522), (1.3521, 103.8198)


def test_known_distances() -> None:
    here, there = np.array([PARIS, PARIS, (0.0, 0.0)]).T, np.array([SINGAPORE, PARIS, (0.0, 180.0)]).T
    found = distance_km(*here, *there)
    assert found.tolist() == pytest.approx([10_733.0, 0.0, FARTHEST_KM], abs=5.0)


def test_it_is_short_across_the_date_line() -> None:
    found = distance_km(np.array([0.0]), np.array([179.9]), np.array([0.0]), np.array([-179.9]))
    assert found[0] == pytest.approx(22.24, abs=0.01)
