"""Numbers as an analyst reads them."""

from __future__ import annotations

import pytest

from rarebit.core.rate import rate_between


@pytest.mark.parametrize(
    ("expected", "low", "high", "said"),
    [
        (1.0, 0.6, 1.7, "1 (0.6 to 1.7) a week"),
        (42.0, 39.2, 45.0, "42 (39 to 45) a week"),
        (0.05, 0.02, 0.1, "1 in 20 (10 to 50) weeks"),
        (0.05, 1e-9, 0.1, "1 in 20 (10 to over 1,000) weeks"),
        (1e-6, 1e-9, 1e-5, "1 in 1,000,000 weeks"),
        (2.0, None, None, "2 a week"),
    ],
)
def test_a_rate_is_told_with_its_interval(expected: float, low: float | None, high: float | None, said: str) -> None:
    assert rate_between(expected, low, high) == said
