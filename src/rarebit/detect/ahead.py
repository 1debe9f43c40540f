"""Events ahead of the fleet's clock: held back from jobs that count, until the fleet has come as far.

A bucket closes when time moves on. Were a single host with a wrong clock to move it, everybody else would be late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.detect.engine import Rows
from rarebit.model.tables import State, under

AHEAD_US: Final = 48 * HOUR_US
"""Events further ahead of the fleet's clock than this do not move time on."""
MOST_HELD: Final = 50_000
"""Rows held back by one job; beyond, those furthest ahead are let go unjudged, and counted."""


class Ahead:
    """Rows of one job that are ahead of the fleet's clock."""

    def __init__(self) -> None:
        self.let_go = 0
        self._rows: Rows | None = None

    def __len__(self) -> int:
        return 0 if self._rows is None else int(self._rows.times_us.size)

    def admit(self, rows: Rows, horizon_us: int, until_us: int | None) -> Rows:
        """Rows to process now: those up to the horizon, and what was held back up to it and up to ``until_us``.

        What is beyond the horizon is held back. Rows come in order of time and id where those given do.
        """
        if self._rows is None and (rows.times_us.size == 0 or int(rows.times_us.max()) <= horizon_us):
            return rows
        early = rows.times_us <= horizon_us
        passed, beyond = taken(rows, early), taken(rows, ~early)
        if self._rows is not None:
            limit = horizon_us if until_us is None else min(horizon_us, until_us)
            due = self._rows.times_us <= limit
            passed = _joined(passed, taken(self._rows, due))
            beyond = _joined(taken(self._rows, ~due), beyond)
        self._hold(beyond)
        return passed

    def _hold(self, rows: Rows) -> None:
        self.let_go += max(rows.times_us.size - MOST_HELD, 0)
        self._rows = taken(rows, np.arange(min(rows.times_us.size, MOST_HELD))) if rows.times_us.size else None

    def to_state(self) -> State:
        """Memory as named arrays."""
        state: State = {"let_go": np.array([self.let_go], np.int64)}
        if self._rows is not None:
            state |= {"times": self._rows.times_us, "ids": self._rows.ids}
            state |= {f"column.{name}": column for name, column in self._rows.columns.items()}
            state |= {f"number.{name}": column for name, column in self._rows.numbers.items()}
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""
        self.let_go = int(state["let_go"][0])
        self._rows = None
        if "times" in state:
            self._rows = Rows(state["times"], state["ids"], under(state, "column."), under(state, "number."))


def taken(rows: Rows, chosen: NDArray[Any] | slice) -> Rows:
    """The rows at some places, or where a mask is true."""
    codes = {name: column[chosen] for name, column in rows.columns.items()}
    numbers = {name: column[chosen] for name, column in rows.numbers.items()}
    return Rows(rows.times_us[chosen], rows.ids[chosen], codes, numbers)


def _joined(first: Rows, second: Rows) -> Rows:
    """Both, in order of time and id."""
    if not second.times_us.size or not first.times_us.size:
        return first if first.times_us.size else second
    both = Rows(
        np.concatenate([first.times_us, second.times_us]),
        np.concatenate([first.ids, second.ids]),
        {name: np.concatenate([column, _column(second, name)]) for name, column in first.columns.items()},
        {name: np.concatenate([column, second.numbers[name]]) for name, column in first.numbers.items()},
    )
    return taken(both, np.lexsort((both.ids, both.times_us)))


def _column(rows: Rows, name: str) -> NDArray[np.int64]:
    """Codes of a field; absent from all where they were held back before the job asked for it."""
    return rows.columns[name] if name in rows.columns else np.zeros(rows.times_us.size, np.int64)
