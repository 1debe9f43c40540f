"""Pages of the work: the queue, a case, and the verdict on it."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from rarebit.app import queue, show, verdicts
from rarebit.app.home import Home
from rarebit.app.suppress import hidden_of
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.event_line import event_line
from rarebit.core.result import Case
from rarebit.core.verdict import VERDICTS
from rarebit.web.access import actor_of, form_of, home_of, key_of
from rarebit.web.answer import Data, answer, done, plain, wants_json
from rarebit.web.elastic.about import info
from rarebit.web.sight import status_of

_PAGE = 50
_EVENTS = 12
_REASONS = 20


def start_page(request: Request) -> Response:
    """The queue is where work begins; a program is told what answers here."""
    if key_of(request) is not None:
        return info(request)
    return RedirectResponse("/queue", 307)


def queue_page(request: Request, state: str = "open", page: int = 1) -> Response:
    """Ranked cases against the budget, and what changed."""
    page = max(1, min(page, 100_000))
    found = queue.queue(home_of(request), actor_of(request), state=state, start=(page - 1) * _PAGE, limit=_PAGE)
    data: Data = plain(found)
    return answer(
        request, "queue.html", data | {"page_number": page, "states": list(show.CASE_STATES)} | _sight(request)
    )


def _sight(request: Request) -> Data:
    found = status_of(request)
    return {"events": found.events, "jobs": plain(found.jobs)}


def look(request: Request) -> Response:
    """From now on, changes are told against the queue as it is."""
    queue.look(home_of(request), actor_of(request))
    return RedirectResponse("/queue", 303)


def case_page(request: Request, case_id: str) -> Response:
    """One case, so that it can be judged without opening anything else."""
    home = home_of(request)
    case = show.case(home, case_id)
    found = show.events(home, case_id=case.id, limit=_EVENTS + 1)
    before, after = _neighbours(home, case)
    data: Data = {
        "case": plain(case),
        "hidden": [
            {"count": count, "id": held.id, "owner": held.owner, "reason": held.reason}
            for held, count in hidden_of(home, case).values()
        ],
        "judgement": plain(home.store.judgements.get(case.id)),
        "standing": verdicts.standing_of(case),
        "reasons": [_reason(home, reason) for reason in plain(case.reasons)[:_REASONS]],
        "events": [{"line": plain(event_line(event)), "event": event} for event in found[:_EVENTS]],
        "more_events": len(found) > _EVENTS,
        "next_steps": show.next_steps(home, case),
        "history": plain(home.store.list_audit(f"case {case.id}")),
        "verdicts": list(VERDICTS),
        "previous": before,
        "following": after,
    }
    return answer(request, "case.html", data)


def _reason(home: Home, reason: dict[str, Any]) -> dict[str, Any]:
    """A reason with the record it is of, whose counts stand below it."""
    try:
        record = home.store.get_record(reason["id"])
    except NotFoundError:
        return reason | {"record": None}
    return reason | {"record": plain(record)}


def _neighbours(home: Home, case: Case) -> tuple[str, str]:
    """Ids of the open cases before and after by rank."""
    ranks = [(held.rank, held.id) for held in home.store.list_cases(state="open") if held.id != case.id]
    before = [name for rank, name in ranks if rank < case.rank]
    after = [name for rank, name in ranks if rank > case.rank]
    return before[-1] if before else "", after[0] if after else ""


def give_verdict(request: Request, case_id: str) -> Response:
    """Say what a case was, close it, or open it again."""
    form, home, actor = form_of(request), home_of(request), actor_of(request)
    asked, standing = form.get("verdict", ""), form.get("standing")
    if asked in ("close", "reopen"):
        state = "closed" if asked == "close" else "open"
        given = verdicts.settle(home, case_id, state=state, verdict=None, actor=actor, standing=standing)
    elif asked:
        note = form.get("note", "").strip()
        given = verdicts.give_verdict(home, case_id, asked, actor=actor, standing=standing, note=note)
    else:
        raise InputError("say what the case was", hint=f"One of {', '.join(VERDICTS)}, close, reopen")
    if wants_json(request):
        return answer(request, "case.html", {"case": plain(given.case), "shifts": plain(given.shifts)})
    return done(
        request, f"/cases/{given.case.id}", f"{verdicts.standing_of(given.case)}: {verdicts.shift_text(given.shifts)}"
    )
