"""Eight bytes at once give what one at a time does, wherever they begin."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rarebit.source.json_bytes import BYTE_CLASSES, PLAIN, WORD, plain_bytes
from rarebit.source.json_parts import copy_plain


@numba.njit
def _plain(data: NDArray[np.uint8], at: int) -> int:
    return int(plain_bytes(data, at))


@numba.njit
def _copied(data: NDArray[np.uint8], start: int, end: int, out: NDArray[np.uint8], to: int) -> int:
    return int(copy_plain(data, start, end, out, to))


_SPECIAL = (31, 32, 33, 34, 35, 91, 92, 93, 127, 128)
_BYTES = st.lists(st.one_of(st.integers(0, 255), st.sampled_from(_SPECIAL)), min_size=WORD)


@given(_BYTES, st.data())
def test_ordinary_bytes_are_counted_up_to_the_first_that_is_not(given_bytes: list[int], data: st.DataObject) -> None:
    array = np.array(given_bytes, np.uint8)
    at = data.draw(st.integers(0, array.size - WORD))
    plain = BYTE_CLASSES[array[at : at + WORD]] == PLAIN
    assert _plain(array, at) == (WORD if plain.all() else int(np.argmin(plain)))


@given(_BYTES, st.data())
def test_a_copy_touches_its_own_bytes_only(given_bytes: list[int], data: st.DataObject) -> None:
    array = np.array(given_bytes, np.uint8)
    start = data.draw(st.integers(0, array.size))
    end = data.draw(st.integers(start, array.size))
    out = np.full(array.size + 20, 7, np.uint8)
    assert _copied(array, start, end, out, 3) == 3 + end - start
    assert out[3 : 3 + end - start].tolist() == given_bytes[start:end]
    assert set(out[:3].tolist()) | set(out[3 + end - start :].tolist()) == {7}
