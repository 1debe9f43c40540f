"""How well an entity is known: by active hours and observations, never going back as they grow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.model.maturity import LEARNING, MATURE, USABLE, maturity


@pytest.mark.parametrize(
    ("hours", "observations", "state"),
    [
        (0.0, 0, LEARNING),
        (7.9, 500, LEARNING),
        (48.0, 2, LEARNING),
        (8.0, 8, USABLE),
        (56.0, 400, USABLE),
        (56.1, 400, MATURE),
    ],
)
def test_states(hours: float, observations: int, state: int) -> None:
    assert maturity(np.array([hours]), np.array([observations])).tolist() == [state]


@given(st.floats(0, 1e4), st.integers(0, 10**6), st.floats(0, 1e3), st.integers(0, 1000))
def test_who_is_known_stays_known(hours: float, observations: int, more: float, further: int) -> None:
    before, after = maturity(np.array([hours, hours + more]), np.array([observations, observations + further]))
    assert after <= before
