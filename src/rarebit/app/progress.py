"""How far a long piece of work has come: told to whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done of it and the whole; 0 for the whole means unknown."""


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing."""


def nothing() -> None:
    """Do nothing."""


class Laps:
    """Seconds from lap to lap."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def lap(self) -> float:
        """Since the last lap."""
        before, self._since = self._since, time.monotonic()
        return self._since - before
