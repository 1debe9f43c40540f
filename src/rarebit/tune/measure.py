"""What hiding is worth a week, with its uncertainty."""

from __future__ import annotations

from typing import Final

from scipy.stats import chi2

SURE: Final = 0.95


def weekly_range(count: int, weeks: float) -> tuple[float, float]:
    """The 95 % interval of a Poisson rate a week, by a count over so many weeks (Garwood: never less than 95 %).

    Parameters
    ----------
    count : int
        At least 0.
    weeks : float
        Positive.
    """
    beyond = (1.0 - SURE) / 2.0
    low = float(chi2.ppf(beyond, 2 * count)) / 2.0 if count else 0.0
    return low / weeks, float(chi2.ppf(1.0 - beyond, 2 * count + 2)) / 2.0 / weeks
