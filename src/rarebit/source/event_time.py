"""Event times of every common notation, to microseconds since 1970 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.time import to_us
from rarebit.source.strings import string_buffers
from rarebit.source.time_kernel import parse_iso

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
    parse_iso(offsets, data, valid, out)
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
