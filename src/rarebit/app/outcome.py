"""What one job did in a run."""

from __future__ import annotations

import msgspec

from rarebit.app.left_out import LeftOut
from rarebit.app.sight import Blind
from rarebit.detect.standing import Standing


class JobOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one job did in a run."""

    job_id: str
    events: int
    observations: int
    entities: int
    records: int
    alerts: int
    alert_score: float
    """Its records alert from this score on."""
    alerts_per_week: float
    """As many alerts a week that promises."""
    learning_until: str | None
    memory_bytes: int
    memory_limit_bytes: int
    evicted_pairs: int
    late_events: int
    """Events of count jobs that came after their bucket had closed; it was judged again."""
    too_late_events: int = 0
    """Of those, events whose bucket was no longer kept: learnt, and judged in no bucket."""
    ahead_events: int = 0
    """Events so far ahead of the fleet's clock that they are held back until it has come as far."""
    standing: Standing
    """Its entities by how well they are known, and the health of its probabilities."""
    blind: Blind | None = None
    left_out: tuple[LeftOut, ...] = ()
    """What its rules, calendars and exclusions left out since it began."""
    pruned: int = 0
    """Pairs or series forgotten after ``model_prune_window``."""
