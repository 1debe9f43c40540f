"""Snapshots: bit for bit the same, or an error that says why."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rarebit.core.errors import InputError, StateError
from rarebit.store.snapshots import DTYPES, load, prune, save

_arrays = st.dictionaries(
    st.text(max_size=8),
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    ),
    max_size=5,
)
_meta = st.dictionaries(
    st.text(max_size=5),
    st.text(max_size=5) | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(arrays=_arrays, meta=_meta)
def test_what_is_saved_is_loaded_bit_for_bit(arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        name = save(Path(folder), "job", arrays, meta)
        assert save(Path(folder), "job", arrays, meta) == name
        found, kept = load(Path(folder) / name)
        assert [path.name for path in Path(folder).iterdir()] == [name]
    assert list(found) == list(arrays)
    assert kept == meta
    assert {key: type(value) for key, value in kept.items()} == {key: type(value) for key, value in meta.items()}
    for key, array in arrays.items():
        assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape)
        assert found[key].tobytes() == array.tobytes()
        assert found[key].flags.writeable


def test_strided_arrays_are_saved_by_value(tmp_path: Path) -> None:
    whole = np.arange(24, dtype=np.int32).reshape(4, 6)
    found, _ = load(tmp_path / save(tmp_path, "x", {"turned": whole.T, "every": whole[::2, ::3]}, {}))
    assert np.array_equal(found["turned"], whole.T)
    assert np.array_equal(found["every"], whole[::2, ::3])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_or_cut_file_is_never_taken_for_whole(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / save(Path(folder), "x", {"a": np.arange(40), "b": np.ones((2, 3))}, {"n": 1, "t": "x"})
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[at] ^= data.draw(st.integers(1, 255))
        else:
            content = content[:at] if data.draw(st.booleans()) else content + bytes(at + 1)
        path.write_bytes(content)
        with pytest.raises(StateError, match=r"damaged|format version"):
            load(path)


def test_another_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / save(tmp_path, "x", {}, {})
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(StateError, match="format version 2; this release reads 1"):
        load(path)


def test_a_missing_file_is_a_state_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be read"):
        load(tmp_path / "nothing.state")


@pytest.mark.parametrize(
    ("name", "arrays", "meta"),
    [
        ("", {}, {}),
        ("../up", {}, {}),
        (".hidden", {}, {}),
        ("a/b", {}, {}),
        ("x", {"objects": np.array([{}], object)}, {}),
        ("x", {"text": np.array(["a"])}, {}),
        ("x", {"swapped": np.arange(3, dtype=">i8")}, {}),
        ("x", {}, {"n": float("nan")}),
    ],
)
def test_what_cannot_be_kept_is_an_input_error(
    tmp_path: Path, name: str, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        save(tmp_path, name, arrays, meta)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        save(tmp_path / "file", "x", {}, {})


def test_prune_keeps_what_is_named_and_what_is_not_ours(tmp_path: Path) -> None:
    names = [save(tmp_path, name, {"a": np.arange(3)}, {}) for name in ("one", "two", "three")]
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / ".abc.state.part").write_text("")
    assert prune(tmp_path, names[:1]) == sorted([*names[1:], ".abc.state.part"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([names[0], "notes.txt"])
    assert prune(tmp_path / "nowhere", []) == []
