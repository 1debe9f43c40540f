"""Records of the last weeks fused into ranked cases, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import numpy as np

from rarebit.app.clock import fleet_clock
from rarebit.app.edr_mark import marked
from rarebit.app.hide import sweep
from rarebit.app.home import Home
from rarebit.case.budget import Candidate, within_budget
from rarebit.case.context import Met
from rarebit.case.describe import Standing, case_of, record_ids_of
from rarebit.case.evidence import Floats, Guides, Signal, evidence_of, usable
from rarebit.case.fuse import Fused, expected_of, fuse, kind_of, tail_of
from rarebit.case.group import LONGEST_US, drafts_of
from rarebit.case.life import changed_by, comes_back, notices_of
from rarebit.case.trust import Trust
from rarebit.core.names import host_key
from rarebit.core.result import Case
from rarebit.core.time import DAY_US, parse_time
from rarebit.detect.catalog import catalog
from rarebit.maths.tail import score_of
from rarebit.model.talk import HISTORY_US, LAG_US

_WINDOW_US = 28 * DAY_US
KEPT_PER_WEEK = 100.0
"""What is expected more often than this is no case, not even one below the line."""
WITHDRAWN = "withdrawn"
"""State of a case whose records were taken in by a rollout, or by another case, before anybody judged it."""


def regroup(home: Home, budget: float, *, news: bool = True) -> list[Case]:
    """Make the cases of the last four weeks anew from their records; those opened before stay as they are.

    A record stays in the case it was told of under, so ids stay and nothing is reported twice. Without ``news`` no
    run has brought any: what the last one changed in a case is told as before.
    """
    last = fleet_clock(home)
    if last is None:
        return []
    start = last - _WINDOW_US
    held = {case.id: case for case in home.store.list_cases() if case.state != WITHDRAWN}
    signals = home.store.read_records(Signal, start_us=start - LONGEST_US - HISTORY_US - LAG_US)
    guides = _guides(home)
    hidden = sweep(home)
    found = _fused(home, signals, guides, held, hidden)
    recent = [item for item in found if item.opened_us >= start]
    chosen = within_budget([_candidate(item, held.get(item.id), budget, hidden) for item in recent], budget)
    order = sorted(range(len(recent)), key=lambda at: (not chosen[at], at))
    kept = [at for at in order if chosen[at] or recent[at].expected <= KEPT_PER_WEEK or recent[at].id in held]
    book = _Book(home, found, guides, held, budget)
    book.news = news
    book.fetch([recent[at] for at in kept])
    cases = [book.case(recent[at], rank, opened=chosen[at]) for rank, at in enumerate(kept, start=1)]
    cases = marked(home, cases, book.records)
    with home.store.transaction():
        home.store.put_cases([*cases, *_others(list(held.values()), cases, start)], book.reopened)
    return cases


def _guides(home: Home) -> Guides:
    guides = {job.job_id: job.guide for job in [*(e.job for e in catalog().values()), *home.store.list_jobs()]}
    return {name: (guide.tactics, guide.techniques) for name, guide in guides.items()}


def _fused(
    home: Home, signals: Sequence[Signal], guides: Guides, held: dict[str, Case], hidden: frozenset[str]
) -> list[Fused]:
    hosts = home.inventory().hosts
    watched = {"host": max(len(hosts), len({signal.entity_id for signal in signals if signal.entity_type == "host"}))}
    whose = {signal.id: signal.entity_id for signal in signals}
    told = {
        name: case.id
        for case in held.values()
        if case.budget > 0.0 or case.state == "closed"
        for name in case.record_ids
        if whose.get(name) == case.entity.id
    }
    trust = Trust(home.store.judgements.list(), told)
    evidence = evidence_of(list(filter(usable, signals)), tactics=guides, members=watched, trust=trust, hidden=hidden)
    addresses = {known["ip"]: name for name, known in hosts.items() if known.get("ip")}
    context = {signal.entity_id.lower(): hosts.get(host_key(signal.entity_id), {}) for signal in evidence.signals}
    met = _met(home)
    indicators = {signal.entity_id.lower(): met.get(host_key(signal.entity_id), []) for signal in evidence.signals}
    drafts = drafts_of(evidence, told)
    return fuse(drafts, watched=watched, addresses=addresses, context=context, indicators=indicators)


def _met(home: Home) -> dict[str, list[Met]]:
    """Matches with indicators that went through, by entity."""
    found: dict[str, list[Met]] = {}
    for match in home.store.matches.list(outcome="hit"):
        below = f" ({match.value})" if match.seen != match.value else ""
        text = f"indicator met: {match.field} {match.seen}{below}, by {', '.join(match.sources)}"
        text += f", confidence {match.confidence:.0f}"
        met = Met(parse_time(match.first), parse_time(match.last), match.confidence, text)
        found.setdefault(host_key(match.entity_id), []).append(met)
    return found


def _candidate(item: Fused, before: Case | None, budget: float, hidden: frozenset[str]) -> Candidate:
    if hidden and hidden.issuperset(record_ids_of(item)):
        return Candidate(opened_us=item.opened_us, expected=item.expected, strong=False)
    held = before is not None and before.state in ("open", "closed") and 0.0 < before.budget <= budget
    return Candidate(opened_us=item.opened_us, expected=item.expected, strong=item.strong, held=held)


class _Book:
    """Writes cases, with what was told of them before."""

    def __init__(self, home: Home, found: list[Fused], guides: Guides, held: dict[str, Case], budget: float) -> None:
        self._home, self._guides, self._held, self._budget = home, guides, held, budget
        self._tails = tail_of(found)
        self.records = home.store.records_by_id([])
        self.reopened: set[str] = set()
        self.news = True

    def fetch(self, items: Sequence[Fused]) -> None:
        """Read the records of cases."""
        self.records = self._home.store.records_by_id(sorted({name for item in items for name in record_ids_of(item)}))

    def case(self, item: Fused, rank: int, *, opened: bool) -> Case:
        """The case as it stands now."""
        before = self._held.get(item.id)
        name = item.drafts.evidence.names[item.drafts.entity[item.lead]][1]
        notices = before.notices if before else ()
        if (opened or (before is not None and before.state == "closed")) and (self.news or not notices):
            line = float(score_of(np.array([7.0 * self._budget]))[0])
            notices = notices_of(item, partial(self._scores, kind_of(item)), line, notices)
        back = comes_back(notices, before)
        changed = changed_by(notices, before) if opened or back else ""
        if before is not None and not self.news:
            changed = changed or before.changed
        if back:
            self.reopened.add(item.id)
            changed = f"reopened: {changed}"
        closed = before is not None and before.state == "closed" and not back
        first = before.budget if before else 0.0
        standing = Standing(
            rank=rank,
            state="closed" if closed else "open" if opened or back else "below",
            notices=notices,
            verdict=before.verdict if before else None,
            changed="" if closed else changed,
            budget=first or (self._budget if opened else 0.0),
        )
        known = self._home.inventory().get(name, item.opened_us)
        return case_of(item, self.records, standing, guides=self._guides, context=known)

    def _scores(self, kind: str, totals: Floats) -> Floats:
        return np.asarray(score_of(expected_of(self._tails, kind, totals)))


def _others(held: list[Case], cases: list[Case], start_us: int) -> list[Case]:
    """Cases that were not made anew: older ones rank after the new, those without a record left are withdrawn."""
    ids = {case.id for case in cases}
    rest = [case for case in held if case.id not in ids]
    older = [case for case in rest if parse_time(case.opened_at) < start_us]
    ranked = [
        msgspec.structs.replace(case, rank=place, changed="") for place, case in enumerate(older, start=len(cases) + 1)
    ]
    gone = [case for case in rest if parse_time(case.opened_at) >= start_us and case.state in ("open", "below")]
    return [*ranked, *(msgspec.structs.replace(case, state=WITHDRAWN, changed="") for case in gone)]
