"""The pace of the fleet: whether an hour had so few active series that it is no guide to usual life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.hours_law import WEEK_HOURS, bins_of
from rarebit.model.tables import State

QUIET: Final = 0.4
"""Part of the expected number of active series below which an hour teaches nothing."""
_ENOUGH: Final = 20.0
"""Expected active series, from which on a lack of them says anything."""
_RATE: Final = 0.25
"""Weight of the latest of the same hour of the week: what stays so is usual within three weeks."""


class Pace:
    """Active series by hour of the week."""

    def __init__(self) -> None:
        self.frozen = 0
        self._usual = np.full(WEEK_HOURS, np.nan)

    def admits(self, hour: int, active: int) -> bool:
        """Whether an hour since 1970 with so many active series may be learnt; it is expected from now on."""
        place = int(bins_of(np.array([hour]), WEEK_HOURS)[0])
        usual = float(self._usual[place])
        quiet = usual >= _ENOUGH and active < QUIET * usual
        self._usual[place] = active if np.isnan(usual) else usual + _RATE * (active - usual)
        self.frozen += quiet
        return not quiet

    def to_state(self) -> State:
        """Memory as named arrays."""
        return {"usual": self._usual.copy(), "frozen": np.array([self.frozen], np.int64)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""
        self._usual = state["usual"].copy()
        self.frozen = int(state["frozen"][0])
