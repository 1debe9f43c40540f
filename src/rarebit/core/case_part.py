"""What a case is made of: the share of each piece of evidence in its points, and the moments it was told of."""

from __future__ import annotations

import msgspec

from rarebit.core.verdict import Trusted


class CasePart(msgspec.Struct, frozen=True, kw_only=True):
    """One share of a case's points. The points of all parts add up to those of the case.

    For evidence, ``rate = 0.7 · (shape + own) / (shape / usual + weeks) + 0.3 · usual · noise``, ``probability =
    1 - exp(-rate · window_days / 7)`` and the points, before ``weight``, are ``ln 0.3 - 0.7 · ln probability``, at
    least 0 and at most 8. A part of kind ``evidence`` or ``second`` has the points that ``usual`` in place of
    ``rate`` gives; that of kind ``own rate`` beside it has the difference. One of kind ``verdicts`` has ``trust - 1``
    times what these two add up to.
    """

    kind: str
    """``evidence``, ``second``, ``own rate``, ``verdicts``, ``order``, ``context`` or ``joined``."""
    text: str
    points: float
    tactic: str = ""
    record_id: str = ""
    entity: str = ""
    """Of a joined entity: its name."""
    weight: float = 1.0
    usual: float = 0.0
    """Findings a week at least as extreme that a usual entity gives in the stream: fleet's number by entities."""
    own: int = 0
    """Such findings of this entity,"""
    weeks: float = 0.0
    """in so many weeks that ended a day before."""
    shape: float = 0.0
    """How much entities of the stream differ: shape of the gamma law of their rates."""
    noise: float = 0.0
    """How much this entity talks over all streams, as a multiple of the mean."""
    rate: float = 0.0
    window_days: float = 0.0
    probability: float = 0.0
    trusted: Trusted | None = None
    """Of kind ``verdicts``: what people said of cases with the same behaviour."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A moment at which a case deserved to be looked at: when it was opened, and at each material change."""

    time: str
    score: float
    tactics: tuple[str, ...]
    text: str
    """What changed: ``opened``, ``score rose from 52 to 71``, ``new tactic Lateral Movement``."""
