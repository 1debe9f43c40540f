"""What a draft's points are made of, each share with the numbers it can be recomputed from."""

from __future__ import annotations

import msgspec
import numpy as np

from rarebit.case.evidence import WINDOWS_US, Evidence, chance, worth
from rarebit.case.group import Drafts
from rarebit.case.stages import NOWHERE, tactic_name
from rarebit.core.case_part import CasePart
from rarebit.core.time import DAY_US
from rarebit.core.verdict import Trusted
from rarebit.model.windows_kernel import PAIR, SECOND


def own_parts(drafts: Drafts, draft: int) -> tuple[CasePart, ...]:
    """Shares of a draft's own points: per tactic the best finding, half of one of another family, and the order.

    Where verdicts make evidence count more or less, what that changes is a share of its own.
    """
    evidence, window = drafts.evidence, int(drafts.window[draft])
    best = chosen(drafts, draft)
    parts = [part for row, weight in best for part in _finding_parts(evidence, row, weight, window)]
    places = [(int(evidence.tactic[row]), int(evidence.time_us[row])) for row, weight in best if weight == 1.0]
    return (*parts, *_order_part(places))


def chosen(drafts: Drafts, draft: int) -> list[tuple[int, float]]:
    """Rows that a draft's points come from, with their weights, the strongest first."""
    evidence = drafts.evidence
    rows = drafts.best(draft)
    points = evidence.points[int(drafts.window[draft])][rows]
    order = np.argsort(-points, kind="stable")
    first: dict[int, int] = {}
    found: list[tuple[int, float]] = []
    seconds: set[int] = set()
    for row in rows[order][points[order] > 0.0].tolist():
        tactic, family = int(evidence.tactic[row]), int(evidence.family[row])
        if tactic not in first:
            first[tactic] = family
            found.append((row, 1.0))
        elif tactic not in seconds and family != first[tactic]:
            seconds.add(tactic)
            found.append((row, SECOND))
    return found


def _finding_parts(evidence: Evidence, row: int, weight: float, window: int) -> list[CasePart]:
    talk, signal = evidence.talk, evidence.signals[row]
    usual, rate = float(talk.usual[row]), float(talk.rate[row])
    by_usual, by_rate = (float(worth(chance(np.array([value]), WINDOWS_US[window]))[0]) for value in (usual, rate))
    place = int(evidence.tactic[row])
    name = tactic_name(place) or "no tactic"
    half = "" if weight == 1.0 else ", half as a second of its tactic"
    kind = "evidence" if weight == 1.0 else "second"
    whole, shown = round(weight * by_rate, 2), round(weight * by_usual, 2)
    first = CasePart(
        kind=kind,
        text=f"{name}: {signal.thing}{half}",
        points=shown,
        tactic=tactic_name(place),
        record_id=signal.id,
        weight=weight,
        usual=usual,
        own=int(talk.own[row]),
        weeks=float(talk.weeks[row]),
        shape=float(talk.shape[row]),
        noise=float(talk.noise[row]),
        rate=rate,
        window_days=WINDOWS_US[window] / DAY_US,
        probability=float(chance(np.array([rate]), WINDOWS_US[window])[0]),
    )
    made = [first]
    if round(whole - shown, 2):
        own = f"{first.own} such in the {first.weeks:.1f} weeks before: {rate / usual:.2g} times the usual rate"
        made.append(msgspec.structs.replace(first, kind="own rate", text=own, points=round(whole - shown, 2)))
    trusted = evidence.trusted[row]
    change = round(weight * by_rate * trusted.trust - whole, 2) if trusted else 0.0
    if trusted and change:
        text = _told(trusted)
        made.append(msgspec.structs.replace(first, kind="verdicts", text=text, points=change, trusted=trusted))
    return made


def _told(trusted: Trusted) -> str:
    counts = (f"{what} {part.true} true, {part.not_true} not" for what, part in (
        ("the same", trusted.same), ("its detector", trusted.detector), ("all", trusted.all)
    ))  # fmt: skip
    return f"verdicts on {'; '.join(counts)}: counts {trusted.trust:.2g} times"


def _order_part(places: list[tuple[int, int]]) -> list[CasePart]:
    known = sorted((at, place) for place, at in places if place != NOWHERE)
    pairs = [(left, right) for i, left in enumerate(known) for right in known[i + 1 :] if left[0] < right[0]]
    along = sum(left[1] < right[1] for left, right in pairs)
    against = len(pairs) - along
    if along == against:
        return []
    text = f"{along} pairs of tactics in the order of the kill chain, {against} against it"
    return [CasePart(kind="order", text=text, points=round(PAIR * (along - against), 2))]
