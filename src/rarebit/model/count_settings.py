"""What a count model counts, and which side of it is told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HIGH: Final = 1
LOW: Final = -1
BOTH: Final = 0


@dataclass(frozen=True, slots=True)
class CountSettings:
    """What a count model counts, and what it takes into account."""

    span_us: int
    side: int = HIGH
    distinct: bool = False
    skip_empty: bool = False
    """Empty buckets are no observation; then what is modelled is the count less one."""
    half_life_hours: float = 168.0
    memory_bytes: int = 1 << 30
    """Of the series; what is kept for late events may take half as much again."""
    prune_us: int | None = None
    """Series without an event for so long before the newest are forgotten, and counted in ``pruned``."""
    pool: bool = True
    """False leaves each series to itself: no law of its peers beyond a weak one around its own rate."""
    exclude_frequent: bool = False
    """Series with events in more than a tenth of all buckets are learnt and not judged."""
    exclude_common: bool = False
    """So are those of groups that more than a tenth of all members belong to."""
