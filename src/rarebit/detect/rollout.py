"""Rollouts: one value seen first on many entities in one stretch of time is one item, not many.

A deployment and a worm look alike in counts. What tells them apart is who started the thing and who signed it: a
trusted signer or a parent that has deployed before makes the item informational; a parent used for remote execution
and no trusted signature raises it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rarebit.core.names import normal_name
from rarebit.detect.stream import JobStream

REMOTE_PARENTS: Final = frozenset(
    {"services.exe", "wmiprvse.exe", "psexesvc.exe", "wsmprovhost.exe", "winrshost.exe", "mmc.exe", "sshd"}
)
"""Processes through which Windows and Linux start programs for somebody on another machine."""
INFORMATIONAL: Final = 1000.0
"""Expected records a week given to a rollout that is explained; its score is 0."""


@dataclass(frozen=True)
class Spread:
    """One stretch of first sights that became a rollout."""

    lead_id: int
    """Id code of the first event of the first finding: it stands for all."""
    other_ids: tuple[int, ...]
    joined: int
    first_us: int
    last_us: int


@dataclass(frozen=True)
class Verdict:
    """What a rollout is worth, and why."""

    expected: float
    reason: str


def spreads(stream: JobStream, index: int) -> dict[tuple[int, int], Spread]:
    """Rollouts among a job's recent findings, by value code and start of the stretch."""
    recent = stream.recent(index)
    recent = recent[stream.in_rollout(index, recent)]
    found: dict[tuple[int, int], list[int]] = {}
    for row in range(recent.size):
        found.setdefault((int(recent["value"][row]), int(recent["window_us"][row])), []).append(row)
    made = {}
    for key, rows in found.items():
        part = recent[rows]
        made[key] = Spread(
            lead_id=int(part["id"][0]),
            other_ids=tuple(int(code) for code in part["id"][1:]),
            joined=stream.joined(index, key)[0],
            first_us=int(part["window_us"][0]),
            last_us=stream.joined(index, key)[1],
        )
    return made


def verdict(about: Spread, *, parent: str, trusted: bool | None, expected: float) -> Verdict:
    """Judge a rollout by its parent and signature.

    Parameters
    ----------
    about : Spread
        The stretch.
    parent : str
        Name of the parent process of the first event.
    trusted : bool or None
        Whether the signature is trusted; None where the sensor does not say.
    expected : float
        Expected records a week of the first finding alone.
    """
    remote = normal_name(parent) in REMOTE_PARENTS
    if trusted:
        return Verdict(INFORMATIONAL, "a trusted signature: looks like a rollout")
    if remote:
        return Verdict(expected / max(1, about.joined), "started through remote execution without a trusted signature")
    if trusted is None:
        return Verdict(INFORMATIONAL, "spread like a rollout")
    return Verdict(expected, "without a trusted signature")
