"""How well the installation sees, shown on every page: worked out once for each state of lake and jobs."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any

from fastapi import Request

from rarebit.app.home import Home
from rarebit.app.status import Status, status


class Sight:
    """The last status, and the state it is of.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = Lock()
        self._of: object = None
        self._status: Status | None = None

    def status(self) -> Status:
        """The status of now."""
        with self._lock:
            store = self._home.store
            of = (self._home.lake.version(), store.list_positions(), [job.job_id for job in store.list_jobs()])
            if self._status is None or of != self._of:
                self._status, self._of = status(self._home), of
            return self._status


def status_of(request: Request) -> Status:
    """Status of the installation that is served."""
    sight: Sight = request.app.state.sight
    return sight.status()


def sight_of(request: Request) -> dict[str, Any]:
    """The line of every page: number of jobs by state, events, and the newest event."""
    found = status_of(request)
    return {
        "jobs": dict(Counter(job.state for job in found.jobs)),
        "events": found.events,
        "last": found.last,
        "trouble": found.files_with_trouble,
    }
