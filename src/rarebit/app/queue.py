"""The queue of one person: ranked cases against the budget, and what changed since they last said they had looked."""

from __future__ import annotations

import msgspec

from rarebit.app.accounts import now_us
from rarebit.app.home import Home
from rarebit.app.show import CASE_STATES
from rarebit.core.errors import InputError
from rarebit.core.people import Look, Seen
from rarebit.core.result import Case
from rarebit.core.time import iso

MOST = 2000
"""Open cases that a look remembers."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has in front of them."""

    state: str
    cases: tuple[Case, ...]
    more: bool
    """Whether there are cases beyond those given."""
    marks: dict[str, str]
    """Id of a case to what changed since the last look: ``new``, ``score 40 → 55``, ``12 → 14 events``."""
    gone: tuple[Case, ...]
    """Cases that were open at the last look and are no longer."""
    looked_at: str | None
    counts: dict[str, int]
    """Number of cases in each state."""
    budget_per_day: float | None
    """Of the last run; None before the first."""


def queue(home: Home, account: str, *, state: str = "open", start: int = 0, limit: int = 50) -> Queue:
    """Cases of a state by rank, from the one at ``start`` on.

    Raises
    ------
    InputError
        If there is no such state.
    """
    if state not in CASE_STATES:
        raise InputError(f"{state!r} is no state of a case", hint=f"One of {', '.join(CASE_STATES)}")
    found = home.store.list_cases(state=None if state == "all" else state, limit=start + limit + 1)[start:]
    last = home.store.looks.get(account)
    run = home.store.last_run()
    return Queue(
        state=state,
        cases=tuple(found[:limit]),
        more=len(found) > limit,
        marks={case.id: text for case in found[:limit] if last and (text := _mark(case, last.cases.get(case.id)))},
        gone=tuple(_gone(home, last)) if last and state == "open" and not start else (),
        looked_at=iso(last.at_us) if last else None,
        counts=home.store.looks.case_counts(),
        budget_per_day=float(run["budget_per_day"]) if run else None,
    )


def look(home: Home, account: str) -> None:
    """Note that a person has looked: from now on, changes are told against the cases as they are."""
    found = home.store.list_cases(state="open", limit=MOST)
    stand = {case.id: Seen(state=case.state, score=case.score, events=case.event_count) for case in found}
    home.store.looks.put(account, Look(at_us=now_us(), cases=stand))


def _mark(case: Case, before: Seen | None) -> str:
    if before is None:
        return "new" if case.state == "open" else ""
    parts = []
    if round(case.score) != round(before.score):
        parts.append(f"score {before.score:.0f} → {case.score:.0f}")
    if case.event_count != before.events:
        parts.append(f"{before.events} → {case.event_count} events")
    return ", ".join(parts)


def _gone(home: Home, last: Look) -> list[Case]:
    now_open = {case.id for case in home.store.list_cases(state="open")}
    if set(last.cases) <= now_open:
        return []
    return [case for case in home.store.list_cases() if case.id in last.cases and case.id not in now_open]
