"""Stable 64-bit codes of strings, and sets and maps of such codes, in compiled loops.

The codes are written to disk and compared between processes and releases, so the function may never
change: FNV-1a over the UTF-8 bytes, finished by the 64-bit mixer of MurmurHash3. 0 is kept for "absent".
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_M1: Final = np.uint64(0xFF51AFD7ED558CCD)
_M2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_S33: Final = np.uint64(33)


@numba.njit(cache=True, nogil=True, inline="always")
def mix64(value: np.uint64) -> np.uint64:
    """MurmurHash3 finaliser: every input bit moves every output bit."""
    value ^= value >> _S33
    value *= _M1
    value ^= value >> _S33
    value *= _M2
    value ^= value >> _S33
    return value


@numba.njit(cache=True, nogil=True, inline="always")
def pair_code(first: np.int64, second: np.int64) -> np.int64:
    """Code of an ordered pair of codes; never 0."""
    mixed = mix64(np.uint64(first) * _PRIME ^ mix64(np.uint64(second) + _OFFSET))
    return np.int64(mixed) if mixed != np.uint64(0) else np.int64(1)


@numba.njit(cache=True, nogil=True)
def _hash_rows(offsets: NDArray[np.int64], data: NDArray[np.uint8], out: NDArray[np.int64]) -> None:
    for row in range(out.size):
        value = _OFFSET
        for at in range(offsets[row], offsets[row + 1]):
            value = (value ^ np.uint64(data[at])) * _PRIME
        value = mix64(value)
        out[row] = np.int64(value) if value != np.uint64(0) else np.int64(1)


def hash_bytes(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Codes of byte strings laid end to end.

    Parameters
    ----------
    offsets : int64[n + 1]
        Where each string starts; the last entry is where the last one ends.
    data : uint8[...]
        The bytes.

    Returns
    -------
    int64[n]
        Never 0.
    """
    out = np.empty(offsets.size - 1, np.int64)
    _hash_rows(offsets, data, out)
    return out


def hash_text(text: str) -> int:
    """Code of one string; the same as :func:`hash_bytes` gives for it."""
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    return int(hash_bytes(np.array([0, data.size], np.int64), data)[0])


@numba.njit(cache=True, nogil=True)
def _insert(slots: NDArray[np.int64], codes: NDArray[np.int64], fresh: NDArray[np.bool_]) -> int:
    mask = np.uint64(slots.size - 1)
    added = 0
    for row in range(codes.size):
        code = codes[row]
        at = mix64(np.uint64(code)) & mask
        while slots[at] != 0 and slots[at] != code:
            at = (at + np.uint64(1)) & mask
        fresh[row] = slots[at] == 0
        if fresh[row]:
            slots[at] = code
            added += 1
    return added


class CodeSet:
    """A growing set of non-zero codes: open addressing, load at most one half, 16 to 32 bytes a code."""

    def __init__(self, capacity: int = 1 << 12) -> None:
        self._slots = np.zeros(1 << max(4, (2 * capacity - 1).bit_length()), np.int64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Add codes (int64[n], none 0); True where a code was not in the set before, first sight first."""
        need = 2 * (self._size + codes.size)
        if need > self._slots.size:
            held = self._slots[self._slots != 0]
            self._slots = np.zeros(1 << (need - 1).bit_length(), np.int64)
            _insert(self._slots, held, np.empty(held.size, np.bool_))
        fresh = np.empty(codes.size, np.bool_)
        self._size += int(_insert(self._slots, codes, fresh))
        return fresh


@numba.njit(cache=True, nogil=True)
def pair_codes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Codes of ordered pairs of codes (int64[n]); never 0."""
    out = np.empty(first.size, np.int64)
    for row in range(first.size):
        out[row] = pair_code(first[row], second[row])
    return out
