"""What people said cases were, and the behaviours they said it of."""

from __future__ import annotations

from typing import Final

import msgspec

VERDICTS: Final = ("true", "benign", "false", "unsure")
"""An intrusion or what should not be; it happened and is fine; nothing of the kind happened; nobody knows yet."""
WORTHLESS: Final = ("benign", "false")
"""Verdicts after which the same behaviour deserves less of people's time."""


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What a finding is about, whoever shows it: its detector, and the value or count that was odd."""

    job_id: str
    detector_index: int
    thing: str
    """In lower case: ``odd.exe``, ``many failed logons``."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict on a case: by whom, when, why, and on which behaviours; a later one takes its place."""

    case_id: str
    verdict: str
    actor: str
    at_us: int
    note: str = ""
    behaviours: tuple[Behaviour, ...] = ()
    """Those that gave the case its points."""


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """Cases called true, and cases called benign or false."""

    true: int = 0
    not_true: int = 0


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """What verdicts say of a behaviour.

    With ``all = (1 + true) / (2 + true + not_true)`` over all cases, ``detector = (10 · all + true) / (10 + true +
    not_true)`` over those with a finding of the detector, and ``same = (2 · detector + true) / (2 + true + not_true)``
    over those with this behaviour, ``trust = same / all``, at least 0.25 and at most 1.5: means of Beta laws, each
    drawn to the one above it.
    """

    same: Verdicts
    detector: Verdicts
    all: Verdicts
    trust: float
