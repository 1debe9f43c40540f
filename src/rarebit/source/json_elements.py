"""Elements of a JSON array cut out of a stream of bytes, compiled."""

# mypy: disable-error-code="untyped-decorator,no-any-return,assignment,return-value"

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from rarebit.source.json_bytes import (
    BACKSLASH,
    BLANKS,
    CLOSE_LIST,
    CLOSE_OBJECT,
    COMMA,
    NEWLINE,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
)

START, BETWEEN, INSIDE, STRING, ESCAPE, SCALAR, DONE = range(7)
"""Phases: before the array, between elements, inside an object or list, inside a string of it, after a backslash,
inside a scalar, after the array."""
_BETWEEN_BYTES: Final = (*BLANKS, NEWLINE, COMMA)


@numba.njit(cache=True, nogil=True)
def cut_elements(  # noqa: C901, PLR0912 - a machine of seven phases
    data: NDArray[np.uint8], at: int, state: NDArray[np.int64], begun: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Spans of the whole elements of a piece; ``state`` (phase, depth) goes on from piece to piece."""
    starts = np.empty(data.size // 2 + 1, np.int64)
    ends = np.empty(data.size // 2 + 1, np.int64)
    count = 0
    phase, depth = state[0], state[1]
    while at < data.size:
        c = data[at]
        if phase == STRING:
            if c == QUOTE:
                phase = INSIDE
            elif c == BACKSLASH:
                phase = ESCAPE
        elif phase == ESCAPE:
            phase = STRING
        elif phase == INSIDE:
            if c == QUOTE:
                phase = STRING
            elif c in (OPEN_OBJECT, OPEN_LIST):
                depth += 1
            elif c in (CLOSE_OBJECT, CLOSE_LIST):
                depth -= 1
                if depth == 0:
                    starts[count], ends[count] = begun, at + 1
                    count += 1
                    begun, phase = -1, BETWEEN
        elif phase == SCALAR:
            if c in (COMMA, CLOSE_LIST):
                starts[count], ends[count] = begun, at
                count += 1
                begun = -1
                phase = BETWEEN if c == COMMA else DONE
        elif phase in (START, DONE):
            if c == OPEN_LIST:
                phase = BETWEEN
        elif c in (OPEN_OBJECT, OPEN_LIST):
            begun, phase, depth = at, INSIDE, 1
        elif c == CLOSE_LIST:
            phase = DONE
        elif c not in _BETWEEN_BYTES:
            begun, phase = at, SCALAR
        at += 1
    state[0], state[1] = phase, depth
    return starts[:count].copy(), ends[:count].copy(), begun
