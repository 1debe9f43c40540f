"""The smallest parts of JSON, compiled: strings, numbers, literals, escapes, UTF-8."""

# ruff: noqa: PLR2004 - letters of escapes and literals, and the ranges of UTF-8, are numbers here
# mypy: disable-error-code="untyped-decorator,no-any-return,assignment,return-value"

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.source.json_bytes import (
    BACKSLASH,
    BLANKS,
    DOT,
    ENDS,
    ESCAPES,
    FOREIGN,
    LOWER_N,
    MINUS,
    NEWLINE,
    NINE,
    PLAIN,
    QUOTE,
    WORD,
    ZERO,
    copy_word,
    plain_bytes,
)

Bytes = NDArray[np.uint8]

ESCAPED: Final = 1
HIGH: Final = 2
ODD: Final = 4
"""Flags of a string: has escapes; has bytes above 127; has escapes that a JSON writer would not use."""


@numba.njit(cache=True, nogil=True, _nrt=False, inline="always")
def plain_until(data: Bytes, at: int) -> int:
    """The next byte that is not ordinary in a string, or the last few of the data."""
    while at + WORD <= data.size:
        step = plain_bytes(data, at)
        at += step
        if step < WORD:
            break
    return at


@numba.njit(cache=True, nogil=True, _nrt=False, inline="always")
def string(data: Bytes, at: int, classes: Bytes) -> tuple[int, int]:
    """End of a string that starts at ``at``, and its flags; -1 where the careful path must look."""
    flags = 0
    while True:
        at = plain_until(data, at)
        kind = classes[data[np.uintp(at)]]
        if kind == PLAIN:
            at += 1
        elif kind == ENDS:
            return at, flags
        elif kind == FOREIGN:
            flags |= HIGH
            at += 1
        elif kind == ESCAPES:
            c = data[np.uintp(at + 1)]
            flags |= ESCAPED
            if c == 117:
                code = hex4(data, at + 2)
                if code < 32 or 0xD800 <= code < 0xE000:
                    return -1, flags
                flags |= ODD
                at += 6
            elif c in (34, 92, 98, 102, 110, 114, 116):
                at += 2
            elif c == 47:
                flags |= ODD
                at += 2
            else:
                return -1, flags
        else:
            return -1, flags


@numba.njit(cache=True, nogil=True, _nrt=False)
def hex4(data: Bytes, at: int) -> int:
    """Value of four hexadecimal digits, -1 if they are not."""
    value = 0
    for i in range(4):
        c = np.int64(data[np.uintp(at + i)])
        if ZERO <= c <= NINE:
            digit = c - 48
        elif 97 <= c <= 102:
            digit = c - 87
        elif 65 <= c <= 70:
            digit = c - 55
        else:
            return -1
        value = value * 16 + digit
    return value


@numba.njit(cache=True, nogil=True, _nrt=False)
def number(data: Bytes, at: int) -> int:
    """End of a number that every JSON writer prints alike; -1 for any other."""
    start = at
    if data[np.uintp(at)] == MINUS:
        at += 1
    lead = at
    while ZERO <= data[np.uintp(at)] <= NINE:
        at += 1
    digits = at - lead
    if digits == 0 or digits > 18 or (data[np.uintp(lead)] == ZERO and digits > 1):
        return -1
    if data[np.uintp(at)] != DOT:
        return -1 if data[np.uintp(at)] in (69, 101) or (data[np.uintp(lead)] == ZERO and lead > start) else at
    at += 1
    point = at
    while ZERO <= data[np.uintp(at)] <= NINE:
        at += 1
    places = at - point
    if places == 0 or digits + places > 15 or data[np.uintp(at)] in (69, 101):
        return -1
    if places > 1 and data[np.uintp(at - 1)] == ZERO:
        return -1
    if data[np.uintp(lead)] == ZERO and data[np.uintp(point)] == ZERO and places > 1:
        return -1
    return at


