"""Expected numbers in words."""

from __future__ import annotations


def rate(expected: float) -> str:
    """Expected number a week in words: ``0.1 a week``, ``1 in 20 weeks``."""
    if expected >= 0.1:  # noqa: PLR2004
        return f"{expected:.2g} a week" if expected < 10 else f"{expected:.0f} a week"  # noqa: PLR2004
    return f"1 in {1 / expected:,.0f} weeks" if expected > 0 else "never"
