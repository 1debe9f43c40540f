"""The verdict on a rollout is that of the summed tail, though it is seldom summed."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rarebit.model.spread_kernel import improbable, poisson_tail


@settings(deadline=None)  # the first call compiles
@given(
    k=st.integers(1, 3_000),
    mean=st.floats(1e-9, 3_000.0),
    limit=st.sampled_from([1e-9, 1e-4, 0.01, 0.5]),
)
@example(k=3, mean=0.0, limit=1e-4)
@example(k=20, mean=7.0, limit=1e-4)
@example(k=1, mean=0.7, limit=0.5)
def test_bounds_give_the_verdict_of_the_sum(k: int, mean: float, limit: float) -> None:
    assert improbable(k, mean, limit) == (poisson_tail(k, mean) < limit)


@settings(deadline=None)  # the first call compiles
@given(k=st.integers(1, 400), excess=st.floats(0.05, 8.0), limit=st.sampled_from([1e-4, 0.01]))
def test_bounds_give_the_verdict_of_the_sum_near_the_limit(k: int, excess: float, limit: float) -> None:
    mean = max(1e-6, k - excess * k**0.5)
    assert improbable(k, mean, limit) == (poisson_tail(k, mean) < limit)
