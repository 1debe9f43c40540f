"""Codes of strings: the same for ever, never 0; the set of codes agrees with Python's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.maths.hashing import CodeSet, hash_bytes, hash_text, mix64, pair_code

FIXED = {
    "": -1166397803181037274,
    "a": -9033471704281723301,
    "svchost.exe": -8437012791268190095,
    "Übergrößenträger": -7513615232715131865,
    "\udcff": 5661787390030571528,
}
codes = st.integers(-(2**63), 2**63 - 1).filter(bool)


def reference(data: bytes) -> int:
    """FNV-1a and MurmurHash3's finaliser in Python's own integers, as a signed number."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD % 2**64
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 % 2**64
    value ^= value >> 33
    return (value - 2**64 if value >= 2**63 else value) or 1


@pytest.mark.parametrize(("text", "code"), FIXED.items())
def test_codes_are_those_on_disk(text: str, code: int) -> None:
    assert hash_text(text) == code


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), max_size=20))
def test_codes_are_as_specified(texts: list[str]) -> None:
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.cumsum([0, *(len(part) for part in parts)])
    found = hash_bytes(offsets, np.frombuffer(b"".join(parts), np.uint8))
    assert found.tolist() == [reference(part) for part in parts]
    assert found.tolist() == [hash_text(text) for text in texts]


def test_what_would_be_nought_is_one() -> None:
    assert mix64(np.uint64(0)) == 0  # the finaliser itself does give 0
    # The first code that pairs with 5 to 0: undo the multiplication by the prime.
    inner = int(mix64(np.uint64((5 + 0xCBF29CE484222325) % 2**64)))
    first = inner * pow(0x100000001B3, -1, 2**64) % 2**64
    assert pair_code(np.int64(first - 2**64 if first >= 2**63 else first), np.int64(5)) == 1


@settings(deadline=None)
@given(codes, codes)
def test_pairs_are_ordered_and_never_nought(first: int, second: int) -> None:
    one, other = pair_code(np.int64(first), np.int64(second)), pair_code(np.int64(second), np.int64(first))
    assert one != 0
    assert other != 0
    assert (one == other) == (first == second)


def test_pairs_do_not_collide() -> None:
    made = {int(pair_code(np.int64(a), np.int64(b))) for a in range(1, 300) for b in range(1, 300)}
    assert len(made) == 299 * 299


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(codes, st.integers(1, 9)), max_size=60), max_size=8), st.integers(1, 20))
def test_set_agrees_with_python(batches: list[list[int]], capacity: int) -> None:
    made = CodeSet(capacity)
    known: set[int] = set()
    for batch in batches:
        fresh = []
        for code in batch:
            fresh.append(code not in known)
            known.add(code)
        assert made.add(np.array(batch, np.int64)).tolist() == fresh
        assert len(made) == len(known)
