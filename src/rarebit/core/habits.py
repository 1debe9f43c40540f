"""What is usual for a series besides how much it does: the counts behind a judgement of when and where."""

from __future__ import annotations

import msgspec


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """At which hour a series was active, at which it usually is, and the numbers behind it.

    Hours are those of the series' peers, ``shift`` ahead of UTC; those of a week begin on Monday. The part of each is
    ``(own + worth · peers) / (sum of own + worth)``, smoothed by a kernel of ``width`` hours: it goes to the hour
    itself and the three on either side around the clock, by ``exp(-(apart / width)² / 2)`` over their sum; of a week
    nothing goes from workdays to the weekend or back. ``share`` is that of ``hour``. ``probability`` is the sum of the
    parts that are less, and half of those as great, its own among them.
    """

    detector_index: int
    entity_field: str
    entity: str
    hour: int
    """0 to 23, or to 167."""
    shift: int
    days: float
    """Since the series was first seen."""
    active_hours: int
    """In which it was active before, all counted alike."""
    own: tuple[float, ...]
    """Its active hours by hour; each counts half after 168 more."""
    peers: tuple[float, ...]
    """Part of the peers' active hours by hour, as far as they are known."""
    peer_group: str
    peer_count: int
    """Other series of the group, or of the fleet where it has none."""
    worth: float
    """Active hours that the peers' parts are worth."""
    width: float
    share: float
    probability: float


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """How far from its usual places a series was seen, and the numbers behind it.

    ``probability`` is ``rate · (further + as_far / 2) / journeys``, times ``tests``, with ``rate = (away + worth ·
    prior) / (seen + worth)``.
    """

    detector_index: int
    entity_field: str
    entity: str
    latitude: float
    longitude: float
    usual_latitude: float
    """The nearest of its usual places."""
    usual_longitude: float
    places: int
    """Usual places of the series."""
    distance_km: float
    speed_kmh: float
    """From where it was seen before; 0 where that is not known."""
    days: float
    """Since the series was first seen."""
    seen: float
    """Places of buckets before; each counts half after 168 more."""
    away: float
    """Of those, such as lay away from the usual places at that time, counted the same way."""
    prior: float
    """Rate of being away that is expected of its like,"""
    worth: float
    """as if from so many places."""
    journeys: float
    """Journeys of its like, from usual places to others; half a journey added for each class of distance."""
    further: float
    """Of those, longer ones, by class of distance."""
    as_far: float
    """Of those, in the same class."""
    tests: int
    """Places of the series in the bucket, of which this is the oddest."""
    peer_group: str
    peer_count: int
    probability: float
