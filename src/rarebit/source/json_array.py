"""A JSON array of objects, streamed: each element is cut out and parsed alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numba
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.source.intake import Intake
from rarebit.source.ndjson import parse_doubtful
from rarebit.source.stream import ByteStream

_START, _BETWEEN, _INSIDE, _STRING, _ESCAPE, _SCALAR, _DONE = range(7)
_BLOCK: Final = 4 << 20


def read_json_array(stream: ByteStream, intake: Intake, *, bare: bool = False) -> Iterator[pa.RecordBatch]:
    """Events of a JSON array of objects, or with ``bare`` of objects after one another over many lines.

    An element longer than the limit costs itself only.
    """
    state = np.array([_BETWEEN if bare else _START, 0], np.int64)
    number, held, passing = 0, b"", False
    limit = intake.settings.max_line_bytes
    while piece := stream.read(_BLOCK):
        scanned = len(held)
        held += piece
        starts, ends, begun = _cut(np.frombuffer(held, np.uint8), scanned, state, 0 if state[0] in _OPEN else -1)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            number += 1
            if not passing:
                _add_element(held[start:end], number, intake)
            passing = False
            if intake.full():
                yield from intake.flush()
        held = held[begun:] if begun >= 0 else b""
        if len(held) > limit:
            if not passing:
                intake.tally.read += 1
                intake.tally.skip(f"element longer than {limit} bytes", f"element {number + 1}", held)
            held, passing = b"", True
    _end(held, number + 1, int(state[0]), intake, bare=bare)
    yield from intake.flush()


def _end(held: bytes, number: int, phase: int, intake: Intake, *, bare: bool) -> None:
    if bare and phase == _SCALAR:
        _add_element(held, number, intake)
    elif held.strip():
        intake.tally.read += 1
        intake.tally.skip("the file ends inside this element", f"element {number}", held)
    if not bare and phase not in (_DONE, _START):
        intake.tally.fail("the array is not closed: the file is cut short")


_OPEN: Final = (_INSIDE, _STRING, _ESCAPE, _SCALAR)


def _add_element(raw: bytes, number: int, intake: Intake) -> None:
    where = f"element {number}"
    try:
        record = orjson.loads(raw)
    except ValueError:
        record = parse_doubtful(raw, where, intake)
        if record is None:
            return
    intake.add(record, raw, where)


@numba.njit(cache=True, nogil=True)
def _cut(
    data: NDArray[np.uint8], at: int, state: NDArray[np.int64], begun: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Spans of the whole elements of a piece; ``state`` (phase, depth) goes on from piece to piece."""
    starts = np.empty(data.size // 2 + 1, np.int64)
    ends = np.empty(data.size // 2 + 1, np.int64)
    count = 0
    phase, depth = state[0], state[1]
    while at < data.size:
        c = data[at]
        if phase == 3:
            if c == 34:
                phase = 2
            elif c == 92:
                phase = 4
        elif phase == 4:
            phase = 3
        elif phase == 2:
            if c == 34:
                phase = 3
            elif c in (123, 91):
                depth += 1
            elif c in (125, 93):
                depth -= 1
                if depth == 0:
                    starts[count], ends[count] = begun, at + 1
                    count += 1
                    begun, phase = -1, 1
        elif phase == 5:
            if c in (44, 93):
                starts[count], ends[count] = begun, at
                count += 1
                begun = -1
                phase = 1 if c == 44 else 6
        elif phase in (0, 6):
            if c == 91:
                phase = 1
        elif c in (123, 91):
            begun, phase, depth = at, 2, 1
        elif c == 93:
            phase = 6
        elif c not in (32, 9, 10, 13, 44):
            begun, phase = at, 5
        at += 1
    state[0], state[1] = phase, depth
    return starts[:count].copy(), ends[:count].copy(), begun
