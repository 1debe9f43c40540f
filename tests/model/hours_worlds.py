"""Worlds in which series are active by a known law of the hour: von Mises mixtures, in several time zones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.model.hours import HoursModel, HoursSettings

START_HOUR = 20_003 * 24 - 24 * 2
"""A Monday, 00:00 UTC."""
ZONES = (0, 0, 0, 8, -6)
"""Hours ahead of UTC from which series draw; most are at home."""


class World(NamedTuple):
    """What happened, and what was said of it."""

    model: HoursModel
    cells: NDArray[Any]
    """The odder half, by day."""
    days: NDArray[np.int64]
    """Day of each."""
    judged: NDArray[np.int64]
    """Observations judged on each day."""
    zones: NDArray[np.int64]
    groups: NDArray[np.int64]


def laws(rng: np.random.Generator, series: int) -> NDArray[np.float64]:
    """Part of each hour of the day (float64[series, 24]): two peaks of width and weight of one's own."""
    group = np.arange(series) % 3
    centre = np.array([[9.0, 14.0], [6.0, 18.0], [13.0, 16.0]])[group] + rng.normal(0.0, 0.4, (series, 2))
    narrow = np.array([8.0, 4.0, 2.5])[group][:, None]
    first = rng.beta(16.0, 8.0, series)[:, None]
    angle = (np.arange(24)[None, :] + 0.5) * np.pi / 12.0
    peaks = [np.exp(narrow * (np.cos(angle - centre[:, at : at + 1] * np.pi / 12.0) - 1.0)) for at in (0, 1)]
    made: NDArray[np.float64] = first * peaks[0] + (1.0 - first) * peaks[1]
    made /= made.sum(axis=1, keepdims=True)
    return made


def live(seed: int, *, series: int, days: int, bins: int = 24, pool: bool = True, workdays: bool = False) -> World:
    """Let series be active in about eight hours a day."""
    rng = np.random.default_rng(seed)
    law, zones = laws(rng, series), rng.choice(ZONES, series)
    model = HoursModel(HoursSettings(bins=bins, step_us=HOUR_US, pool=pool))
    model.keep_p, told, judged = 1.0, [], []
    for day in range(days):
        active = rng.random((series, 24)) < np.minimum(8.0 * law, 0.95)
        if workdays and day % 7 >= 5:
            active[:] = False
        who, hour = np.nonzero(active)
        times = (START_HOUR + day * 24 + hour - zones[who]) * HOUR_US + rng.integers(0, HOUR_US, who.size)
        order = np.argsort(times, kind="stable")
        who, times = who[order], times[order]
        model.start_day()
        ids = np.arange(who.size, dtype=np.int64) + 1
        cells, number = model.score_and_learn(times, ids, who + 1, peers=who % 3 + 1)
        told.append(cells)
        judged.append(number)
    days_of = np.repeat(np.arange(days), [cells.size for cells in told])
    return World(model, np.concatenate(told), days_of, np.array(judged), zones, np.arange(series) % 3)


def randomised(
    rng: np.random.Generator, world: World, *, from_day: int, to_day: int = 10**6
) -> tuple[NDArray[np.float64], int]:
    """Probabilities of the odder half, uniform where the law is right, and how many there were in all."""
    part = (world.days >= from_day) & (world.days < to_day)
    cells = world.cells[part]
    drawn = cells["p"] + (rng.random(cells.size) - 0.5) * cells["share"]
    return drawn, int(world.judged[from_day:to_day].sum())


def zones_found(world: World) -> float:
    """Part of the series known well enough whose zone is found within an hour, seen from the home of its group."""
    keys, shifts = world.model.shifts
    who = keys - 1
    right = []
    for group in range(3):
        own = world.groups[who] == group
        apart = (shifts - world.zones[who])[own]
        home = np.bincount(apart % 24, minlength=24).argmax()
        right.append(np.abs((apart - home + 12) % 24 - 12) <= 1)
    return float(np.concatenate(right).mean())
