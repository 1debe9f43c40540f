"""The days of a calibration's window, and of each the largest values that a later fit can need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Day:
    """One closed day: when on the job's own clock, how many tests, and the values kept."""

    clock: int
    tests: int
    top: Floats
    """The largest values of -log p, falling."""


def largest(pieces: list[Floats], keep: int) -> Floats:
    """The ``keep`` largest values, falling."""
    whole = np.concatenate([np.empty(0), *pieces])
    if whole.size > keep:
        whole = np.partition(whole, whole.size - keep)[whole.size - keep :]
    return np.ascontiguousarray(np.sort(whole)[::-1])


def split(state: Mapping[str, NDArray[Any]]) -> list[Day]:
    """Days of a saved state.

    Raises
    ------
    KeyError, ValueError
        If arrays are missing or do not fit together.
    """
    sizes, values = np.array(state["day_size"], np.int64), np.array(state["top"], np.float64)
    if sizes.sum() != values.size:
        raise ValueError(f"{sizes.sum()} values are told of and {values.size} are there")
    tops = np.split(values, np.cumsum(sizes)[:-1]) if sizes.size else []
    pairs = zip(state["day_clock"], state["day_tests"], tops, strict=True)
    return [Day(int(clock), int(tests), top) for clock, tests, top in pairs]


def prune(days: list[Day], keep: int) -> list[Day]:
    """Drop values that cannot be among the ``keep`` largest again: as many, as large, are younger."""
    rising = np.empty(0)
    kept: list[Day] = []
    for day in reversed(days):
        above = rising.size - np.searchsorted(rising, day.top, side="left")
        top = day.top[above + np.arange(day.top.size) < keep]
        kept.append(day if top.size == day.top.size else replace(day, top=top))
        rising = np.sort(np.concatenate([rising, top]))[-keep:]
    return kept[::-1]
