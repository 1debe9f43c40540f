"""A plain word for what an installation is worth, by rules that are printed beside it."""

from __future__ import annotations

from typing import Final

import msgspec

from rarebit.core.proof import Proof

ENOUGH_DAYS: Final = 14.0
MOSTLY: Final = 0.5
"""Replayed attacks of which more must become cases, and cases of which more must be complete."""
_SILENT: Final = 0.25
"""Share of the cases on watched hosts of which the EDR said nothing, from which that speaks for it."""


def judged_worth(found: Proof) -> Proof:
    """The proof with its word: ``little`` where what counts speaks against it, ``much`` where nothing does.

    ``little``: fewer than two weeks told of, at most half of the replayed attacks became cases, no case and no
    replay, or more cases came in quiet weeks than the promise allows by twice. ``much``: none of these, attacks were
    replayed, and nothing else speaks against it. Else ``some``.
    """
    hard, soft, good = _hard(found), _soft(found), _good(found)
    clear = found.trial is not None and not soft
    word = "little" if hard else "much" if clear else "some"
    return msgspec.structs.replace(found, worth=word, speaks_for=tuple(good), speaks_against=(*hard, *soft))


def played(found: Proof) -> int:
    """Attacks that could be replayed."""
    return sum(each.outcome != "not played" for each in found.trial.injected) if found.trial else 0


def became(found: Proof) -> int:
    """Replayed attacks that became cases within the budget."""
    return sum(each.outcome == "case" for each in found.trial.injected) if found.trial else 0


def _hard(found: Proof) -> list[str]:
    made = []
    if found.days < ENOUGH_DAYS:
        made.append(f"only {found.days:.1f} days were told of: two weeks is the least that says anything")
    if found.trial is not None and became(found) <= MOSTLY * played(found):
        made.append(f"only {became(found)} of {played(found)} replayed attacks became cases within the budget")
    if found.trial is None and not found.cases:
        made.append("no case was opened, and no attack was replayed to show that one would have been")
    made += [
        f"of cases expected {each.expected_per_week:g} a week or less {each.counted} came in quiet weeks, "
        f"{each.promised:.1f} were promised"
        for each in found.promises
        if each.low > 2.0 * each.promised
    ]
    return made


def _soft(found: Proof) -> list[str]:
    made, edr, blind, proof = [], found.edr, found.blind, found.evidence
    if not edr.alerts:
        made.append("no alerts of an EDR are read, so nobody knows what it saw of these cases")
    elif edr.cases and edr.silent < _SILENT * edr.cases:
        made.append(f"the EDR told of {edr.cases - edr.silent} of {edr.cases} cases by itself")
    if "authentication" in blind.absent:
        made.append("no logons are read: the use of stolen accounts leaves nothing to see")
    if blind.detectors:
        made.append(f"{len(blind.detectors)} of {len(blind.detectors) + blind.able} detectors that run cannot fire")
    if blind.hosts:
        made.append(f"{len(blind.hosts)} hosts cannot be seen")
    if proof.cases and proof.complete <= MOSTLY * proof.cases:
        made.append(f"only {proof.complete} of {proof.cases} cases carry everything they say")
    return made


def _good(found: Proof) -> list[str]:
    made, edr = [], found.edr
    if edr.silent and edr.silent >= _SILENT * edr.cases:
        made.append(f"the EDR was silent in {edr.silent} of {edr.cases} cases on hosts it watches")
    if edr.lead_hours is not None and edr.lead_hours > 0.0:
        made.append(f"where the EDR saw the same, its alert came {edr.lead_hours:.1f} hours later in the median")
    if found.trial is not None and became(found) > MOSTLY * played(found):
        made.append(f"{became(found)} of {played(found)} replayed attacks became cases within the budget")
    if found.judged.get("true"):
        made.append(f"{found.judged['true']} cases were called true")
    if found.evidence.cases and found.evidence.complete == found.evidence.cases:
        made.append(f"all {found.evidence.cases} cases carry their events, parents and counts")
    return made
