"""A rhythm of contacts with one destination: the counts and times behind a record of a beacon."""

from __future__ import annotations

import msgspec


class Beacon(msgspec.Struct, frozen=True, kw_only=True):
    """How regularly a host speaks to a destination, how odd that is here, and the numbers behind it.

    ``strength`` is ``regularity · √min(1, explained_hours / 8)``, times 0.9 where sizes are not known, else times
    ``0.8 + 0.2 · max(0, 1 - size_spread / size)``. ``regularity`` is ``1 - (spread / period) / chance - 1.2 / √(gaps /
    pattern) - 0.02 · (pattern - 1)``, with ``spread`` at least a quarter of a second and ``chance`` the dispersion of
    gaps between contacts at random: 0.694, 0.489, 0.396, 0.342 for patterns of 1 to 4 contacts; with a pattern of 1,
    ``gaps`` is one less than ``checkins``.

    With ``part = (as_regular + 1) / (others + 1)``, ``rare = (regular_rare + 30 · (as_rare + 1) / (others + 1)) /
    (regular + 30)``, ``new`` likewise, and ``L = -ln product``, ``product`` is ``part · rare · new``, and
    ``probability`` twice the lesser of ``(as_odd + 1) / (others + 1)`` and ``product · (1 + L + L² / 2)``, but at least
    ``((hosts - 1) / (fleet - 1))²``: what two other hosts, drawn at random, are likely to have is not odd.
    """

    detector_index: int
    entity_field: str
    entity: str
    destination_field: str
    destination: str
    program: str
    """Empty where events do not tell."""
    period: float
    """Seconds: median of the gaps over ``pattern`` check-ins."""
    spread: float
    """Seconds: half of these gaps are as close to the median."""
    pattern: int
    """Check-ins after which the gaps repeat themselves."""
    merged: int
    """Seconds: contacts no further apart are one check-in."""
    contacts: int
    """Different seconds with events that the rhythm is read from, the last 512 at most."""
    checkins: int
    expected: int
    """Check-ins that the period would give between the first and the last."""
    gaps: int
    in_rhythm: int
    """Gaps between two thirds of the median and one and a half of it."""
    hours: float
    """From the first check-in to the last."""
    explained_hours: float
    """Sum of the gaps in rhythm, over ``pattern``."""
    size: float | None
    """Bytes sent in the median contact; none where that is not known."""
    size_spread: float | None
    strength: float
    regularity: float
    first_days: float
    """Since this host's first contact."""
    known_days: float
    """Since the first contact of any host."""
    hosts: int
    """Hosts that contact the destination, this one among them,"""
    fleet: int
    """of so many."""
    peer_group: str
    peers: int
    peers_with: int
    others: int
    """Other series of host, program and destination with enough contacts to be compared."""
    as_regular: int
    """Of these, as strong as this one or stronger;"""
    as_rare: int
    """to destinations that no more hosts contact;"""
    as_new: int
    """to destinations first contacted no earlier, by class: within a day, three, seven, fifteen and so on;"""
    regular: int
    """at least half as strong;"""
    regular_rare: int
    """of these, as rare;"""
    regular_new: int
    """of these, as new;"""
    as_odd: int
    """with no greater product of the three parts."""
    product: float
    probability: float
