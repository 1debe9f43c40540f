"""Suppressions: findings that are hidden, by what they share; nothing is deleted, and all of it can be undone."""

from __future__ import annotations

import msgspec

Pattern = dict[str, str]
"""What findings share: field to value in its normal form, all of them at once."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern whose findings give no alert and no points, from before it was made until it expires."""

    id: str
    where: Pattern
    reason: str
    owner: str
    created_us: int
    expires_us: int
    """Findings of this time or later are not hidden; earlier ones stay so."""
    from_us: int
    """The fleet's clock when it was made: from here on its volume is compared with what it was before."""
    weekly: float
    """Findings a week that it would have hidden before."""
    weeks: float
    """Length of that time."""
    removed_us: int = 0
    """When it was taken back; 0 while it stands."""
    removed_by: str = ""
    ended: str = ""
    """Why, if it took itself back: far more findings than there were."""

    @property
    def stands(self) -> bool:
        """Whether its findings are hidden."""
        return not self.removed_us


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that a suppression hides."""

    suppression_id: str
    finding_id: str
    """Of a record, or of an alert that a rule over events made."""
    time_us: int


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """What a suppression has hidden so far."""

    findings: int = 0
    last_us: int = 0


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that would take findings away, as measured on a week that it was not mined on."""

    where: Pattern
    removed: int
    """Findings of the last week that it would have hidden, beyond those of the proposals before it."""
    weekly_low: float
    weekly_high: float
    """95 % of Poisson's law about that."""
    before: int
    """Such findings of the time it was mined on,"""
    weeks_before: float
    """of so many weeks."""
    entities: int
    """Hosts or accounts that it spans,"""
    days: int
    """and days."""
    width: float
    """Share of all events that meet it."""
    replays: int
    """Events of replayed attacks, of which it hides none, had anybody done them."""
    confirmed: int
    """Findings of cases called true, of which it hides none."""
    example: int = -1
    """Number of a finding that it would have hidden."""
    sentence: str = ""
    """What that finding says."""
    expires: str = ""
    """When it would end if it were made now."""
    command: str = ""
    """How to make it."""
