"""The functions of detectors that run, and what each counts or measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rarebit.model.count_settings import BOTH, HIGH, LOW

RARE: Final = ("rare", "freq_rare")


@dataclass(frozen=True, slots=True)
class Counting:
    """What a count function takes from a bucket, and which side of it is told of."""

    side: int
    distinct: bool = False
    """Different values of the detector's field, not events."""
    skip_empty: bool = False
    """A bucket without events is no observation."""
    information: bool = False
    """Each different value counts by how much it tells, not as one."""


COUNTS: Final[dict[str, Counting]] = {
    "count": Counting(BOTH),
    "high_count": Counting(HIGH),
    "low_count": Counting(LOW),
    "non_zero_count": Counting(BOTH, skip_empty=True),
    "high_non_zero_count": Counting(HIGH, skip_empty=True),
    "low_non_zero_count": Counting(LOW, skip_empty=True),
    "distinct_count": Counting(BOTH, distinct=True),
    "high_distinct_count": Counting(HIGH, distinct=True),
    "low_distinct_count": Counting(LOW, distinct=True),
    "info_content": Counting(BOTH, distinct=True, skip_empty=True, information=True),
    "high_info_content": Counting(HIGH, distinct=True, skip_empty=True, information=True),
    "low_info_content": Counting(LOW, distinct=True, skip_empty=True, information=True),
}


@dataclass(frozen=True, slots=True)
class Measuring:
    """What a metric function makes of a field's values in a bucket, and which side of it is told of."""

    side: int
    statistics: tuple[str, ...]
    zero: bool = False
    """A bucket without events is a value of 0, not none."""


_SIDES: Final = {"": BOTH, "high_": HIGH, "low_": LOW}
METRICS: Final[dict[str, Measuring]] = {
    **{f"{side}sum": Measuring(told, ("sum",), zero=True) for side, told in _SIDES.items()},
    **{f"{side}non_null_sum": Measuring(told, ("sum",)) for side, told in _SIDES.items()},
    **{
        f"{side}{name}": Measuring(told, (name,))
        for name in ("mean", "median", "varp")
        for side, told in _SIDES.items()
    },
    "min": Measuring(BOTH, ("min",)),
    "max": Measuring(BOTH, ("max",)),
    "metric": Measuring(BOTH, ("mean", "min", "max")),
}
HOURS: Final = {"time_of_day": 24, "time_of_week": 168}
"""Functions of the hours at which something happens, and how many hours they tell apart."""
PLACES: Final = ("lat_long",)
"""Functions of the places at which something happens."""
BEACONS: Final = ("beacon",)
"""Functions of the rhythm in which something happens."""
BEACON_SIZE: Final = "source.bytes"
"""Bytes sent in a contact, where events tell."""
ALIASES: Final = {
    "c": "count",
    "high_c": "high_count",
    "low_c": "low_count",
    "nzc": "non_zero_count",
    "high_nzc": "high_non_zero_count",
    "low_nzc": "low_non_zero_count",
    "dc": "distinct_count",
    "high_dc": "high_distinct_count",
    "low_dc": "low_distinct_count",
    "avg": "mean",
    "high_avg": "high_mean",
    "low_avg": "low_mean",
}
"""Short names that Elastic knows too."""


def counting(function: str) -> Counting | None:
    """What a function counts, by its name or its short name; None where it does not count."""
    return COUNTS.get(ALIASES.get(function, function))


def measuring(function: str) -> Measuring | None:
    """What a function measures, by its name or its short name; None where it does not measure."""
    return METRICS.get(ALIASES.get(function, function))
