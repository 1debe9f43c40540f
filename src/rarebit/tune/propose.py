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
    span = _Span(attributes, time_us, entity, clock_us)

    def allowed(pattern: Attributes) -> bool:
        asked = pattern.items()
        return not any(asked <= each.items() for each in confirmed) and not hits_of(pattern, replays)

    seen = np.zeros(len(span.whole), np.bool_)
    made = []
    for cluster in choose(clusters(span.part), allowed=allowed, width=width):
        meeting = span.whole.meeting(cluster.pattern)
        fresh = meeting & ~seen
        low, high = weekly_range(int((fresh & span.measured).sum()), 1.0)
        if low < FEWEST:
            continue
        seen |= meeting
        spanned = meeting & (span.measured | span.mined)
        made.append(
            Proposal(
                where=cluster.pattern,
                removed=int((fresh & span.measured).sum()),
                weekly_low=low,
                weekly_high=high,
                before=int((fresh & span.mined).sum()),
                weeks_before=span.weeks,
                entities=int(np.unique(entity[spanned]).size),
                days=int(np.unique(span.whole.day[spanned]).size),
                width=width(cluster.pattern),
                replays=len(replays),
                confirmed=len(confirmed),
                example=int(np.flatnonzero(fresh & span.measured)[-1]),
            )
        )
    return made


class _Span:
    """Which findings a pattern is mined from, and on which it is measured."""

    def __init__(self, attributes: Sequence[Attributes], time_us: Ints, entity: Ints, clock_us: int) -> None:
        begins_us = clock_us - MEASURED_US
        self.measured = (time_us > begins_us) & (time_us <= clock_us)
        self.mined = (time_us > begins_us - MINED_US) & (time_us <= begins_us)
        self.whole = Findings(attributes, entity, time_us // DAY_US)
        rows = np.flatnonzero(self.mined)
        self.part = Findings([attributes[row] for row in rows.tolist()], entity[rows], self.whole.day[rows])
        first = max(int(time_us[self.mined].min(initial=clock_us)), begins_us - MINED_US)
        self.weeks = max((begins_us - first) / WEEK_US, 1.0 / 7.0)
