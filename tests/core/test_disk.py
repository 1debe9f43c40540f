"""A file is replaced as a whole or stays as it was, and nothing is left lying about."""

from __future__ import annotations

from pathlib import Path

import pytest

from rarebit.core.disk import replacing


def test_a_file_has_its_old_words_until_all_new_ones_are_written(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text("old")
    with replacing(file) as draft:
        assert not draft.exists()
        draft.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_file_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    file = tmp_path / "kept.json"
    file.write_text("old")
    with pytest.raises(error):
        _fail_half_way(file, error)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


def _fail_half_way(file: Path, error: type[BaseException]) -> None:
    with replacing(file) as draft:
        draft.write_text("half")
        raise error
