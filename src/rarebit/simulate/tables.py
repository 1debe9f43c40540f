"""Data files of this package: rows of fields parted by ``|``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def rows_of(name: str) -> list[list[str]]:
    """Rows of a data file; lines that begin with ``#`` are left out."""
    text = (files("rarebit.simulate") / "data" / name).read_text(encoding="utf-8")
    return [line.split("|") for line in text.splitlines() if line and not line.startswith("#")]


@cache
def words(name: str) -> tuple[str, ...]:
    """A list of words by its name."""
    return next(tuple(text.split()) for key, text in rows_of("words.psv") if key == name)
