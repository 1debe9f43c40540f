"""Texts of fields as numbers: codes of their normal forms, and how much they tell."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.names import NORMAL_FORM
from rarebit.maths.hashing import hash_bytes
from rarebit.maths.information import information

Column: TypeAlias = pa.ChunkedArray | pa.Array


class Texts:
    """Texts of a field, each different one brought to its normal form once.

    Parameters
    ----------
    name : str
        The field.
    column : string array
        Its texts.
    """

    def __init__(self, name: str, column: Column) -> None:
        encoded = pc.dictionary_encode(column)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks() if encoded.num_chunks != 1 else encoded.chunk(0)
        different = encoded.dictionary
        if name in NORMAL_FORM:
            different = pa.array([NORMAL_FORM[name](text) for text in different.to_pylist()], pa.string())
        self._offsets, self._data = _bytes_of(different)
        self._places = pc.fill_null(encoded.indices, len(different)).to_numpy(zero_copy_only=False)

    def codes(self) -> NDArray[np.int64]:
        """Code of the normal form of each text (int64[n]), 0 where it is absent."""
        table = np.append(hash_bytes(self._offsets, self._data), 0)
        return np.ascontiguousarray(table[self._places], np.int64)

    def information(self) -> NDArray[np.float64]:
        """Bits that the normal form of each text tells by itself (float64[n]), NaN where it is absent."""
        table = np.append(information(self._offsets, self._data), np.nan)
        return np.ascontiguousarray(table[self._places], np.float64)


def codes_of(name: str, column: Column) -> NDArray[np.int64]:
    """Code of the normal form of a field's text (int64[n]), 0 where it is absent."""
    return Texts(name, column).codes()


def information_of(name: str, column: Column) -> NDArray[np.float64]:
    """Bits that the normal form of a field's text tells by itself (float64[n]), NaN where it is absent."""
    return Texts(name, column).information()


def _bytes_of(dictionary: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets and bytes of strings."""
    strings = dictionary.cast(pa.large_string())
    if len(strings) == 0:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(strings.buffers()[1], np.int64)[: len(strings) + 1]
    return np.ascontiguousarray(offsets), np.frombuffer(strings.buffers()[2] or b"", np.uint8)
