"""Drafts scored, joined and ranked: how often a week this site would give a case as strong by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from rarebit.case.context import Met, context_parts, indicator_parts
from rarebit.case.evidence import Evidence, Floats
from rarebit.case.group import Drafts
from rarebit.case.join import OTHERS, joins
from rarebit.case.parts import own_parts
from rarebit.core.case_part import CasePart
from rarebit.model.calibrate import TailCalibrator

ALONE_PER_WEEK: Final = 10.0
"""A finding expected more often than this a week in its stream is weak: alone it opens no case."""
RARER: Final = 10.0
"""No case is called rarer than once in so many times as long as the site has been watched."""


@dataclass(frozen=True, eq=False)
class Fused:
    """A case to be: the draft that leads it, those joined to it, and what all of it adds up to."""

    drafts: Drafts
    lead: int
    joined: tuple[int, ...]
    through: tuple[tuple[str, str, float], ...]
    extra: tuple[CasePart, ...]
    """Points of context and of joined entities."""
    total: float
    expected: float = 0.0
    """Cases a week at least as strong."""
    strong: bool = True
    """Whether it may be opened: more than one finding, or one that is strong by itself."""

    @property
    def parts(self) -> tuple[CasePart, ...]:
        """Everything that its points are made of."""
        return (*own_parts(self.drafts, self.lead), *self.extra)

    @property
    def id(self) -> str:
        """Id of the case."""
        return self.drafts.id_of(self.lead)

    @property
    def opened_us(self) -> int:
        """Time of its first finding."""
        return int(self.drafts.begin_us[self.lead])


def fuse(
    drafts: Drafts,
    *,
    watched: Mapping[str, int],
    addresses: Mapping[str, str],
    context: Mapping[str, Mapping[str, str]],
    indicators: Mapping[str, Sequence[Met]] | None = None,
) -> list[Fused]:
    """Drafts joined and scored, the most surprising first.

    Parameters
    ----------
    drafts : Drafts
        Stretches of single entities.
    watched : mapping
        How many entities of each type are watched.
    addresses : mapping
        Host by address, for joins through a source address.
    context : mapping
        What the inventory says of hosts, by name in lower case.
    indicators : mapping, optional
        Indicators that entities met, by name in lower case.
    """
    found = []
    for joined in joins(drafts, watched=watched, addresses=addresses):
        lead = joined.lead
        name = drafts.evidence.names[drafts.entity[lead]][1].lower()
        met = (indicators or {}).get(name, ())
        known = context_parts(context.get(name, {}))
        known += indicator_parts(met, int(drafts.begin_us[lead]), int(drafts.last_us[lead]))
        extra = (*known, *map(partial(_joined_part, drafts), joined.others, joined.through))
        total = float(drafts.total[lead]) + sum(part.points for part in extra)
        found.append(Fused(drafts, lead, joined.others, joined.through, extra, total))
    return _ranked(found)


def tail_of(found: list[Fused]) -> dict[str, TailCalibrator]:
    """For each class of cases the tail of the site's own."""
    made: dict[str, TailCalibrator] = {}
    ordered = sorted(found, key=lambda item: (item.opened_us, item.lead))
    for kind in sorted({kind_of(item) for item in found}):
        part = [item for item in ordered if kind_of(item) == kind]
        totals, times = np.array([item.total for item in part]), np.array([item.opened_us for item in part], np.int64)
        made[kind] = TailCalibrator()
        made[kind].learn(np.exp(-totals), times)
    return made


def kind_of(item: Fused) -> str:
    """Class by which it is calibrated: type of the entity that leads it."""
    return str(item.drafts.evidence.names[item.drafts.entity[item.lead]][0])


def expected_of(tails: Mapping[str, TailCalibrator], kind: str, totals: Floats) -> Floats:
    """Cases a week at least as strong (float64[n]): of one class, times the number of classes, for each has its own."""
    least = 1.0 / (RARER * max(float(tails[kind].health()["weeks"]), 1.0 / 7.0))
    return np.asarray(np.maximum(tails[kind].final(np.exp(-totals)), least) * len(tails), np.float64)


def _ranked(found: list[Fused]) -> list[Fused]:
    tails = tail_of(found)
    made: list[Fused] = []
    for kind in tails:
        part = [item for item in found if kind_of(item) == kind]
        expected = expected_of(tails, kind, np.array([item.total for item in part]))
        made += [_finished(item, value) for item, value in zip(part, expected.tolist(), strict=True)]
    return sorted(made, key=lambda item: (item.expected, -item.total, item.opened_us, item.lead))


def _finished(item: Fused, expected: float) -> Fused:
    drafts, evidence = item.drafts, item.drafts.evidence
    best = drafts.best(item.lead)
    told = best[evidence.points[drafts.window[item.lead]][best] > 0.0]
    kinds = {(int(evidence.tactic[row]), int(evidence.family[row])) for row in told}
    loud = any(evidence.signals[row].expected_per_week <= ALONE_PER_WEEK for row in told)
    strong = bool(item.joined) or len(kinds) > 1 or loud
    return replace(item, expected=expected, strong=strong)


def _joined_part(drafts: Drafts, other: int, through: tuple[str, str, float]) -> CasePart:
    evidence: Evidence = drafts.evidence
    kind, name = evidence.names[drafts.entity[other]]
    worth = max(float(drafts.total[other]), 0.0)
    return CasePart(
        kind="joined",
        text=f"half of the {worth:.1f} points of {kind} {name}, joined through {through[0]} {through[1]}",
        points=round(OTHERS * worth, 2),
        entity=name,
    )
