"""Compiled loops over the series of a bucket that closes: what is expected of each, how busy all are, what is learnt.

What is known of each cell lies in ``work`` (float64[:data:`ROWS`, n]), a row of numbers for each of the names below.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.tables import compiled, inlined

(
    EVENTS, EXPOSURE, BUCKETS, SEASON, DISPERSION, SHAPE, FLAT, MEAN, FLEET, SHOWN, P,
    DAY_SEEN, DAY_MEAN, DAY_VAR, WEEK_SEEN, WEEK_MEAN, WEEK_VAR, DRIFTED, QUIET,
) = range(19)  # fmt: skip
"""History before the bucket, its season and noise; the law of a count in a flat hour, and its mean in this one; how
busy the fleet is; the mean that is shown; probability; sums of the windows after the bucket; whether a drift, or a
silence, was told of before."""
ROWS: Final = 19
ORDINARY_P: Final = 0.1
"""A count within a standard deviation above its mean has at least this mid-p, as has one below; if its law's shape is
at least"""
ABOVE_SHAPE: Final = 0.5
BELOW_SHAPE: Final = 4.0
_LARGEST_SHAPE: Final = 1e9
NOISE_WORTH: Final = 40.0
"""What the peers' noise is worth beside a series' own; a busy bucket is worth up to 4."""
_OUTLIER: Final = 6.0
"""Standard deviations: what is more is learnt as if it were this."""
_LEAST_NOISE: Final = 0.1
"""The season is learnt as if no series were steadier than this, so that none leads alone."""
LOOK: Final = 2.0
"""Standard deviations from which on a window's probability is worked out; below, it is given as 1."""
CALM: Final = 1.0
"""Within so many, a drift that was told of is over: gone, or become the rule."""
_CLEAR: Final = 9.0
"""Squared deviations beyond this count as this in what is learnt of their spread."""
_FLOOR: Final = 1e-300


@compiled
def match(series: Any, rows: Any, group_codes: Any, places: Any) -> tuple[int, int]:
    """Place of each row's series, or -1 where it is new, both by rising key; how many are new, and how many moved.

    A row moves its series where it names another group than the one the series is in.
    """
    at, new, moved = 0, 0, 0
    for row in range(rows.size):
        key = rows[row].key
        while at < series.size and series[at].key < key:
            at += 1
        if at < series.size and series[at].key == key:
            places[row] = at
            moved += rows[row].group != 0 and group_codes[series[at].group] != rows[row].group
        else:
            places[row] = -1
            new += 1
            moved += rows[row].group != 0
    return new, moved


@compiled
def note_scopes(series: Any, rows: Any, places: Any) -> None:
    """Note the scopes that each series was last in."""
    for row in range(rows.size):
        series[places[row]].scopes = rows[row].scopes


