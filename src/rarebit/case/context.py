"""What is known of an entity besides its findings, as log-odds that are added and shown; never multiplied into p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rarebit.core.case_part import CasePart

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
