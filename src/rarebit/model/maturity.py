"""How well an entity is known: learning, usable, mature.

Rates are pooled with peers, so probabilities of young entities are right from their first hour on, if anything on the
quiet side (docs/known-truth.md). What pooling cannot know is what is usual on this one: until it has been active for
a working day, "never seen on it" is said of nearly everything, and of all that an installation brings. So an entity
is *learning* for its first 8 active hours, or 8 observations where a bucket lasts longer; what is found on it then is
kept and shown, and never alerts; but what its peers, or the fleet, have never had either is judged by what is known
of them, and a host that an intruder brings is heard from its first minute on. It is *usable* up to 56 active hours,
seven working days, as long as the rates are those of young entities (:func:`rarebit.model.rates_kernel.age_class`)
and a weekly habit was seen once at most; afterwards it is *mature*.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.model.tables import Table

MATURE: Final = 0
USABLE: Final = 1
LEARNING: Final = 2
NAMES: Final = ("mature", "usable", "learning")
"""Word of each state."""
LEARNING_HOURS: Final = 8.0
LEARNING_OBSERVATIONS: Final = 8
USABLE_HOURS: Final = 56.0

KNOWN: Final = np.dtype([("entity", "i8"), ("hours", "f8"), ("observations", "i8")])
"""What is known of an entity: its code, active hours, observations (or buckets) learnt."""


def maturity(hours: NDArray[np.float64], observations: NDArray[np.int64]) -> NDArray[np.int32]:
    """State of each entity (int32[n]): :data:`MATURE`, :data:`USABLE` or :data:`LEARNING`.

    Parameters
    ----------
    hours : float64[n]
        Active hours before now.
    observations : int64[n]
        Observations before now.
    """
    young = (hours < LEARNING_HOURS) | (observations < LEARNING_OBSERVATIONS)
    return np.where(young, LEARNING, np.where(hours <= USABLE_HOURS, USABLE, MATURE)).astype(np.int32)


def known_series(series: Table, span_us: int) -> Table:
    """Hours and buckets learnt of every series (KNOWN[n]) of a model with a row of ``key, buckets`` for each."""
    found = np.zeros(series.size, KNOWN)
    found["entity"], found["observations"] = series["key"], series["buckets"]
    found["hours"] = series["buckets"] * (span_us / HOUR_US)
    return found
