"""Patterns mined on three weeks and measured on the fourth, which they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from rarebit.core.suppression import Proposal
from rarebit.core.time import DAY_US, WEEK_US
from rarebit.tune.attributes import Attributes
from rarebit.tune.guards import hits_of
from rarebit.tune.measure import weekly_range
from rarebit.tune.mine import Findings, Ints, choose, clusters

MINED_US: Final = 21 * DAY_US
MEASURED_US: Final = WEEK_US
FEWEST: Final = 3.0
"""A pattern whose removal may be less than this a week is not worth its upkeep."""


def propose(
    attributes: Sequence[Attributes],
    time_us: Ints,
    entity: Ints,
    *,
    clock_us: int,
    replays: Sequence[Attributes],
    confirmed: Sequence[Attributes],
    width: Callable[[Attributes], float],
) -> list[Proposal]:
    """Patterns worth hiding by, each measured on the last week beyond those before it.

    Parameters
    ----------
    attributes : sequence of mapping
        Of each finding.
    time_us, entity : int64[n]
        When, and the number of the host or account.
    clock_us : int
        The end of the last week.
    replays : sequence of mapping
        Attributes of events of attacks; a pattern that would hide one, had anybody done it, is none.
    confirmed : sequence of mapping
        Attributes of findings of cases called true; a pattern that would hide one is none.
    width : callable
        Share of all events that meet a pattern.
    """
    measured = (time_us > clock_us - MEASURED_US) & (time_us <= clock_us)
    mined = (time_us > clock_us - MEASURED_US - MINED_US) & (time_us <= clock_us - MEASURED_US)
    whole = Findings(attributes, entity, time_us // DAY_US)
    rows = np.flatnonzero(mined)
    part = Findings([attributes[row] for row in rows.tolist()], entity[rows], whole.day[rows])

    def allowed(pattern: Attributes) -> bool:
        asked = pattern.items()
        return not any(asked <= each.items() for each in confirmed) and not hits_of(pattern, replays)

    first = max(int(time_us[mined].min(initial=clock_us)), clock_us - MEASURED_US - MINED_US)
    weeks = max((clock_us - MEASURED_US - first) / WEEK_US, 1.0 / 7.0)
    seen = np.zeros(len(whole), np.bool_)
    made = []
    for cluster in choose(clusters(part), allowed=allowed, width=width):
        meeting = whole.meeting(cluster.pattern)
        fresh = meeting & ~seen
        count = int((fresh & measured).sum())
        low, high = weekly_range(count, 1.0)
        if low < FEWEST:
            continue
        seen |= meeting
        spanned = meeting & (measured | mined)
        made.append(
            Proposal(
                where=cluster.pattern,
                removed=count,
                weekly_low=low,
                weekly_high=high,
                before=int((fresh & mined).sum()),
                weeks_before=weeks,
                entities=int(np.unique(entity[spanned]).size),
                days=int(np.unique(whole.day[spanned]).size),
                width=width(cluster.pattern),
                replays=len(replays),
                confirmed=len(confirmed),
                example=int(np.flatnonzero(fresh & measured)[-1]),
            )
        )
    return made
