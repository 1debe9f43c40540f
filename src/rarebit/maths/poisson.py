"""What a count says of the rate behind it."""

from __future__ import annotations


def poisson_interval(counted: int, level: float = 0.95) -> tuple[float, float]:
    """Ends of the exact interval of a Poisson mean (Garwood 1936).

    Parameters
    ----------
    counted : int
        What was counted, 0 or more.
    level : float
        At least this part of such intervals holds the true mean, in (0, 1).

    Returns
    -------
    tuple of float
        The lower end, 0 where nothing was counted, and the upper.
    """
    from scipy.special import gammaincinv

    rest = (1.0 - level) / 2.0
    low = float(gammaincinv(counted, rest)) if counted else 0.0
    return low, float(gammaincinv(counted + 1, 1.0 - rest))
