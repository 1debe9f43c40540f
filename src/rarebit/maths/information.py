"""How much a text tells by itself: the length of a code that learns its characters as it goes.

After ``i`` bytes of which ``n`` were the one that comes next, that one costs ``-log2((n + 1/2) / (i + 128))`` bits
(Krichevsky and Trofimov 1981). What repeats itself costs little, what is long and random costs most; no text costs
less than any code that must be told the shares of its characters would make it.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_BYTES = 256


@numba.njit(cache=True, nogil=True)
def information(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Bits of each of the byte strings laid end to end (float64[n]).

    Parameters
    ----------
    offsets : int64[n + 1]
        Where each string starts; the last entry is where the last one ends.
    data : uint8[...]
        The bytes.
    """
    out = np.zeros(offsets.size - 1)
    seen = np.zeros(_BYTES, np.int64)
    for row in range(out.size):
        seen[:] = 0
        bits = 0.0
        for at in range(offsets[row], offsets[row + 1]):
            byte = data[at]
            bits -= np.log2((seen[byte] + 0.5) / (at - offsets[row] + 0.5 * _BYTES))
            seen[byte] += 1
        out[row] = bits
    return out
