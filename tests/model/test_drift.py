"""A slow growth, a step and a burst are each found by something, once; clean series seldom tell of anything."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.count import CountModel
from rarebit.model.count_settings import BOTH, CountSettings
from rarebit.model.drift import OWN, SHARE, window_p

START: Final = 20_003 * DAY_US
"""A Monday."""
CHANGE: Final = 21
"""Day on which the shape of some series changes."""
Floats = NDArray[np.float64]


def _busy(hour: int) -> float:
    day, of_day = divmod(hour, 24)
    return (1.0 if 7 <= of_day < 18 else 0.15) * (0.3 if day % 7 >= 5 else 1.0)


def _rates(seed: int, series: int, days: int, *, noise: float = 0.3, mean: float = 8.0) -> Floats:
    """Rates of series by hour: a season, and noise from hour to hour."""
    rng = np.random.default_rng(seed)
    season = np.array([_busy(hour) for hour in range(24 * days)])[:, None]
    own = mean * rng.lognormal(0.0, 0.5, series)
    found: Floats = own * season * rng.gamma(1.0 / noise, noise, (24 * days, series))
    return found


def _shape(name: str, days: int) -> Floats:
    """Factor of the rate by hour."""
    day = np.maximum(np.arange(24 * days) / 24.0 - CHANGE, 0.0)[:, None]
    if name == "growth":
        return np.asarray(1.06**day)
    if name == "step":
        return np.where(day > 0.0, 2.5, 1.0)
    burst = np.ones((24 * days, 1))
    burst[CHANGE * 24 + 10] = 25.0
    return burst


def _told(rates: Floats, seed: int, **changes: Any) -> tuple[Any, int]:
    """Cells handed out, and how many were judged from the day of the change on."""
    model = CountModel(CountSettings(span_us=HOUR_US, **changes))
    model.keep_p = 0.05
    counts = np.random.default_rng(seed + 1000).poisson(rates)
    cells, judged = [], 0
    for hour, row in enumerate(counts):
        keys = np.repeat(np.arange(1, row.size + 1), row)
        times = START + hour * HOUR_US + np.linspace(0, HOUR_US, keys.size, endpoint=False).astype(np.int64)
        if hour % 24 == 0:
            model.start_day()
        found, new = model.score_and_learn(times, np.arange(keys.size) + 1, keys)
        cells.append(found[found["bucket_us"] >= START + CHANGE * DAY_US])
        judged += new * (hour >= CHANGE * 24)
    return np.concatenate(cells), judged


def _found(shape: str, seed: int, *, series: int = 60, changed: int = 4, days: int = CHANGE + 21) -> dict[str, Any]:
    """How a shape on some of the series was told of: by its buckets, and by its windows."""
    rates = _rates(seed, series, days)
    rates[:, :changed] *= _shape(shape, days)
    cells, _ = _told(rates, seed)
    level = 1.0 / (series * 168)
    own, drift = cells[cells["own_p"] / OWN <= level], cells[cells["drift"] > 0]
    by_series = np.bincount(drift["key"], minlength=series + 1)[1:]
    return {
        "by_bucket": int(np.isin(np.arange(1, changed + 1), own["key"]).sum()),
        "by_window": int(np.count_nonzero(by_series[:changed])),
        "either": int(np.isin(np.arange(1, changed + 1), np.concatenate([own["key"], drift["key"]])).sum()),
        "tellings": int(by_series[:changed].max()),
        "false": int(by_series[changed:].sum()),
        "days": [int((at - START) // DAY_US) - CHANGE for at in drift[drift["key"] <= changed]["bucket_us"]],
        "own_days": ((own[own["key"] <= changed]["bucket_us"] - START) // DAY_US - CHANGE).tolist(),
    }


@pytest.fixture(scope="module")
def mixed() -> tuple[Any, int]:
    """Cells and number judged of 120 series, of which 1-4 grow, 5-8 step up, and 9-12 have a burst."""
    days = CHANGE + 21
    rates = _rates(3, 120, days)
    for first, shape in enumerate(("growth", "step", "burst")):
        rates[:, 4 * first : 4 * first + 4] *= _shape(shape, days)
    return _told(rates, 3)


def test_each_shape_is_found_by_something_and_a_drift_is_told_once(mixed: tuple[Any, int]) -> None:
    cells, _ = mixed
    drift = np.bincount(cells["key"][cells["drift"] > 0], minlength=121)
    own = np.bincount(cells["key"][cells["own_p"] / OWN <= 1.0 / (120 * 168)], minlength=121)
    assert drift[:13].max() == 1
    assert np.count_nonzero(drift[1:5]) >= 3
    assert np.count_nonzero((drift + own)[5:9]) >= 3
    assert np.count_nonzero(own[9:13]) >= 3


def test_clean_series_seldom_tell_of_anything(mixed: tuple[Any, int]) -> None:
    cells, judged = mixed
    clean = cells[cells["key"] > 12]
    assert np.count_nonzero(clean["drift"]) <= 3  # at most one a week is expected
    assert 0.3 < np.count_nonzero(clean["p"] <= 1e-2) / (judged * 108 / 120) / 1e-2 < 1.5


def test_numbers_shown_give_the_probability() -> None:
    rates = _rates(2, 40, CHANGE + 10)
    rates[:, :3] *= _shape("step", CHANGE + 10)
    rates[:, 3:5] /= _shape("step", CHANGE + 10) ** 2
    cells, _ = _told(rates, 2, side=BOTH)
    assert {1, -1} <= set(cells["side"][cells["drift"] > 0].tolist())
    for cell in cells[cells["share"] < 1.0]:
        windows = []
        for name in ("day", "week"):
            seen, mean, variance, p = (
                cell[[f"{name}_{part}"]][f"{name}_{part}"] for part in ("seen", "mean", "var", "p")
            )
            expected = window_p(np.array([seen]), np.array([mean]), np.array([variance]), both=True)[0]
            assert p == pytest.approx(expected if abs(seen - mean) > 2.0 * np.sqrt(variance) else 1.0)
            windows.append(p / SHARE)
        own = min(cell["own_p"] / OWN, 1.0)
        assert cell["p"] == pytest.approx(min(own, *windows) if cell["drift"] else own)


@pytest.mark.proof
@pytest.mark.parametrize("correlated", [0.0, 0.5])
def test_clean_fleets_tell_of_at_most_one_drift_a_week(correlated: float) -> None:
    """A hundred series of widely different rates; busy and idle days of each follow one another, or do not."""
    told, weeks = 0, 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        days = CHANGE + 42
        rates = _rates(seed, 100, days, mean=4.0) * rng.lognormal(0.0, 0.8, 100)
        mood = rng.normal(size=100)
        for day in range(days if correlated else 0):
            mood = correlated * mood + np.sqrt(1.0 - correlated**2) * rng.normal(size=100)
            rates[24 * day : 24 * day + 24] *= np.exp(0.3 * mood)
        cells, _ = _told(rates, seed)
        told += int(np.count_nonzero(cells["drift"]))
        weeks += 6
    print(f"correlation {correlated}: {told} drifts told in {weeks} clean weeks of 100 series")  # noqa: T201
    assert told <= 1.0 * weeks


@pytest.mark.proof
@pytest.mark.parametrize(("shape", "least"), [("growth", 0.9), ("step", 0.75), ("burst", 0.9)])
def test_recall_of_each_shape(shape: str, least: float) -> None:
    rounds = [_found(shape, seed, series=100, days=CHANGE + 28) for seed in range(10, 15)]
    total = 4 * len(rounds)
    parts = {name: sum(each[name] for each in rounds) for name in ("by_bucket", "by_window", "either", "false")}
    days = sorted(day for each in rounds for day in each["days"])
    own = np.bincount([day // 7 for each in rounds for day in each["own_days"]], minlength=4).tolist()
    print(f"{shape}: of {total} {parts}; day of the drift's telling {days}; findings of buckets by week {own}")  # noqa: T201
    assert parts["either"] >= least * total
    assert max(each["tellings"] for each in rounds) <= 1
    assert parts["false"] <= 4 * len(rounds)


@pytest.mark.proof
def test_a_chronic_talker_quietens_by_its_own_history() -> None:
    """Four times as much from one day to the next: the buckets tell of it for some days, then it is the rule."""
    by_day, days = np.zeros(28, np.int64), CHANGE + 28
    for seed in range(5):
        rates = _rates(seed, 60, days, noise=0.1)
        rates[CHANGE * 24 :, :4] *= 4.0
        cells, _ = _told(rates, seed)
        own = cells[(cells["key"] <= 4) & (cells["own_p"] <= 1e-3)]
        by_day += np.bincount((own["bucket_us"] - START) // DAY_US - CHANGE, minlength=28)[:28]
    print(f"buckets of 20 talkers with p up to 1e-3, by day (0.5 by chance): {by_day.tolist()}")  # noqa: T201
    assert by_day[0] >= 20
    assert by_day[7:].sum() <= 0.1 * by_day[:7].sum()
