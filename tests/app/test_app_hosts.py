"""One host: what every job knows of it; rules, which read the lake too, are no jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rarebit.app.home import Home
from rarebit.app.hosts import show_host


def test_a_host_is_shown_with_the_jobs_that_know_it(
    ran: Path, open_home: Callable[[Path], AbstractContextManager[Home]]
) -> None:
    with open_home(ran) as home:
        host = next(record.entity_id for record in home.store.list_records() if record.entity_type == "host")
        shown = show_host(home, host)
        assert any(not position.state_name for position in home.store.list_positions())
    assert shown.records > 0
    assert {job.state for job in shown.jobs} <= {"learning", "usable", "mature"}
    assert shown.jobs
