"""Event times of every common notation, to microseconds since 1970 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.time import to_us
from rarebit.source.strings import string_buffers

ABSENT: Final = np.iinfo(np.int64).min
"""Stands for a time that is missing or cannot be read."""

_NUMBER: Final = re.compile(r"^-?[0-9]{1,19}(?:\.[0-9]{1,18})?$")
_FRACTION: Final = re.compile(r"([.,][0-9]{6})[0-9]+")
_ISO_HINT: Final = re.compile(r"^[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T ]|$)")
_SLASH_FORMS: Final = (
    "%m/%d/%Y, %I:%M:%S.%f %p",
    "%m/%d/%Y, %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S.%f %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%y %I:%M:%S %p",
    "%m/%d/%y %I:%M %p",
    "%m/%d/%Y %H:%M:%S.%f",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%y %H:%M",
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%b %d, %Y @ %H:%M:%S.%f",
    "%d/%b/%Y:%H:%M:%S %z",
)
_FILETIME_EPOCH: Final = 11_644_473_600
_SECONDS: Final = 100_000_000_000
_MILLIS: Final = 100_000_000_000_000
_MICROS: Final = 100_000_000_000_000_000
_FILETIMES: Final = 200_000_000_000_000_000
_LONGEST: Final = 64


def parse_times(column: pa.Array) -> NDArray[np.int64]:
    """Times of a string column.

    Reads ISO 8601 with any offset (no zone means UTC), seconds, milliseconds, microseconds or nanoseconds
    since 1970 and Windows file times told apart by size, and the month-first forms of Azure and Kibana exports.

    Parameters
    ----------
    column : string array of n values

    Returns
    -------
    int64[n]
        Microseconds since 1970, UTC; :data:`ABSENT` where null or unreadable.
    """
    out = np.full(len(column), ABSENT, np.int64)
    if column.null_count == len(column):
        return out
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    offsets, data = string_buffers(column)
    _parse_iso(offsets, data, valid, out)
    left = np.flatnonzero(valid & (out == ABSENT))
    if left.size:
        encoded = column.take(pa.array(left)).dictionary_encode()
        known = np.array([parse_one(value) for value in encoded.dictionary.to_pylist()], np.int64)
        out[left] = known[encoded.indices.to_numpy(zero_copy_only=False)]
    return out


def parse_one(text: str) -> int:
    """One time as in :func:`parse_times`; :data:`ABSENT` if it is none."""
    text = text.strip()
    if not 1 <= len(text) <= _LONGEST:
        return int(ABSENT)
    if _NUMBER.match(text):
        return _from_number(text)
    if _ISO_HINT.match(text):
        try:
            return _us(datetime.fromisoformat(_FRACTION.sub(r"\1", text).replace(",", ".").removesuffix(" UTC")))
        except ValueError:
            return int(ABSENT)
    for form in _SLASH_FORMS:
        try:
            return _us(datetime.strptime(text, form))  # noqa: DTZ007 - a form without a zone means UTC
        except ValueError:
            continue
    return int(ABSENT)


def _us(value: datetime) -> int:
    try:
        return to_us(value if value.tzinfo else value.replace(tzinfo=UTC))
    except OverflowError:
        return int(ABSENT)


def _from_number(text: str) -> int:
    whole, _, fraction = text.partition(".")
    value = int(whole)
    size = abs(value)
    if size < _SECONDS:
        part = int((fraction + "000000")[:6])
        return value * 1_000_000 + (-part if whole.startswith("-") else part)
    if size < _MILLIS:
        return value * 1000 + int((fraction + "000")[:3])
    if size < _MICROS:
        return value
    if size < _FILETIMES:
        return value // 10 - _FILETIME_EPOCH * 1_000_000
    return value // 1000


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
    shifted = year - (month <= 2)  # noqa: PLR2004 - the year starts in March
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1  # noqa: PLR2004 - as above
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@numba.njit(cache=True, nogil=True)
def _days_in(year: int, month: int) -> int:
    if month == 2:  # noqa: PLR2004 - February
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@numba.njit(cache=True, nogil=True)
def _iso(data: NDArray[np.uint8], at: int, end: int) -> int:
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
def _parse_iso(
    offsets: NDArray[np.int64], data: NDArray[np.uint8], valid: NDArray[np.bool_], out: NDArray[np.int64]
) -> None:
    for row in range(out.size):
        if valid[row]:
            out[row] = _iso(data, offsets[row], offsets[row + 1])
