"""What is known of an entity besides its findings, as log-odds that are added and shown; never multiplied into p."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rarebit.core.case_part import CasePart
from rarebit.core.time import DAY_US

_NO: Final = {"", "no", "none", "false", "0", "internal"}
CRITICALITY: Final = {"low": -0.5, "medium": 0.0, "high": 0.7, "critical": 1.4, "extreme": 1.4}
"""Natural log-odds: a high one doubles the odds, a critical one makes them fourfold."""
FLAGS: Final = {
    "privileged": 0.7,
    "privilege": 0.7,
    "exposure": 0.7,
    "exposed": 0.7,
    "intel": 1.4,
    "edr_alert": 1.4,
}
"""Attributes that count when they say anything but no."""

INDICATOR: Final = 1.4
"""Natural log-odds of an indicator of full confidence that was met: fourfold."""
BESIDE_US: Final = DAY_US
"""A match counts for findings up to so long after or before it."""


class Met(NamedTuple):
    """A match with an indicator that went through."""

    first_us: int
    last_us: int
    confidence: float
    """0 to 100."""
    text: str


def indicator_parts(met: Sequence[Met], start_us: int, end_us: int) -> tuple[CasePart, ...]:
    """Points for the surest indicator that an entity met beside its findings, by its confidence; others add nothing.

    Parameters
    ----------
    met : sequence of Met
        Of the entity.
    start_us, end_us : int
        Times of its first and last finding.
    """
    beside = [each for each in met if each.first_us <= end_us + BESIDE_US and each.last_us >= start_us - BESIDE_US]
    if not beside:
        return ()
    best = max(beside, key=lambda each: (each.confidence, -each.first_us, each.text))
    more = f"; and {len(beside) - 1} more" if len(beside) > 1 else ""
    points = round(INDICATOR * best.confidence / 100.0, 2)
    return (CasePart(kind="context", text=best.text + more, points=points),) if points else ()


def context_parts(known: Mapping[str, str]) -> tuple[CasePart, ...]:
    """Points for what the inventory says of an entity; attributes it does not know give none.

    Parameters
    ----------
    known : mapping
        Attributes by name: ``criticality``, ``privileged``, ``exposure``, ``intel``, ``edr_alert``.
    """
    found = [("criticality", CRITICALITY.get(known.get("criticality", "").strip().lower(), 0.0))]
    found += [(name, worth) for name, worth in FLAGS.items() if known.get(name, "").strip().lower() not in _NO]
    return tuple(
        CasePart(kind="context", text=f"{name.replace('_', ' ')}: {known[name]}", points=points)
        for name, points in found
        if points
    )
