"""Codes of texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.maths.hashing import hash_bytes


def codes_of_text(values: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Stable code of each text (int64[n], never 0); there are no nulls."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    plain = whole.cast(pa.large_string())
    if len(plain) == 0:
        return np.zeros(0, np.int64)
    _, offsets, data = plain.buffers()
    ends = np.frombuffer(offsets, np.int64)[plain.offset : plain.offset + len(plain) + 1]
    return hash_bytes(np.ascontiguousarray(ends), np.frombuffer(data or b"", np.uint8))
