"""ISO 8601 times of a text column, compiled."""

# ruff: noqa: PLR2004 - places and letters of ISO 8601, and the calendar, are numbers here
# mypy: disable-error-code="untyped-decorator,no-any-return,assignment,return-value"

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True, inline="always")
def _digits(data: NDArray[np.uint8], at: int, count: int) -> int:
    value = 0
    for i in range(count):
        digit = np.int64(data[at + i]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@numba.njit(cache=True, nogil=True)
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar."""
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@numba.njit(cache=True, nogil=True)
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@numba.njit(cache=True, nogil=True)
def _iso(data: NDArray[np.uint8], at: int, end: int) -> int:  # noqa: C901, PLR0911 - one check after another
    """``YYYY-MM-DD[T ]hh:mm:ss[.f…][Z|±hh:mm]``; the least int64 if it is anything else."""
    none = np.int64(-9223372036854775808)
    if end - at < 19 or data[at + 4] != 45 or data[at + 7] != 45 or data[at + 13] != 58 or data[at + 16] != 58:
        return none
    if data[at + 10] != 84 and data[at + 10] != 32:
        return none
    year, month, day = _digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute, second = _digits(data, at + 11, 2), _digits(data, at + 14, 2), _digits(data, at + 17, 2)
    if min(year, month, day) < 1 or min(hour, minute, second) < 0:
        return none
    if month > 12 or day > _days_in(year, month) or hour > 23 or minute > 59 or second > 59:
        return none
    at += 19
    micros = 0
    if at < end and data[at] == 46:
        at += 1
        start, scale = at, 100_000
        while at < end and 48 <= data[at] <= 57:
            micros += (data[at] - 48) * scale
            scale //= 10
            at += 1
        if at == start:
            return none
    shift = 0
    if end - at == 6 and (data[at] == 43 or data[at] == 45) and data[at + 3] == 58:
        hours, minutes = _digits(data, at + 1, 2), _digits(data, at + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return none
        shift = (hours * 60 + minutes) * (1 if data[at] == 43 else -1)
    elif not (at == end or (end - at == 1 and data[at] == 90)):
        return none
    seconds = _days(year, month, day) * 86400 + hour * 3600 + (minute - shift) * 60 + second
    return seconds * 1_000_000 + micros


@numba.njit(cache=True, nogil=True)
def parse_iso(
    offsets: NDArray[np.int64], data: NDArray[np.uint8], valid: NDArray[np.bool_], out: NDArray[np.int64]
) -> None:
    """Write the times of ISO 8601 texts, microseconds since 1970, to ``out``; the least int64 where they are none."""
    for row in range(out.size):
        if valid[row]:
            out[row] = _iso(data, offsets[row], offsets[row + 1])