@numba.njit(cache=True, nogil=True, _nrt=False)
def literal(data: Bytes, at: int) -> int:
    """End of ``true``, ``false`` or ``null``; -1 if it is none."""
    if (
        data[np.uintp(at)] == 116
        and data[np.uintp(at + 1)] == 114
        and data[np.uintp(at + 2)] == 117
        and data[np.uintp(at + 3)] == 101
    ):
        return at + 4
    if (
        data[np.uintp(at)] == LOWER_N
        and data[np.uintp(at + 1)] == 117
        and data[np.uintp(at + 2)] == 108
        and data[np.uintp(at + 3)] == 108
    ):
        return at + 4
    if (
        data[np.uintp(at)] == 102
        and data[np.uintp(at + 1)] == 97
        and data[np.uintp(at + 2)] == 108
        and data[np.uintp(at + 3)] == 115
        and data[np.uintp(at + 4)] == 101
    ):
        return at + 5
    return -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def copy_json(data: Bytes, start: int, end: int, flags: int, quoted: bool, out: Bytes, to: int) -> int:
    """A scalar as a JSON writer puts it; where it ends, -1 if there is no room."""
    if to + 3 * (end - start) + 8 > out.size:
        return -1
    if quoted:
        out[np.uintp(to)] = QUOTE
        to += 1
    if flags & ODD:
        while start < end:
            if data[np.uintp(start)] != BACKSLASH:
                out[np.uintp(to)] = data[np.uintp(start)]
                start, to = start + 1, to + 1
                continue
            code, start = escape(data, start)
            if code in (34, 92):
                out[np.uintp(to)], out[np.uintp(to + 1)] = BACKSLASH, code
                to += 2
            elif code < 32:
                out[np.uintp(to)], out[np.uintp(to + 1)] = BACKSLASH, data[np.uintp(start - 1)]
                to += 2
            else:
                to = put_code(code, out, to)
    else:
        to = copy_plain(data, start, end, out, to)
    if quoted:
        out[np.uintp(to)] = QUOTE
        to += 1
    return to


@numba.njit(cache=True, nogil=True, _nrt=False)
def escape(data: Bytes, at: int) -> tuple[int, int]:
    """Code point of the escape at ``at``, and the place after it."""
    c = data[np.uintp(at + 1)]
    if c == 117:
        return hex4(data, at + 2), at + 6
    code = np.int64(c)
    if c == LOWER_N:
        code = 10
    elif c == 116:
        code = 9
    elif c == 114:
        code = 13
    elif c == 98:
        code = 8
    elif c == 102:
        code = 12
    return code, at + 2


@numba.njit(cache=True, nogil=True, _nrt=False)
def put_code(code: int, out: Bytes, to: int) -> int:
    """UTF-8 of a code point below 65536."""
    if code < 0x80:
        out[np.uintp(to)] = code
        return to + 1
    if code < 0x800:
        out[np.uintp(to)], out[np.uintp(to + 1)] = 0xC0 | code >> 6, 0x80 | code & 0x3F
        return to + 2
    out[np.uintp(to)], out[np.uintp(to + 1)], out[np.uintp(to + 2)] = (
        0xE0 | code >> 12,
        0x80 | code >> 6 & 0x3F,
        0x80 | code & 0x3F,
    )
    return to + 3


@numba.njit(cache=True, nogil=True, _nrt=False, inline="always")
def copy_plain(data: Bytes, start: int, end: int, out: Bytes, to: int) -> int:
    """Bytes as they are; where they end."""
    while start + WORD <= end:
        copy_word(data, start, out, to)
        start, to = start + WORD, to + WORD
    while start < end:
        out[np.uintp(to)] = data[np.uintp(start)]
        start, to = start + 1, to + 1
    return to


@numba.njit(cache=True, nogil=True, _nrt=False)
def copy_text(data: Bytes, start: int, end: int, out: Bytes, to: int) -> int:
    """A string with its escapes resolved; where it ends."""
    while start < end:
        if data[np.uintp(start)] != BACKSLASH:
            out[np.uintp(to)] = data[np.uintp(start)]
            start, to = start + 1, to + 1
        else:
            code, start = escape(data, start)
            to = put_code(code, out, to)
    return to


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_utf8(data: Bytes, at: int, end: int) -> bool:
    """Whether a span is valid UTF-8."""
    while at < end:
        c = data[np.uintp(at)]
        if c < 0x80:
            at += 1
            continue
        if 0xC2 <= c <= 0xDF:
            more, low, high = 1, 0x80, 0xBF
        elif 0xE0 <= c <= 0xEF:
            more, low, high = 2, 0xA0 if c == 0xE0 else 0x80, 0x9F if c == 0xED else 0xBF
        elif 0xF0 <= c <= 0xF4:
            more, low, high = 3, 0x90 if c == 0xF0 else 0x80, 0x8F if c == 0xF4 else 0xBF
        else:
            return False
        if at + more >= end or not low <= data[np.uintp(at + 1)] <= high:
            return False
        for i in range(2, more + 1):
            if not 0x80 <= data[np.uintp(at + i)] <= 0xBF:
                return False
        at += more + 1
    return True


@numba.njit(cache=True, nogil=True, _nrt=False)
def blank(data: Bytes, at: int) -> int:
    """The next byte that is no blank."""
    while data[np.uintp(at)] in BLANKS:
        at += 1
    return at


@numba.njit(cache=True, nogil=True, _nrt=False)
def last_newline(data: Bytes, stop: int) -> int:
    """Where the last newline before ``stop`` is, -1 if there is none."""
    for at in range(stop - 1, -1, -1):
        if data[at] == NEWLINE:
            return at
    return -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_lines(data: Bytes) -> int:
    """How many newlines there are."""
    lines = 0
    for byte in data:
        lines += byte == NEWLINE
    return lines
