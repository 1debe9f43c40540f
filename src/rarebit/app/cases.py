"""Records of the last weeks regrouped into ranked cases, within the budget."""

from __future__ import annotations

import msgspec

from rarebit.app.home import Home
from rarebit.case.group import LONGEST_US, RECORDS_FROM, case_of, drafts_of, rank, within_budget
from rarebit.core.result import Case
from rarebit.core.time import DAY_US
from rarebit.detect.catalog import catalog
from rarebit.maths.tail import score_of

_WINDOW_US = 28 * DAY_US
WITHDRAWN = "withdrawn"
"""State of a case whose records were taken in by a rollout, or by another case, before anybody judged it."""


def regroup(home: Home, budget: float) -> list[Case]:
    """Make the cases anew from the records of the last four weeks; ids stay, so nothing is reported twice."""
    last = home.lake.summary().last_us
    if last is None:
        return []
    floor = float(score_of(RECORDS_FROM))
    records = home.store.list_records(start_us=last - _WINDOW_US - LONGEST_US, min_score=floor)
    ranked = rank(drafts_of(records))
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
    ids = {case.id for case in cases}
    gone = [
        msgspec.structs.replace(case, state=WITHDRAWN)
        for case in home.store.list_cases()
        if case.id not in ids and case.state in ("open", "below")
    ]
    with home.store.transaction():
        home.store.put_cases([*cases, *gone])
    return cases