def bucket_starts(times_us: NDArray[np.int64], span_us: int) -> NDArray[np.int64]:
    """Where each bucket begins among times (int64[n], rising)."""
    first, last = int(times_us[0]) // span_us, int(times_us[-1]) // span_us
    if last - first > times_us.size:
        return np.flatnonzero(np.diff(times_us // span_us, prepend=first - 1))
    edges = np.arange(first, last + 1) * span_us
    return np.unique(np.searchsorted(times_us, edges))


@compiled
def merge(old: Any, new: Any, out: Any) -> None:
    """Two tables by rising key, none of them in both, as one."""
    a, b = 0, 0
    for row in range(out.size):
        if b == new.size or (a < old.size and old[a].key < new[b].key):
            out[row] = old[a]
            a += 1
        else:
            out[row] = new[b]
            b += 1


@compiled
def expect(series: Any, chosen: Any, counts: Any, prior: Any, season: Any, group: Any, work: Any, totals: Any) -> None:
    """Law of each chosen series' count; ``totals`` (float64[2, groups]): counts and members of each group."""
    for cell in range(chosen.size):
        one = series[chosen[cell]]
        of = one.group
        group[cell] = of
        totals[0, of] += counts[cell]
        totals[1, of] += 1.0
        shape, width = prior[of, 0], prior[of, 1]
        noise = max((one.noise + NOISE_WORTH * prior[of, 2]) / (one.noise_weight + NOISE_WORTH), 0.0)
        worth = 1.0 + noise * (one.events + shape) / (one.exposure + width)
        certainty = shape + one.events / worth
        flat = certainty / (width + one.exposure / worth)
        work[EVENTS, cell] = one.events
        work[EXPOSURE, cell] = one.exposure
        work[BUCKETS, cell] = one.buckets
        work[SEASON, cell] = season[of]
        work[DISPERSION, cell] = noise
        work[SHAPE, cell] = min(1.0 / (1.0 / certainty + noise + noise / certainty), _LARGEST_SHAPE)
        work[FLAT, cell] = flat
        work[MEAN, cell] = flat * season[of]
        work[FLEET, cell] = 1.0
        work[SHOWN, cell] = 0.0
        work[P, cell] = 1.0
        work[QUIET, cell] = one.quiet


@compiled
def ordinary(y: float, shape: float, mean: float) -> bool:
    """Whether a count is within a standard deviation of its mean, and its law not too odd to say what that means."""
    beside = y - mean
    least = ABOVE_SHAPE if beside > 0.0 else BELOW_SHAPE
    return shape >= least and beside * beside <= mean + mean * mean / shape


@compiled
def screen(
    y: Any, work: Any, side: int, collapsed: bool, exact: bool, silent: float, high: Any, low: Any
) -> tuple[int, int]:
    """Which cells need an exact probability: of as much or more (``high``), of as little or less; how many each.

    A fleet at rest does not make a busy series stranger, and a busy one does not make silence stranger. Unless all are
    wanted ``exact``, those are left out that have a p above :data:`ORDINARY_P` for sure. As little is only asked about
    where nothing at all would have a probability below ``silent``.
    """
    highs, lows = 0, 0
    for cell in range(y.size):
        shape, mean, fleet = work[SHAPE, cell], work[MEAN, cell], work[FLEET, cell]
        above, below = mean * max(fleet, 1.0), mean * min(fleet, 1.0)
        work[SHOWN, cell] = below if side < 0 else above
        if side >= 0 and y[cell] > above and (exact or not ordinary(y[cell], shape, above)):
            high[highs] = cell
            highs += 1
        little = side <= 0 and not collapsed and y[cell] < below and (exact or not ordinary(y[cell], shape, below))
        if little and math.exp(-shape * math.log1p(below / shape)) < silent:
            low[lows] = cell
            lows += 1
    return highs, lows


@compiled
def hush(series: Any, chosen: Any, low: Any, lower: Any, silent: float) -> None:
    """A silence is told once, when it begins: p (``lower``) of cells whose series was silent before becomes 1."""
    at = 0
    for cell in range(chosen.size):
        was = series[chosen[cell]].quiet
        now = 0
        if at < low.size and low[at] == cell:
            now = 1 if lower[at] < silent else 0
            if was > 0:
                lower[at] = 1.0
            at += 1
        series[chosen[cell]].quiet = now


@inlined
def slide(seen: float, expected: float, spread: float, new: tuple[float, float, float], decay: float) -> Any:
    """Sums of a window (what was seen, what was expected, its variance) with one more bucket."""
    return decay * seen + new[0], decay * expected + new[1], decay * decay * spread + new[2]


@inlined
def look(work: Any, row: int, cell: int, sums: tuple[float, float, float], inflation: float) -> tuple[float, float]:
    """Show a window beside its cell; by how many standard deviations it is off, and the square of what is learnt."""
    seen, expected, spread = sums
    work[row, cell], work[row + 1, cell], work[row + 2, cell] = seen, expected, spread * inflation
    beside = seen - expected
    square = min(beside * beside / max(spread, _FLOOR), _CLEAR)
    return beside / math.sqrt(max(spread * inflation, _FLOOR)), square


@compiled
def watch_windows(
    series: Any,
    chosen: Any,
    kept: Any,
    y: Any,
    work: Any,
    decays: Any,
    inflation: Any,
    side: int,
    squares: Any,
    odd: Any,
) -> int:
    """Add a bucket to the windows of a day and a week; cells that are :data:`LOOK` deviations off, and how many.

    Parameters
    ----------
    kept : bool[n]
        Of which cells that is learnt.
    decays, inflation : float64[2]
        What a bucket leaves of each window, 0 where there is no such window; how much more its sums vary.
    squares : float64[2]
        Squared deviations, added up.
    """
    found = 0
    for cell in range(chosen.size):
        mean = work[MEAN, cell] * work[FLEET, cell]
        variance = mean + mean * mean / work[SHAPE, cell]
        counted = min(y[cell], math.ceil(mean + _OUTLIER * math.sqrt(variance)))
        one = series[chosen[cell]]
        wide, calm = False, True
        if decays[0] > 0.0:
            sums = slide(one.day_seen, one.day_mean, one.day_var, (counted, mean, variance), decays[0])
            z, square = look(work, DAY_SEEN, cell, sums, inflation[0])
            squares[0] += square
            wide, calm = wide or is_wide(z, side), calm and abs(z) < CALM
            if kept[cell]:
                one.day_seen, one.day_mean, one.day_var = sums
        if decays[1] > 0.0:
            sums = slide(one.week_seen, one.week_mean, one.week_var, (counted, mean, variance), decays[1])
            z, square = look(work, WEEK_SEEN, cell, sums, inflation[1])
            squares[1] += square
            wide, calm = wide or is_wide(z, side), calm and abs(z) < CALM
            if kept[cell]:
                one.week_seen, one.week_mean, one.week_var = sums
        work[DRIFTED, cell] = one.drift
        if kept[cell]:
            one.drift = 1 if one.drift > 0 and not calm else 0
        if wide:
            odd[found] = cell
            found += 1
    return found


@inlined
def is_wide(z: float, side: int) -> bool:
    """Whether a window is odd enough for its probability to be worked out."""
    return (side >= 0 and z > LOOK) or (side <= 0 and z < -LOOK)


@compiled
def learn(series: Any, chosen: Any, kept: Any, y: Any, work: Any, decay: float, season: Any) -> None:
    """Learn a bucket; ``season`` (float64[2, groups]): what was counted and what a flat week would have given.

    Half of what the fleet shares is learnt as the series' own, so that a lasting change becomes the rule.
    """
    for cell in range(chosen.size):
        if not kept[cell]:
            continue
        one = series[chosen[cell]]
        fleet, noise, shape, flat = work[FLEET, cell], work[DISPERSION, cell], work[SHAPE, cell], work[FLAT, cell]
        mean = work[MEAN, cell] * fleet
        counted = min(y[cell], math.ceil(mean + _OUTLIER * math.sqrt(mean + mean * mean / shape)))
        doubt = max((1.0 / shape - noise) / (1.0 + noise), 0.0)
        scale = (1.0 + mean / 2.0) ** 2
        beside = counted - mean
        one.events = decay * one.events + counted
        one.exposure = decay * one.exposure + work[SEASON, cell] * math.sqrt(fleet)
        one.noise = decay * one.noise + (beside * beside - mean - doubt * mean * mean) / scale
        one.noise_weight = decay * one.noise_weight + mean * mean / scale
        one.buckets += 1
        damped = 1.0 / (1.0 + max(noise, _LEAST_NOISE) * flat)
        season[0, one.group] += damped * counted
        season[1, one.group] += damped * flat


@compiled
def learn_alone(series: Any, chosen: Any, kept: Any, y: Any, decay: float) -> None:
    """Learn a bucket of series that nothing is known of yet, nor of their hour."""
    for cell in range(chosen.size):
        if kept[cell]:
            one = series[chosen[cell]]
            one.events = decay * one.events + y[cell]
            one.exposure = decay * one.exposure + 1.0
            one.noise *= decay
            one.noise_weight *= decay
            one.buckets += 1


@compiled
def note(series: Any, rows: Any, places: Any) -> None:
    """Late events correct what was learnt; the last event of each series is remembered."""
    for row in range(rows.size):
        one = series[places[row]]
        one.events += rows[row].late
        if rows[row].timely > 0:
            one.present += 1
            one.last_us, one.last_id = rows[row].last_us, rows[row].last_id
