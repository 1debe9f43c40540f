"""Why a place is a record, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rarebit.core.habits import Journey
from rarebit.core.time import iso
from rarebit.detect.count_sentence import who
from rarebit.detect.explain import plural

FLIGHT_KMH: Final = 900.0
"""Faster than this nobody travels."""


def places_sentence(journey: Journey, series: Sequence[tuple[str, str]], *, acted: str, time_us: int) -> str:
    """``ann logged on at 03:12 UTC from 1.35, 103.82: 10,740 km from its one usual place (48.86, 2.35); …``.

    Parameters
    ----------
    journey : Journey
        The numbers.
    series : sequence of (field, value)
        What makes the series; empty where there is only one.
    acted : str
        The job's own words for what was done.
    time_us : int
        Time of the first event from there.
    """
    usual = f"({place_words(journey.usual_latitude, journey.usual_longitude)})"
    nearest = f"the nearest of its {journey.places} usual places" if journey.places > 1 else "its one usual place"
    when, place = iso(time_us)[11:16], place_words(journey.latitude, journey.longitude)
    far = f"{journey.distance_km:,.0f} km from {nearest} {usual}"
    parts = [f"{who(series)} {acted} at {when} UTC from {place}: {far}"]
    if journey.speed_kmh > FLIGHT_KMH:
        parts.append(f"from where it was seen before that is {journey.speed_kmh:,.0f} km/h")
    parts.append(f"in {plural(max(round(journey.days), 1), 'day')} {_habit(journey)}")
    if journey.further + journey.as_far > 1.0 and journey.peer_count > 0:
        group = journey.peer_group.replace("_", " ")
        part = (journey.further + journey.as_far / 2.0) / journey.journeys
        peers = plural(journey.peer_count, f"{group} peer".strip())
        parts.append(f"{part:.1%} of the journeys of it and its {peers} went as far".replace("%", " %"))
    return "; ".join(parts) + "."


def journey_brief(journey: Journey) -> str:
    """``from 1.35, 103.82 (10,740 km away)``."""
    return f"from {place_words(journey.latitude, journey.longitude)} ({journey.distance_km:,.0f} km away)"


def place_words(latitude: float, longitude: float) -> str:
    """``48.86, 2.35``."""
    return f"{latitude:.2f}, {longitude:.2f}"


def _habit(journey: Journey) -> str:
    if journey.away < 0.05:  # noqa: PLR2004 - such as are long forgotten
        return f"it was never away in {journey.seen:,.0f} sights, recent ones counting more"
    return f"it was away in 1 of {journey.seen / journey.away:,.0f} sights"
