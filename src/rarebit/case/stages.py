"""Tactics along the kill chain: which one a finding speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import yaml

from rarebit.model.windows_kernel import TACTICS

CHAIN: Final = (
    "Reconnaissance",
    "Resource Development",
    "Initial Access",
    "Execution",
    "Persistence",
    "Privilege Escalation",
    "Defense Evasion",
    "Credential Access",
    "Discovery",
    "Lateral Movement",
    "Collection",
    "Command and Control",
    "Exfiltration",
    "Impact",
)
"""ATT&CK's tactics in the order in which intrusions mostly go."""
NOWHERE: Final = TACTICS - 1
"""Number of what has no tactic."""
_PLACES: Final = {name: place for place, name in enumerate(CHAIN)}
_PROGRAMS: Final = ("process.name", "process.executable", "process.parent.name")


def tactic_of(field: str | None, value: str | None, tactics: tuple[str, ...]) -> int:
    """Place in the chain of a finding: that of the program it is about, else the first of its job's tactics.

    Parameters
    ----------
    field, value : str, optional
        What was rare: ``process.name`` and ``whoami.exe``.
    tactics : tuple of str
        Those of the job.
    """
    if field in _PROGRAMS and value:
        known = _programs().get(value.lower().replace("\\", "/").rpartition("/")[2])
        if known is not None:
            return known
    return next((_PLACES[name] for name in tactics if name in _PLACES), NOWHERE)


def tactic_name(place: int) -> str:
    """Name of a place in the chain; empty for :data:`NOWHERE`."""
    return CHAIN[place] if place < len(CHAIN) else ""


@cache
def _programs() -> Mapping[str, int]:
    text = resources.files("rarebit.content").joinpath("tactics").joinpath("programs.yaml").read_text("utf-8")
    return {name.lower(): _PLACES[tactic] for tactic, names in yaml.safe_load(text).items() for name in names}
