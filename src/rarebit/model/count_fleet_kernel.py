"""Compiled loops over the counts of a whole fleet in a bucket: how busy it is, and whether it was cut off."""

from __future__ import annotations

import math
from typing import Any, Final

from rarebit.model.tables import compiled

_WORTH: Final = 20.0
_RANGE: Final = (0.1, 10.0)
_CLEAR: Final = 3.0
"""Standard deviations up to which a count tells of the fleet; beyond, it is the series' own."""
_ROUNDS: Final = 8
_SETTLED: Final = 0.02


@compiled
def find_busy(y: Any, shape: Any, mean: Any, group: Any, least: int, busy: Any, sums: Any) -> None:
    """How busy each group is (``busy``), in rounds; see :func:`rarebit.model.count_prior.fleet_factor`.

    ``sums`` (float64[3, groups]) is room for members, what was expected, and what was seen of each group.
    """
    sums[:, :] = 0.0
    expected = 0.0
    for cell in range(y.size):
        worth = mean[cell] / (1.0 + mean[cell])
        expected += worth
        sums[0, group[cell]] += 1.0
        sums[1, group[cell]] += worth
    busy[:] = 1.0
    for _ in range(_ROUNDS):
        sums[2, :] = 0.0
        total = 0.0
        for cell in range(y.size):
            at = mean[cell] * busy[group[cell]]
            most = at + _CLEAR * math.sqrt(at + at * at / shape[cell])
            seen = min(y[cell], most) / (1.0 + mean[cell])
            total += seen
            sums[2, group[cell]] += seen
        fleet = (total + _WORTH) / (expected + _WORTH)
        settled = True
        for of in range(busy.size):
            before, now = busy[of], fleet
            if sums[0, of] >= least:
                now = (sums[2, of] + _WORTH * fleet) / (sums[1, of] + _WORTH)
            busy[of] = min(max(now, _RANGE[0]), _RANGE[1])
            settled = settled and abs(before - busy[of]) <= _SETTLED * busy[of]
        if settled:
            break


@compiled
def add_activity(y: Any, mean: Any, heard: Any, out: Any) -> None:
    """Series heard of, events expected, and activity expected and seen, heavy series damped (``out``: float64[4])."""
    out[:] = 0.0
    for cell in range(y.size):
        if heard[cell]:
            damped = 1.0 / (1.0 + mean[cell])
            out[0] += 1.0
            out[1] += mean[cell]
            out[2] += damped * mean[cell]
            out[3] += damped * min(y[cell], 3.0 * mean[cell] + 3.0)
