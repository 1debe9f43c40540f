"""How seldom each alert of a sensor is on this site: one pass in order of time, each judged before it is learnt."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.core.edr import Rarity

HISTORY_HOURS: Final = 28 * 24
"""Hours looked back on."""
WEEK_HOURS: Final = 168.0
_TRUST: Final = 24.0
"""Hours of a host that the fleet's rate is worth."""
_BINS: Final = 32
_STEPS: Final = 512
_PER_UNIT: Final = 10.0

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]


class Ranked(NamedTuple):
    """Counts behind the rarity of alerts, in the order they were given; see :class:`~rarebit.core.edr.Rarity`."""

    counts: Longs
    """int64[n, 7]: hours, on_host, on_fleet, hosts_with, hosts, as_many, as_rare."""
    probability: Floats

    @property
    def expected(self) -> Floats:
        """Alerts a week at least as rare (float64[n])."""
        return np.asarray((self.counts[:, 6] + 1.0) / (self.counts[:, 0] / WEEK_HOURS), np.float64)

    def rarity(self, row: int) -> Rarity:
        """The numbers of one alert."""
        hours, on_host, on_fleet, hosts_with, hosts, as_many, as_rare = self.counts[row].tolist()
        return Rarity(
            hours=float(hours), on_host=on_host, on_fleet=on_fleet, hosts_with=hosts_with, hosts=hosts,
            as_many=as_many, as_rare=as_rare, probability=float(self.probability[row]),
        )  # fmt: skip


def rank(hours: Longs, rules: Longs, hosts: Longs, events: Longs) -> Ranked:
    """Rarity of alerts among those of the hours before.

    Parameters
    ----------
    hours : int64[n]
        Hour since 1970 of each, in any order.
    rules, hosts : int64[n]
        Codes.
    events : int64[n]
        Events each stands for, at least 1.
    """
    if hours.size == 0:
        return Ranked(np.zeros((0, 7), np.int64), np.zeros(0))
    order = np.lexsort((events, hosts, rules, hours))
    _, rule = np.unique(rules, return_inverse=True)
    _, host = np.unique(hosts, return_inverse=True)
    pairs, pair = np.unique(np.stack((rule, host)), axis=1, return_inverse=True)
    sizes = (int(rule.max()) + 1, int(host.max()) + 1, pairs.shape[1])
    bins = np.minimum(np.log2(np.maximum(events, 1)).astype(np.int64), _BINS - 1)
    counts, probability = np.zeros((hours.size, 7), np.int64), np.zeros(hours.size)
    columns = tuple(np.ascontiguousarray(part[order]) for part in (hours, rule, host, pair.ravel(), bins))
    made_counts, made_probability = _pass(*columns, *sizes)
    counts[order], probability[order] = made_counts, made_probability
    return Ranked(counts, probability)


@numba.njit(cache=True, nogil=True)
def _pass(
    hours: Longs, rule: Longs, host: Longs, pair: Longs, bins: Longs, rules: int, hosts: int, pairs: int
) -> tuple[Longs, Floats]:
    n = hours.size
    counts, probability = np.zeros((n, 7), np.int64), np.zeros(n)
    of_pair, of_host, of_rule = np.zeros(pairs, np.int64), np.zeros(hosts, np.int64), np.zeros(rules, np.int64)
    with_rule, levels, depths = np.zeros(rules, np.int64), np.zeros((rules, _BINS), np.int64), np.zeros(_STEPS)
    depth = np.zeros(n, np.int64)
    active, oldest, start = 0, 0, 0
    while start < n:
        end = start
        while end < n and hours[end] == hours[start]:
            end += 1
        while hours[oldest] < hours[start] - HISTORY_HOURS:
            at = oldest
            of_pair[pair[at]] -= 1
            of_host[host[at]] -= 1
            of_rule[rule[at]] -= 1
            with_rule[rule[at]] -= of_pair[pair[at]] == 0
            active -= of_host[host[at]] == 0
            levels[rule[at], bins[at]] -= 1
            depths[depth[at]] -= 1
            oldest += 1
        span = max(min(hours[start] - hours[0], HISTORY_HOURS), 1)
        for at in range(start, end):
            r = rule[at]
            as_many = levels[r, bins[at] :].sum()
            usual = (of_rule[r] + 0.5) / (max(active, 1) * span + 1.0)
            rate = min((of_pair[pair[at]] + _TRUST * usual) / (span + _TRUST), 1.0)
            probability[at] = rate * (as_many + 1.0) / (of_rule[r] + 1.0)
            depth[at] = min(int(-np.log(probability[at]) * _PER_UNIT), _STEPS - 1)
            counts[at, 0], counts[at, 1], counts[at, 2] = span, of_pair[pair[at]], of_rule[r]
            counts[at, 3], counts[at, 4], counts[at, 5] = with_rule[r], active, as_many
            counts[at, 6] = np.int64(depths[depth[at] :].sum())
        for at in range(start, end):
            with_rule[rule[at]] += of_pair[pair[at]] == 0
            active += of_host[host[at]] == 0
            of_pair[pair[at]] += 1
            of_host[host[at]] += 1
            of_rule[rule[at]] += 1
            levels[rule[at], bins[at]] += 1
            depths[depth[at]] += 1
        start = end
    return counts, probability
