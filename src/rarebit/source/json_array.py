"""A JSON array of objects, streamed: each element is cut out and parsed alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from rarebit.source.intake import Intake
from rarebit.source.json_elements import BETWEEN, DONE, ESCAPE, INSIDE, SCALAR, START, STRING, cut_elements
from rarebit.source.ndjson import parse_doubtful
from rarebit.source.stream import ByteStream

_BLOCK: Final = 4 << 20


def read_json_array(stream: ByteStream, intake: Intake, *, bare: bool = False) -> Iterator[pa.RecordBatch]:
    """Events of a JSON array of objects, or with ``bare`` of objects after one another over many lines.

    An element longer than the limit costs itself only.
    """
    state = np.array([BETWEEN if bare else START, 0], np.int64)
    number, held, passing = 0, b"", False
    limit = intake.settings.max_line_bytes
    while piece := stream.read(_BLOCK):
        scanned = len(held)
        held += piece
        starts, ends, begun = cut_elements(
            np.frombuffer(held, np.uint8), scanned, state, 0 if state[0] in _OPEN else -1
        )
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
    if bare and phase == SCALAR:
        _add_element(held, number, intake)
    elif held.strip():
        intake.tally.read += 1
        intake.tally.skip("the file ends inside this element", f"element {number}", held)
    if not bare and phase not in (DONE, START):
        intake.tally.fail("the array is not closed: the file is cut short")


_OPEN: Final = (INSIDE, STRING, ESCAPE, SCALAR)


def _add_element(raw: bytes, number: int, intake: Intake) -> None:
    where = f"element {number}"
    try:
        record = orjson.loads(raw)
    except ValueError:
        record = parse_doubtful(raw, where, intake)
        if record is None:
            return
    intake.add(record, raw, where)
