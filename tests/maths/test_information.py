"""What a text tells: nothing for none, little for what repeats itself, most for what is long and random."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.maths.information import information


def _bits(*texts: bytes) -> list[float]:
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    found: list[float] = information(offsets, np.frombuffer(b"".join(texts), np.uint8)).tolist()
    return found


def test_a_first_byte_costs_eight_bits_and_its_repetition_less() -> None:
    assert _bits(b"", b"a", b"aa") == pytest.approx([0.0, 8.0, 8.0 - np.log2(1.5 / 129.0)])


def test_the_random_and_long_tells_most() -> None:
    rng = np.random.default_rng(1)
    random = bytes(rng.choice(np.frombuffer(b"0123456789abcdef", np.uint8), 60))
    plain, same, tunnel = _bits(b"www.example.com", b"a" * 60, random + b".evil.example")
    assert same < tunnel / 2
    assert tunnel > 3.0 * plain
    assert 0.5 < tunnel / 8 / len(zlib.compress(random + b".evil.example")) < 1.5


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_each_is_judged_by_itself(texts: list[bytes]) -> None:
    assert _bits(*texts) == [bits for text in texts for bits in _bits(text)]
