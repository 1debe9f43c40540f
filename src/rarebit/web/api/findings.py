"""Cases, alerts, records, and the events behind them."""

from __future__ import annotations

from fastapi import Request, Response

from rarebit.app import listing, show, verdicts
from rarebit.core.errors import InputError
from rarebit.core.result import Alert, Case, Record
from rarebit.core.verdict import VERDICTS
from rarebit.web.access import actor_of, home_of
from rarebit.web.api.forms import EventList, NewVerdict
from rarebit.web.api.parts import asked, body_as, one, paged, tell, unchanged
from rarebit.web.body import int_of

SOURCE = ("source", "suppressed")


def cases(request: Request) -> Response:
    """Cases by when they were opened, of every state."""
    return paged(request, listing.cases(home_of(request)), Case, sight=True)


def case(request: Request) -> Response:
    """One case."""
    asked(request)
    return tell(request, _case(request))


def _case(request: Request) -> Case:
    return one(request, "case", home_of(request).store.get_case)


def judge(request: Request) -> Response:
    """Say what a case was, close it, or open it again; with ``If-Match``, only if it is as it was seen."""
    asked(request)
    home, told, held = home_of(request), body_as(request, NewVerdict), _case(request)
    unchanged(request, held)
    actor, standing = actor_of(request), verdicts.standing_of(held)
    if told.verdict in ("close", "reopen"):
        state = "closed" if told.verdict == "close" else "open"
        given = verdicts.settle(
            home, held.id, state=state, verdict=None, actor=actor, standing=standing, note=told.note
        )
    elif told.verdict in VERDICTS:
        given = verdicts.give_verdict(home, held.id, told.verdict, actor=actor, standing=standing, note=told.note)
    else:
        raise InputError(f"{told.verdict[:20]!r} is no verdict", hint=f"One of {', '.join(VERDICTS)}, close, reopen")
    return tell(request, given)


def alerts(request: Request) -> Response:
    """Alerts by their time: of rules, of sensors (``source=edr``), or ``all``; hidden ones with ``suppressed=true``."""
    args = asked(request, request.query_params.keys())
    source, hidden = args.get("source", "rules"), args.get("suppressed", "false")
    if source not in show.ALERT_SOURCES or hidden not in ("true", "false"):
        raise InputError(
            "the source or suppressed cannot be read",
            hint=f"source is one of {', '.join(show.ALERT_SOURCES)}; suppressed is true or false",
        )
    read = listing.alerts(home_of(request), source=source, suppressed=hidden == "true")
    return paged(request, read, Alert, more=SOURCE, sight=True)


def alert(request: Request) -> Response:
    """One alert."""
    asked(request)
    return tell(request, _alert(request))


def _alert(request: Request) -> Alert:
    return one(request, "alert", home_of(request).store.get_alert)


def records(request: Request) -> Response:
    """Records by the time of their first event."""
    return paged(request, listing.records(home_of(request)), Record, sight=True)


def record(request: Request) -> Response:
    """One record with the counts it rests on."""
    asked(request)
    return tell(request, _record(request))


def _record(request: Request) -> Record:
    return one(request, "record", home_of(request).store.get_record)


def case_events(request: Request) -> Response:
    """Events behind a case, oldest first."""
    limit = _limit(request)
    return _events(request, show.events(home_of(request), case_id=_case(request).id, limit=limit + 1), limit)


def alert_events(request: Request) -> Response:
    """Events behind an alert, oldest first."""
    limit = _limit(request)
    return _events(request, show.events(home_of(request), alert_id=_alert(request).id, limit=limit + 1), limit)


def record_events(request: Request) -> Response:
    """Events behind a record, oldest first."""
    limit = _limit(request)
    return _events(request, show.events(home_of(request), record_id=_record(request).id, limit=limit + 1), limit)


def _limit(request: Request) -> int:
    return int_of(asked(request, ("limit",)).get("limit", 100), "limit", least=1, most=listing.MOST)


def _events(request: Request, found: list[dict[str, object]], limit: int) -> Response:
    return tell(request, EventList(items=found[:limit], more=len(found) > limit))
