"""Which cases are opened: the most surprising first, no more than people have time for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from rarebit.core.time import DAY_US

HOLD: Final = 2.0
"""A case once opened stays until it is expected this many times more often than what the budget opens."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether a case is opened."""

    opened_us: int
    expected: float
    """Cases a week at least as strong."""
    strong: bool = True
    """Whether it may be opened at all: a lone weak finding may not."""
    held: bool = False
    """Whether it was opened before, within a budget no larger."""


def within_budget(ranked: Sequence[Candidate], per_day: float) -> list[bool]:
    """Which of the ranked cases are opened, the most surprising first.

    In every week (of UTC days since 1970) at most ``7 · per_day`` are, on one day at most three times ``per_day``:
    a quiet day leaves room for a loud one. Parts of a case are cut off, but one always has room. None is opened that
    is expected more often than the budget. Those that are open stay open and take their room first.
    """
    a_week, a_day = (max(1, math.floor(factor * per_day + 1e-9)) for factor in (7.0, 3.0))
    chosen = [item.held and item.expected <= HOLD * 7.0 * per_day for item in ranked]
    taken = [item.opened_us // DAY_US for item, stays in zip(ranked, chosen, strict=True) if stays]
    days, weeks = Counter(taken), Counter(day // 7 for day in taken)
    for at, item in enumerate(ranked):
        day = item.opened_us // DAY_US
        room = weeks[day // 7] < a_week and days[day] < a_day
        if not chosen[at] and item.strong and room and item.expected <= 7.0 * per_day:
            chosen[at] = True
            weeks[day // 7] += 1
            days[day] += 1
    return chosen
