"""What co-occurs with a record, and how much of it that explains."""

from __future__ import annotations

import msgspec


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a record one value of an influencer explains: ``events / of - usual_events / usual_of``, or 0."""

    value: str
    influencer_score: float = 0.0
    """0 to 1."""
    events: int
    """Events of the record that carry the value,"""
    of: int
    """of so many that were looked at."""
    usual_events: int = 0
    """Events that carried it, among a sample of the job's in the seven days before (all of them where they are few),"""
    usual_of: int = 0
    """of so many."""


class Influencer(msgspec.Struct, frozen=True, kw_only=True):
    """Values of one field that co-occur with a record, the one that explains most of it first."""

    influencer_field_name: str
    influencer_field_values: tuple[str, ...]
    explains: tuple[Explained, ...] = ()
    """One for each value."""
