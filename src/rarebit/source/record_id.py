"""Ids of events that brought none: a hash of the raw record, the same on every path and machine."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Final

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.fields import ID
from rarebit.maths.hashing import mix64
from rarebit.source.cells import Cells, Spans

_A: Final = np.uint64(0x9E3779B97F4A7C15)
_B: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_P: Final = np.uint64(0xD6E8FEB86659FD93)
_Q: Final = np.uint64(0xA0761D6478BD642F)
_SHIFTS: Final = tuple(np.uint64(8 * i) for i in range(8))
_S32: Final = np.uint64(32)
_S29: Final = np.uint64(29)


@numba.njit(cache=True, nogil=True)
def hash_spans(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], out: NDArray[np.uint64]
) -> None:
    """128-bit hashes of spans of bytes: ``out`` is uint64[n, 2]."""
    for row in range(starts.size):
        at, end = starts[row], ends[row]
        a, b = _A ^ np.uint64(end - at), _B
        while at < end:
            word = np.uint64(0)
            for i in range(min(8, end - at)):
                word |= np.uint64(data[at + i]) << np.uint64(8 * i)
            a = (a ^ word) * _P
            a ^= a >> _S32
            b = (b ^ word) * _Q
            b ^= b >> _S29
            at += 8
        out[row, 0] = mix64(a + b)
        out[row, 1] = mix64(b ^ mix64(a))


def span_ids(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pa.Array:
    """Hexadecimal ids, 32 digits each, of spans of bytes."""
    hashes = np.empty((starts.size, 2), np.uint64)
    hash_spans(data, starts, ends, hashes)
    digits = hashes.astype(">u8").tobytes().hex()
    offsets = np.arange(starts.size + 1, dtype=np.int32) * 32
    return pa.Array.from_buffers(
        pa.string(), starts.size, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(digits.encode())]
    )


def _gathered(parts: list[bytes]) -> Spans:
    ends = np.cumsum(np.array([len(part) for part in parts], np.int64))
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    return Spans(np.frombuffer(b"".join(parts) or b"\0", np.uint8), starts, ends)


def record_ids(cells: Cells) -> pa.Array:
    """The column of ids: the sensor's where it gave one, else the hash of the raw record."""
    given = cells.get(ID)
    lacking = np.flatnonzero(given.is_null().to_numpy(zero_copy_only=False))
    if not lacking.size:
        return given
    spans = cells.spans or _gathered([cells.raw(row) for row in range(cells.count)])
    made = span_ids(spans.data, spans.starts[lacking], spans.ends[lacking])
    if lacking.size == cells.count:
        return made
    at = np.full(cells.count, -1, np.int64)
    at[lacking] = np.arange(lacking.size)
    return pc.coalesce(given, made.take(pa.array(at, pa.int64(), mask=at < 0)))
