"""How often each entity itself gives findings of a stream: talk rates, by which one more of them is judged.

What a chronic talker says once more is no news, and what a quiet one says is. The rate of an entity in a stream, of
findings at least as extreme as the one in hand, is 0.7 of its own (gamma law of the stream's entities, updated by the
entity's last four weeks) and 0.3 of the stream's mean times how much the entity talks over all streams.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, WEEK_US
from rarebit.model.windows_kernel import count_history

OWN: Final = 0.7
"""Weight of the entity's own rate; the rest is the stream's mean times the entity's noise."""
HISTORY_US: Final = 28 * DAY_US
LAG_US: Final = DAY_US
"""The last day does not count as history: what is going on must not quieten itself."""
SHAPE_RANGE: Final = (0.1, 100.0)
_BINS: Final = 48
_BINS_A_DECADE: Final = 4
_COMMONEST: Final = 10.0
"""Findings a week of a usual entity at which the bins of extremeness begin."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Talk(NamedTuple):
    """Rates of findings, and the numbers behind them; each float64[n], or int64[n] where counted.

    ``rate = 0.7 · (shape + own) / (shape / usual + weeks) + 0.3 · usual · noise``.
    """

    rate: Floats
    """Findings a week at least as extreme, of this entity in this stream."""
    usual: Floats
    """The same of a usual entity."""
    own: Ints
    """Such findings of the entity itself in its history, nearly as extreme ones included."""
    weeks: Floats
    """Length of that history."""
    shape: Floats
    """Of the gamma law of rates among the stream's entities: the smaller, the more they differ."""
    noise: Floats
    """How much the entity talks over all streams, as a multiple of the mean."""


def talk_rates(time_us: Ints, entity: Ints, stream: Ints, usual: Floats, *, members: Ints, since_us: int) -> Talk:
    """Rate of each finding's entity, by what it gave in the four weeks up to a day before.

    Parameters
    ----------
    time_us, entity, stream : int64[n]
        When, whose, of which stream; in any order. Entities and streams are numbered from 0.
    usual : float64[n]
        Findings a week at least as extreme that a usual entity gives in the stream; positive.
    members : int64[streams]
        Entities that the stream watches, those without findings included.
    since_us : int
        When the streams began to give findings.
    """
    count = np.ascontiguousarray(time_us).size
    weeks = np.clip(np.asarray(time_us) - LAG_US - since_us, 0, HISTORY_US) / WEEK_US
    level = _BINS_A_DECADE * np.log10(_COMMONEST / np.asarray(usual, np.float64))
    bins = np.clip(np.floor(level), 0, _BINS - 1).astype(np.int64)
    streams = max(int(members.size), 1)
    own = _counted(time_us, entity * streams + stream, bins)
    all_own = _counted(time_us, entity, np.zeros(count, np.int64))
    shape = _shapes(entity, stream, members)[stream] if count else np.empty(0)
    span = max((int(np.max(time_us)) - since_us) / WEEK_US, 1.0 / 7.0) if count else 1.0
    mean = np.bincount(stream, minlength=streams) / np.maximum(members, 1) / span
    loud = _shape_of(np.bincount(entity).astype(np.float64), int(members.max(initial=1)))
    noise = (loud + all_own) / (loud + mean.sum() * weeks)
    own_rate = (shape + own) / (shape / usual + weeks)
    return Talk(OWN * own_rate + (1.0 - OWN) * usual * noise, usual, own, weeks, shape, noise)


def _shapes(entity: Ints, stream: Ints, members: Ints) -> Floats:
    """Shape of the gamma law of each stream, by moments of its entities' numbers of findings."""
    pairs, counts = np.unique(entity * members.size + stream, return_counts=True)
    of = pairs % members.size
    return np.array([_shape_of(counts[of == at].astype(np.float64), int(members[at])) for at in range(members.size)])


def _shape_of(counts: Floats, members: int) -> float:
    """Shape from the numbers of the entities that gave any; the others, up to ``members``, gave none."""
    mean = counts.sum() / max(members, counts.size, 1)
    if mean == 0.0:
        return 1.0
    variance = (counts**2).sum() / max(members, counts.size) - mean**2
    return float(np.clip(mean**2 / max(variance - mean, mean**2 / SHAPE_RANGE[1]), *SHAPE_RANGE))


def _counted(time_us: Ints, key: Ints, bins: Ints) -> Ints:
    order = np.lexsort((time_us, key))
    out = np.zeros(order.size, np.int64)
    found = np.zeros(order.size, np.int64)
    arrays = (np.ascontiguousarray(part[order], np.int64) for part in (time_us, key, bins))
    count_history(*arrays, LAG_US, HISTORY_US, np.zeros(_BINS, np.int64), found)
    out[order] = found
    return out
