"""The page of tuning: what could be hidden, with its measured effect, and what verdicts have changed."""

from __future__ import annotations

import time
from threading import Lock

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from rarebit.app.home import Home
from rarebit.app.tune import LEAST_US, Tuning, tune
from rarebit.app.verdicts import effects
from rarebit.core.time import DAY_US, iso
from rarebit.web.access import home_of
from rarebit.web.answer import Data, answer, plain, wants_json


class Proposals:
    """The last proposals, and the state of the installation they are of: to mine them takes a while.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = Lock()
        self._of: object = None
        self._found: Tuning | None = None
        self._at_us = 0

    def look(self) -> None:
        """Mine them, unless nothing has changed since the last time."""
        with self._lock:
            of = self._state()
            if self._found is None or of != self._of:
                self._found, self._of, self._at_us = tune(self._home), of, time.time_ns() // 1000

    def page(self) -> Data:
        """The last ones, when they were mined, and whether more is known by now."""
        found, at_us, of = self._found, self._at_us, self._of
        if found is None:
            return {"tuning": None, "looked_at": None, "stale": False}
        return {"tuning": plain(found), "looked_at": iso(at_us), "stale": of != self._state()}

    def _state(self) -> object:
        store = self._home.store
        stands = [each.id for each in store.suppressions.list() if each.stands]
        said = [(each.case_id, each.verdict) for each in store.judgements.list()]
        return self._home.lake.version(), store.list_positions(), stands, said


def tuning_page(request: Request) -> Response:
    """Proposals of what to hide, and what verdicts do."""
    return _page(request)


def look_for_proposals(request: Request) -> Response:
    """Mine the findings for what could be hidden; nothing is changed."""
    proposals: Proposals = request.app.state.proposals
    proposals.look()
    return _page(request) if wants_json(request) else RedirectResponse("/tuning", 303)


def _page(request: Request) -> Response:
    home, proposals = home_of(request), request.app.state.proposals
    standing = [each for each in home.store.suppressions.list() if each.stands]
    least_days = LEAST_US / DAY_US - 1
    data: Data = proposals.page() | {
        "effects": plain(effects(home)),
        "standing": len(standing),
        "least_days": least_days,
    }
    return answer(request, "tuning.html", data)
