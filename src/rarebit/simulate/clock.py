"""When things happen: sites with their time zones, working hours, holidays and nightly peaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US, to_datetime

Floats = NDArray[np.float64]


class Site(NamedTuple):
    """One office."""

    name: str
    prefix: str
    """First letters of its host names."""
    zone: str
    share: float
    """Share of the hosts."""
    holiday: int
    """Day of the simulation that is a public holiday there, or -1."""


SITES: Final = (
    Site("Lyon", "lyo", "Europe/Paris", 0.40, -1),
    Site("Austin", "aus", "America/Chicago", 0.27, 7),
    Site("Pune", "pnq", "Asia/Kolkata", 0.22, -1),
    Site("Halifax", "yhz", "America/Halifax", 0.11, -1),
)

_OFFICE: Final = (0, 0, 0, 0, 0, 1, 3, 18, 70, 100, 100, 92, 48, 70, 98, 100, 92, 70, 30, 12, 7, 5, 3, 1)
_WEEKEND: Final = 0.04
_WORKDAYS: Final = range(5)
_SECOND_WEEK: Final = range(8, 15)
_SHOP: Final = (0, 0, 0, 0, 0, 2, 30, 60, 70, 80, 90, 100, 100, 90, 80, 80, 90, 100, 90, 60, 30, 10, 2, 0)
_NIGHT: Final = (
    80,
    140,
    180,
    150,
    110,
    80,
    75,
    80,
    100,
    105,
    105,
    100,
    100,
    100,
    105,
    105,
    100,
    95,
    85,
    80,
    75,
    75,
    78,
    80,
)
_IDLE: Final = 0.15
"""Background work of a workstation outside working hours, as a share of its daily peak."""


def _week(hours: tuple[int, ...], weekend: float) -> Floats:
    day = np.array(hours, float)
    week = np.stack([day if weekday in _WORKDAYS else day * weekend for weekday in range(7)])
    out: Floats = week / week.mean()
    return out


HUMAN: Final = _week(_OFFICE, _WEEKEND)
OPEN: Final = _week(_SHOP, 0.8)
SERVER: Final = _week(_NIGHT, 0.85)
AWAKE: Final = _week(tuple(int(100 * _IDLE + (1 - _IDLE) * value) for value in _OFFICE), 0.3)
PROFILES: Final = np.stack([HUMAN, OPEN, SERVER, AWAKE])
"""Weekly shapes, each of mean 1: [profile, weekday, local hour]."""
HUMAN_PROFILE, OPEN_PROFILE, SERVER_PROFILE, AWAKE_PROFILE = range(4)


def site_levels(start_us: int, hour_us: int) -> Floats:
    """Activity of each profile at each site in the UTC hour that begins at ``hour_us``.

    Returns
    -------
    float64[sites, profiles]
        1 is the weekly mean. On a site's holiday people are away as on a Sunday.
    """
    out = np.empty((len(SITES), len(PROFILES)))
    for row, site in enumerate(SITES):
        local = local_time(site, hour_us)
        away = site.holiday >= 0 and local.date() == (to_datetime(start_us) + timedelta(days=site.holiday)).date()
        out[row] = PROFILES[:, 6 if away else local.weekday(), local.hour]
    return out


def local_time(site: Site, time_us: int) -> datetime:
    """Wall clock of a site."""
    return to_datetime(time_us).astimezone(ZoneInfo(site.zone))


def utc_of_local(site: Site, day_us: int, hour: float) -> int:
    """Microseconds of a local hour (9.5 is half past nine) on the UTC date that begins at ``day_us``."""
    date = to_datetime(day_us).date()
    midnight = datetime(date.year, date.month, date.day, tzinfo=ZoneInfo(site.zone))
    wall = midnight + timedelta(hours=hour)
    return int(wall.astimezone(UTC).timestamp() * 1_000_000)


def patch_days(start_us: int, days: int) -> list[int]:
    """Starts of the second Tuesdays of the months within the span, as microseconds."""
    starts = (start_us + day * DAY_US for day in range(days))
    return [day for day in starts if to_datetime(day).weekday() == 1 and to_datetime(day).day in _SECOND_WEEK]


def weekday_of(day_us: int) -> int:
    """0 is Monday."""
    return to_datetime(day_us + 12 * HOUR_US).weekday()


def is_workday(day_us: int) -> bool:
    """Whether a day is Monday to Friday."""
    return weekday_of(day_us) in _WORKDAYS
