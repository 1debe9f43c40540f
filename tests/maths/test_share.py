"""Sharing out: nothing is lost, nobody gets more than it can take, weights are kept among those with room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.maths.share import water_level

sides = st.lists(st.tuples(st.floats(0.25, 1.0), st.floats(0.0, 1e4)), min_size=1, max_size=20)


@given(sides, st.floats(0.1, 1e3))
def test_all_is_shared_out_or_all_is_full(drawn: list[tuple[float, float]], total: float) -> None:
    weights, most = np.array(drawn).T
    given_out = np.minimum(weights * water_level(total, weights, most), most)
    assert given_out.sum() == pytest.approx(min(total, most.sum()), rel=1e-9)


def test_equal_sides_get_equal_shares() -> None:
    assert water_level(70.0, np.ones(10), np.full(10, 1e4)) == pytest.approx(7.0)


def test_who_is_full_leaves_the_rest_to_the_others() -> None:
    assert water_level(10.0, [0.5, 0.25, 1.0], [1.0, 100.0, 100.0]) == pytest.approx(9.0 / 1.25)
