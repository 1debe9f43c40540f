"""How far a long piece of work has come: told to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done of it and the whole; 0 for the whole means unknown."""


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing."""
