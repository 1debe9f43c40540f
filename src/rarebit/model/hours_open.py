"""The open step of the hours model: which series were active in which hour, since the last step closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.tables import State, Table, columns_of, rows_from

SIGHT: Final = np.dtype(
    [
        ("key", "i8"),
        ("hour", "i8"),
        ("time_us", "i8"),
        ("id", "i8"),
        ("group", "i8"),
        ("hidden", "i8"),
        ("unlearnt", "i4"),
    ]
)
"""A series in an hour (since 1970): its first event there, code of its peer group, what becomes of it."""


class OpenStep:
    """Sights of the open step, each (series, hour) once, by the event that came first."""

    def __init__(self) -> None:
        self.step = -1
        self._sights = np.zeros(0, SIGHT)

    def add(self, sights: Table) -> None:
        """Take sights (SIGHT[n]) in the order they came; those of series 0 are none."""
        self._sights = _first_of_each(np.concatenate([self._sights, sights[sights["key"] != 0]]))

    def take(self) -> Table:
        """All of them, by series and hour; none are left."""
        taken, self._sights = self._sights, np.zeros(0, SIGHT)
        return taken

    def to_state(self) -> State:
        """Memory as named arrays."""
        return {"step": np.array([self.step], np.int64)} | columns_of("sights", self._sights)

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""
        self.step = int(state["step"][0])
        self._sights = rows_from("sights", SIGHT, state)


def _first_of_each(sights: Table) -> Table:
    order = np.lexsort((sights["hour"], sights["key"]))
    ordered = sights[order]
    new = np.ones(ordered.size, np.bool_)
    new[1:] = (np.diff(ordered["key"]) != 0) | (np.diff(ordered["hour"]) != 0)
    kept: Table = ordered[new]
    return kept
