"""What replayed attacks came to."""

from __future__ import annotations

import msgspec


class Injected(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one trace."""

    trace: str
    outcome: str
    """``case`` (opened within the budget), ``below`` (a case that the budget left out), ``records`` (findings, but no
    case), ``nothing``, or ``not played``."""
    reason: str = ""
    """Why it was not played."""
    rank: int | None = None
    """Of its best case among all cases of the last four weeks, those below the line after those above it."""
    cases: int = 0
    """So many there are, above the line and below."""
    rank_of_day: int | None = None
    """Among the cases opened on the same day."""
    case_id: str = ""
    score: float | None = None
    expected_per_week: float | None = None
    case_entity: str = ""
    sentence: str = ""
    start: str = ""
    end: str = ""
    hours_to_case: float | None = None
    """From its first event to the first moment after it at which its case was told of, in event time; None for a case
    that was open before and in which it changed nothing."""
    records: int = 0
    """Findings that hold one of its events."""
    rules: tuple[str, ...] = ()
    """Rules over events that would have alerted on it."""
    techniques: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    """Of the site, that played it."""
    events: int = 0
    unsent: dict[str, int] = msgspec.field(default_factory=dict)
    """Its events that were left out, by kind: the hosts that played it do not send such."""
    unplayed: int = 0
    """Its events that were left out because the site has too few hosts."""
    fields_missing: tuple[str, ...] = ()
    """Fields that its events have and the site's do not; they were taken away."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A run over everything there is, with traces in it."""

    injected: tuple[Injected, ...]
    budget_per_day: float
    told_from: str
    """Nothing is told before: until then jobs learn."""
    end: str
    cases_open: int
    cases_below: int
