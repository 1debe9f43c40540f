"""Worlds of known truth for the metric model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.metric import MetricModel, MetricSettings

START = 20_003 * DAY_US
"""A Monday."""
Floats = NDArray[np.float64]


class Feed:
    """Gives a model the values of series hour by hour, and keeps what it tells."""

    def __init__(self, peers: NDArray[np.int64] | None = None, **options: Any) -> None:
        self.model = MetricModel(MetricSettings(span_us=HOUR_US, **options))
        self.peers = peers
        self.bucket = 0
        self._id = 0

    def __call__(self, keys: Any, values: Any, weights: Any = ()) -> tuple[Any, int]:
        """Values of the next hour; the cells of the hour before, and how many were judged."""
        start = START + self.bucket * HOUR_US
        if self.bucket % 24 == 0:
            self.model.start_day()
        self.bucket += 1
        keys = np.asarray(keys, np.int64)
        if not keys.size:
            keys, values, weights = np.zeros(1, np.int64), [np.nan], [1.0] if len(weights) else ()
        times = start + np.linspace(0, HOUR_US, keys.size, endpoint=False).astype(np.int64)
        ids = self._id + 1 + np.arange(keys.size)
        self._id += keys.size
        peers = np.zeros(0, np.int64) if self.peers is None else self.peers[np.maximum(keys, 1) - 1]
        return self.model.score_and_learn(
            times, ids, keys, np.asarray(values, np.float64), weights=np.asarray(weights, np.float64), peers=peers
        )


def busy(hour: int) -> float:
    """How busy an hour of the week is."""
    day, of_day = divmod(hour, 24)
    return (1.0 if 7 <= of_day < 18 else 0.15) * (0.3 if day % 7 >= 5 else 1.0)


def deviations(rng: np.random.Generator, kind: str, size: int) -> Floats:
    """Noise of a kind: normal on the log scale, Student's t, or a mixture of a steady and a wild part."""
    normal = rng.normal(size=size)
    if kind == "lognormal":
        return normal
    if kind.startswith("student"):
        return rng.standard_t(int(kind.removeprefix("student")), size)
    return np.where(rng.random(size) < 0.05, rng.normal(3.0, 2.0, size), normal)


def shares(
    kind: str, *, seed: int, series: int, days: int, side: int, signed: bool = False, groups: int = 1
) -> tuple[dict[float, float], dict[float, list[float]], MetricModel]:
    """Realised over nominal share of p from the second week on, in all and by group."""
    rng = np.random.default_rng(seed)
    level, spread = rng.normal(10.0, 2.0, series), np.exp(rng.normal(-1.0, 0.4, series))
    group = 1 + np.arange(series) % groups
    feed = Feed(peers=group, statistics=("mean",), side=side)
    feed.model.keep_p = 0.05
    tests, told = 0, []
    for hour in range(24 * days):
        season = np.log(busy(hour))
        y = level + season + spread * deviations(rng, kind, series)
        cells, judged = feed(np.arange(1, series + 1), y - 12.0 if signed else np.expm1(np.maximum(y, 0.0)))
        if hour > 7 * 24:
            tests += judged
            told.append(cells)
    found = np.concatenate(told)
    own = group[found["key"] - 1]
    levels = (1e-2, 1e-3, 1e-4)
    whole = {a: float((found["p"] <= a).sum() / (tests * a)) for a in levels}
    by_group = {
        a: [float((found["p"][own == g] <= a).sum() / (tests / groups * a)) for g in range(1, groups + 1)]
        for a in levels
    }
    return whole, by_group, feed.model
