"""The compiled loop that adds the values of events to their series, one after the other: sums do not hang on cuts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.tables import compiled

VALUES: Final = np.dtype(
    [
        ("key", "i8"),
        ("events", "f8"),
        ("sum", "f8"),
        ("mean", "f8"),
        ("squares", "f8"),
        ("min", "f8"),
        ("max", "f8"),
    ]
)
"""Values of one series in a bucket: events they stand for, sum, mean, squared deviations from it, least and most."""


@compiled
def gather(table: Any, slots: NDArray[np.int64], values: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
    """Add each value to the row of its slot; a value stands for ``weights`` events. Welford's method."""
    for at in range(slots.size):
        row = table[slots[at]]
        value, weight = values[at], weights[at]
        row.sum += value
        row.events += weight
        apart = value - row.mean
        row.mean += weight / row.events * apart
        row.squares += weight * apart * (value - row.mean)
        row.min = min(row.min, value)
        row.max = max(row.max, value)
