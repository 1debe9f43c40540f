"""How long jobs learn before they tell."""

from __future__ import annotations

from typing import Final

from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.core.time import DAY_US

LONGEST_US: Final = 14 * DAY_US
SHORTEST_LIVE_US: Final = 7 * DAY_US
"""Where events come as they happen, half of what there is would be next to nothing."""


def learning_until(home: Home, given_us: int | None, *, live: bool) -> int:
    """Microseconds since 1970: what was said, or half of what there is, at most two weeks and live at least one.

    Before that everything is new to everybody.
    """
    if given_us is not None:
        return given_us
    first, last = home.lake.summary().first_us, fleet_clock(home)
    if first is None or last is None:
        return 0
    return first + min(LONGEST_US, max(SHORTEST_LIVE_US if live else 0, (last - first) // 2))
