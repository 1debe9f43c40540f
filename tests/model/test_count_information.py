"""Counts of what values tell: alarms keep their promise, and a tunnel is found that counting values would miss."""

from __future__ import annotations

from typing import Any

import numpy as np

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.count import CountModel
from rarebit.model.count_settings import CountSettings

START = 20_003 * DAY_US


def _told(*, weighed: bool, hours: int = 24 * 6, domains: int = 60) -> tuple[float, Any]:
    """Realised over nominal alarms at 1e-2 from the third day on, and cells of the last hour, in which domain 7 asks
    for as many names as ever, but six times as telling."""
    rng = np.random.default_rng(5)
    model = CountModel(CountSettings(span_us=HOUR_US, distinct=True, skip_empty=True))
    found, judged, last = 0, 0, None
    for hour in range(hours + 1):
        if hour % 24 == 0:
            model.start_day()
        keys = np.repeat(np.arange(domains) + 1, rng.poisson(6.0, domains))
        values = rng.integers(1, 40, keys.size)
        sizes = 1 + values % 3
        if hour == hours - 1:
            sizes = np.where(keys == 7, 6 * sizes, sizes)
        times = START + hour * HOUR_US + np.sort(rng.integers(0, HOUR_US, keys.size))
        kept = sizes if weighed else np.zeros(0, np.int64)
        cells, number = model.score_and_learn(times, np.arange(keys.size) + 1, keys, values=values, sizes=kept)
        if 72 < hour < hours:
            found, judged = found + int(np.count_nonzero(cells["p"] <= 1e-2)), judged + number
        last = cells
    return found / judged / 1e-2, last


def test_alarms_keep_their_promise_and_the_tunnel_is_found() -> None:
    ratio, last = _told(weighed=True)
    assert 0.3 < ratio < 1.6
    assert last["p"][last["key"] == 7].min(initial=1.0) < 1e-4
    _, blind = _told(weighed=False)
    assert blind["p"][blind["key"] == 7].min(initial=1.0) > 1e-2
