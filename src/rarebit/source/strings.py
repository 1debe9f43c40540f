"""Arrow string columns as NumPy buffers, and hashes over them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.maths.hashing import hash_bytes


def string_buffers(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets (int64[n + 1]) and bytes of a string column, without copying the bytes."""
    _, offsets, data = column.buffers()
    width = np.int64 if pa.types.is_large_string(column.type) else np.int32
    at = np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return at, np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)


def text_codes(column: pa.Array) -> NDArray[np.int64]:
    """Stable codes of a string column, int64[n]; 0 where null."""
    offsets, data = string_buffers(column)
    codes = hash_bytes(offsets, data)
    if column.null_count:
        codes[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return codes


def has_byte(column: pa.Array, characters: str) -> bool:
    """Whether any of these ASCII characters stands anywhere in a string column."""
    if column.null_count == len(column):
        return False
    offsets, data = string_buffers(column)
    part = data[offsets[0] : offsets[-1]]
    return any(bool((part == ord(character)).any()) for character in characters)
