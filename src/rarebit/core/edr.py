"""What an EDR, or another sensor, told of: its alerts in one form, and what they say about a case."""

from __future__ import annotations

from typing import Final

import msgspec

PREFIX: Final = "edr:"
"""Rule ids of alerts of sensors begin so."""
MARKS: Final = ("none", "partial", "same")


class SensorState(msgspec.Struct, frozen=True, kw_only=True):
    """A state in which the product sent an alert."""

    time: str
    """When the product had last changed it; the alert's own time where it does not say."""
    state: str


class Rarity(msgspec.Struct, frozen=True, kw_only=True):
    """How seldom an alert is here, by the alerts of the hours before it, four weeks at most.

    With ``usual = (on_fleet + 0.5) / (hosts · hours + 1)`` an hour of this host shows the rule with ``rate = (on_host
    + 24 · usual) / (hours + 24)``, at most 1, and as often as here with ``(as_many + 1) / (on_fleet + 1)`` of that;
    ``probability`` is their product. ``(as_rare + 1) / (hours / 168)`` such alerts are expected a week.
    """

    hours: float
    """Hours looked back on."""
    on_host: int
    """Alerts of the rule on this host,"""
    on_fleet: int
    """and on any;"""
    hosts_with: int
    """hosts it fired on,"""
    hosts: int
    """of so many on which any rule did."""
    as_many: int
    """Of ``on_fleet``, those of at least as many events, by powers of two."""
    as_rare: int
    """Alerts of any rule at most as probable, by steps of a tenth in the logarithm."""
    probability: float


class SensorAlert(msgspec.Struct, frozen=True, kw_only=True):
    """What only an alert of a sensor has."""

    product: str
    alert_id: str
    """The product's; empty where it gives none: then alike events of an hour are one alert."""
    severity: str
    """In the product's judgement, as a word; empty where it has none."""
    prevented: bool | None
    """Whether it was stopped; None where the product does not say."""
    host: str
    user: str
    process: str
    sha256: str
    """Of the process, else of the file."""
    states: tuple[SensorState, ...] = ()
    rarity: Rarity | None = None


class EdrView(msgspec.Struct, frozen=True, kw_only=True):
    """What the sensors said about the same as a case."""

    sentence: str
    sensor: str
    """``seen``: the sensor was heard of these hosts at that time; ``unseen``: it was not; ``unknown``: no sensor's
    alerts are read here."""
    alert_ids: tuple[str, ...] = ()
    seconds_after: float | None = None
    """How much later than the case's first such finding the first of these alerts came; negative: before it."""
