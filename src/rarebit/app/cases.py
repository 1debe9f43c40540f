"""Records of the last weeks regrouped into ranked cases, within the budget."""

from __future__ import annotations

import msgspec

from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.case.group import LONGEST_US, RECORDS_FROM, case_of, drafts_of, rank, within_budget
from rarebit.core.result import Case
from rarebit.core.time import DAY_US, parse_time
from rarebit.detect.catalog import catalog
from rarebit.maths.tail import score_of

_WINDOW_US = 28 * DAY_US
WITHDRAWN = "withdrawn"
"""State of a case whose records were taken in by a rollout, or by another case, before anybody judged it."""


def regroup(home: Home, budget: float) -> list[Case]:
    """Make the cases of the last four weeks anew from their records; those opened before stay as they are.

    A record stays in the case it was told of under, so ids stay and nothing is reported twice.
    """
    last = fleet_clock(home)
    if last is None:
        return []
    held = [case for case in home.store.list_cases() if case.state != WITHDRAWN]
    start = last - _WINDOW_US
    records = home.store.list_records(start_us=start - LONGEST_US, min_score=float(score_of(RECORDS_FROM)))
    told = {name: case.id for case in held for name in case.record_ids}
    ranked = rank([draft for draft in drafts_of(records, told) if draft.opened_us >= start])
    chosen = within_budget(ranked, budget)
    guides = {job.job_id: job.guide for job in [*(e.job for e in catalog().values()), *home.store.list_jobs()]}
    attack = {name: (guide.tactics, guide.techniques) for name, guide in guides.items()}
    inventory = home.inventory()
    order = sorted(range(len(ranked)), key=lambda at: (not chosen[at], at))
    cases = [
        case_of(
            ranked[at][0],
            rank=place,
            expected=ranked[at][1],
            opened=chosen[at],
            attack=attack,
            context=inventory.get(ranked[at][0].host),
        )
        for place, at in enumerate(order, start=1)
    ]
    with home.store.transaction():
        home.store.put_cases([*cases, *_others(held, cases, start)])
    return cases


def _others(held: list[Case], cases: list[Case], start_us: int) -> list[Case]:
    """Cases that were not made anew: older ones rank after the new, those without a record left are withdrawn."""
    ids = {case.id for case in cases}
    rest = [case for case in held if case.id not in ids]
    older = [case for case in rest if parse_time(case.opened_at) < start_us]
    ranked = [msgspec.structs.replace(case, rank=place) for place, case in enumerate(older, start=len(cases) + 1)]
    gone = [case for case in rest if parse_time(case.opened_at) >= start_us and case.state in ("open", "below")]
    return [*ranked, *(msgspec.structs.replace(case, state=WITHDRAWN) for case in gone)]
