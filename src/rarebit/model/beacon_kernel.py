"""How regular contacts are: the compiled loops of the beacon model.

Gaps of a Poisson process of contacts have a known dispersion (median absolute deviation over median); a rhythm with
jitter has less. A check-in may be a pattern of several contacts, so gaps over up to :data:`LAGS` contacts are tried;
or a burst of connections, so bursts are put together first. Outages and missed check-ins are long gaps, which a
median passes over as long as they are fewer than half.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.model.tables import Table

LEAST: Final = 9
"""Contacts, or check-ins, below which nothing is said of a rhythm."""
LAGS: Final = 4
MERGES: Final = (0, 5, 60, 600)
"""Seconds: contacts no further apart than this are one check-in. The check-ins must be ten times as far apart."""
FULL_HOURS: Final = 8.0
"""A rhythm of so many hours counts in full, a shorter one by the root of its part."""
DOUBT: Final = 1.2
"""Regularity taken off, over the root of the number of gaps: what chance gives."""
NEAR: Final = 1.5
"""A gap is in rhythm up to so many times the usual one, and down to its part."""
_POISSON: Final = (0.0, 0.6942419136306173, 0.4885277411067667, 0.3963969021344261, 0.3419735649475456)
"""Dispersion of the gaps over 1 to 4 contacts of a Poisson process: of Gamma laws of these shapes."""
_PATTERN_COSTS: Final = 0.02
_DAY_S: Final = 86_400
_PLAIN: Final = 0.9
_SIZED: Final = 0.2

BEAT: Final = np.dtype(
    [
        ("strength", "f8"), ("regularity", "f8"), ("period_s", "f8"), ("spread_s", "f8"), ("explained_h", "f8"),
        ("span_h", "f8"), ("size", "f8"), ("size_spread", "f8"), ("checkins", "i4"), ("in_rhythm", "i4"),
        ("gaps", "i4"), ("pattern", "i4"), ("merged_s", "i4"), ("contacts", "i4"), ("from_s", "i8"), ("to_s", "i8"),
    ]
)  # fmt: skip
"""The rhythm of one series; see :class:`rarebit.core.beacon.Beacon`."""

compiled: Final = numba.njit(cache=True, nogil=True)


@compiled
def _median(values: NDArray[np.float64], scratch: NDArray[np.float64]) -> float:
    size = values.size
    ordered = scratch[:size]
    ordered[:] = values
    ordered.sort()
    return float((ordered[(size - 1) // 2] + ordered[size // 2]) / 2.0)


@compiled
def _deviation(values: NDArray[np.float64], middle: float, scratch: NDArray[np.float64]) -> float:
    """Median absolute deviation."""
    size = values.size
    ordered = scratch[:size]
    for at in range(size):
        ordered[at] = abs(values[at] - middle)
    ordered.sort()
    return float((ordered[(size - 1) // 2] + ordered[size // 2]) / 2.0)


@compiled
def _checkins(times: NDArray[np.int64], quiet_s: int, out: NDArray[np.float64]) -> int:
    """First contact of each burst."""
    count, last = 0, np.int64(0)
    for at in range(times.size):
        if at == 0 or times[at] - last > quiet_s:
            out[count] = times[at]
            count += 1
        last = times[at]
    return count


@compiled
def _rhythm(times: NDArray[np.int64], beat: Table, scratch: NDArray[np.float64]) -> None:
    """Put the best rhythm of contacts into ``beat[0]``: the merge and pattern of greatest strength."""
    size = times.size
    starts, gaps, ordered = scratch[0], scratch[1], scratch[2]
    for quiet in MERGES:
        count = _checkins(times, quiet, starts)
        if count < LEAST:
            break
        for lag in range(1, LAGS + 1):
            independent = (count - 1) / lag
            if independent < LEAST - 1:
                break
            number = count - lag
            for at in range(number):
                gaps[at] = starts[at + lag] - starts[at]
            held = gaps[:number]
            middle = _median(held, ordered)
            if middle <= 0.0 or middle < 10.0 * quiet * lag:
                continue
            spread = _deviation(held, middle, ordered)
            dispersion = max(spread, 0.25) / middle
            regular = 1.0 - dispersion / _POISSON[lag] - DOUBT / np.sqrt(independent) - _PATTERN_COSTS * (lag - 1)
            inside, explained = 0, 0.0
            for at in range(number):
                if middle / NEAR <= held[at] <= middle * NEAR:
                    inside += 1
                    explained += held[at] / lag
            hours = explained / 3600.0
            strength = max(regular, 0.0) * np.sqrt(min(1.0, hours / FULL_HOURS))
            if strength > beat[0].strength:
                beat[0].strength, beat[0].regularity = strength, regular
                beat[0].period_s, beat[0].spread_s, beat[0].explained_h = middle, spread, hours
                beat[0].span_h = (starts[count - 1] - starts[0]) / 3600.0
                beat[0].checkins, beat[0].in_rhythm, beat[0].gaps = count, inside, number
                beat[0].pattern, beat[0].merged_s, beat[0].contacts = lag, quiet, size
                beat[0].from_s, beat[0].to_s = times[0], times[size - 1]


@compiled
def _sizes(sizes: NDArray[np.float64], beat: Table, scratch: NDArray[np.float64]) -> None:
    """Put the usual size of a contact and its spread into ``beat[0]``, and what they are worth into its strength."""
    count, held = 0, scratch[1]
    for at in range(sizes.size):
        if not np.isnan(sizes[at]):
            held[count] = sizes[at]
            count += 1
    beat[0].size = beat[0].size_spread = np.nan
    worth = _PLAIN
    if 2 * count >= sizes.size and count > 0:
        middle = _median(held[:count], scratch[2])
        spread = _deviation(held[:count], middle, scratch[2])
        beat[0].size, beat[0].size_spread = middle, spread
        worth = 1.0 - _SIZED + _SIZED * (max(0.0, 1.0 - spread / middle) if middle > 0.0 else 1.0)
    beat[0].strength *= worth


@compiled
def beats_of(
    times_s: NDArray[np.int64],
    sizes: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    beats: Table,
    scratch: NDArray[np.float64],
) -> None:
    """Rhythm of each series by its contacts of the last day, or by all that are kept, whichever is stronger.

    Parameters
    ----------
    times_s : int64[n]
        Seconds of contacts, rising within a series.
    sizes : float64[n]
        Bytes sent, NaN where unknown.
    starts, ends : int64[m]
        Contacts ``[start, end)`` of each series.
    beats : BEAT[m]
        Zeros; filled here. Strength is 0 where there is no rhythm.
    scratch : float64[3, k]
        Room for the contacts of the longest series.
    """
    for row in range(starts.size):
        start, end = starts[row], ends[row]
        beat = beats[row : row + 1]
        day = start
        while times_s[day] < times_s[end - 1] - _DAY_S:
            day += 1
        _rhythm(times_s[day:end], beat, scratch)
        first = day
        if day > start:
            before = beat[0].strength
            _rhythm(times_s[start:end], beat, scratch)
            first = start if beat[0].strength > before else day
        _sizes(sizes[first:end], beat, scratch)


@compiled
def counted(
    strength: NDArray[np.float64], least: NDArray[np.float64], other: NDArray[np.int64], ranks: int
) -> NDArray[np.int64]:
    """For each row, how many rows are at least so strong and have at most its ``other`` (int64[n]; itself counted).

    ``other`` are ranks from 1 to ``ranks``; counted in one pass by falling strength, with a Fenwick tree.
    """
    order, asked = np.argsort(-strength, kind="mergesort"), np.argsort(-least, kind="mergesort")
    tree, out = np.zeros(ranks + 1, np.int64), np.zeros(strength.size, np.int64)
    at = 0
    for row in asked:
        while at < order.size and strength[order[at]] >= least[row]:
            node = other[order[at]]
            while node <= ranks:
                tree[node] += 1
                node += node & -node
            at += 1
        node, total = other[row], 0
        while node > 0:
            total += tree[node]
            node -= node & -node
        out[row] = total
    return out
