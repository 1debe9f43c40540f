"""``--keep``: old days of events go, what was learnt and found stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Rarebit = Callable[..., Any]


def test_old_days_are_dropped_and_results_stay(rarebit: Rarebit, fleet: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    assert rarebit("run", fleet / "events", *home).code == 0
    before = rarebit("record", "list", "--json", *home).objects
    days = rarebit("status", "--json", *home).objects[0]["days"]
    done = rarebit("run", fleet / "assets.csv", "--keep", "2d", *home)
    assert "dropped" in done.err
    status = rarebit("status", "--json", *home).objects[0]
    assert status["days"] <= 3 < days
    assert rarebit("record", "list", "--json", *home).objects == before
    assert all(job["state"] != "never ran" for job in status["jobs"])


def test_less_than_a_day_is_refused(rarebit: Rarebit, fleet: Path, tmp_path: Path) -> None:
    done = rarebit("run", fleet / "events", "--keep", "3h", "--home", tmp_path / "home")
    assert done.code == 2
    assert "--keep" in done.err
