"""Expected numbers in words."""

from __future__ import annotations

from typing import Final

_MANY_WEEKS: Final = 1000.0


def rate(expected: float) -> str:
    """Expected number a week in words: ``0.1 a week``, ``1 in 20 weeks``."""
    if expected >= 0.1:  # noqa: PLR2004
        return f"{expected:.2g} a week" if expected < 10 else f"{expected:.0f} a week"  # noqa: PLR2004
    return f"1 in {1 / expected:,.0f} weeks" if expected > 0 else "never"


def rate_between(expected: float, low: float | None, high: float | None) -> str:
    """Expected number a week with its 80 % interval: ``1 (0.6 to 1.7) a week``, ``1 in 20 (12 to 40) weeks``."""
    if low is None or high is None or not 0.0 < low <= expected <= high:
        return rate(expected)
    if expected >= 0.1:  # noqa: PLR2004
        return f"{_two(expected)} ({_two(low)} to {_two(high)}) a week"
    if 1 / expected >= _MANY_WEEKS:
        return rate(expected)
    longest = f"{1 / low:,.0f}" if 1 / low < _MANY_WEEKS else f"over {_MANY_WEEKS:,.0f}"
    return f"1 in {1 / expected:,.0f} ({1 / high:,.0f} to {longest}) weeks"


def _two(number: float) -> str:
    """Two digits, without an exponent."""
    return f"{number:.2g}" if 0.001 <= number < 10 else f"{number:,.0f}" if number >= 10 else "0.00"  # noqa: PLR2004
