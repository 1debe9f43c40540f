"""Killed at any moment and run again, the results are those of an undisturbed run; a second run adds nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rarebit.app.home import Home
from rarebit.app.memory import seen
from rarebit.app.run import RunOptions, run
from rarebit.core.time import parse_time

OpenHome = Callable[[Path], AbstractContextManager[Home]]
LEARN_UNTIL = "2026-10-08T00:00:00Z"
POINTS = {
    "lake written": "rarebit.lake.memory_files.MemoryFiles.commit",
    "memory written": "rarebit.app.run.learn_peers",
    "half of the peer groups learnt": "rarebit.app.peers._learn",
    "peer groups kept": "rarebit.app.run.open_stream",
    "state saved": "rarebit.app.run._keep",
    "one job kept": "rarebit.app.run.alerts_of",
    "results committed": "rarebit.app.run.regroup",
    "cases made": "rarebit.app.run._summary",
}
KILLED = """
import os, signal, sys
from importlib import import_module
module, _, name = sys.argv.pop(1).rpartition(".")
turns = int(sys.argv.pop(1))
outer, _, kind = module.rpartition(".")
place = getattr(import_module(outer), kind) if kind[0].isupper() else import_module(module)
reached = getattr(place, name)
def die(*args, **kwargs):
    global turns
    turns -= 1
    if turns <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return reached(*args, **kwargs)
setattr(place, name, die)
from rarebit.cli.main import main
main()
"""


def _arguments(fleet: Path, home: Path) -> list[str]:
    events, assets = str(fleet / "events"), str(fleet / "assets.csv")
    return ["run", events, "--home", str(home), "--assets", assets, "--learn-until", LEARN_UNTIL]


def _results(home: Home) -> dict[str, Any]:
    found = {
        "records": {record.id: record for record in home.store.list_records()},
        "alerts": {alert.id: alert for alert in home.store.list_alerts()},
        "cases": home.store.list_cases(),
        "events": home.lake.summary().events,
        "seen": seen(home, "*.exe", field="process.name"),
    }
    return dict(msgspec.to_builtins(found))


def _assert_mended(fleet: Path, home_path: Path, ran: Path, open_home: OpenHome, *, ended: bool = False) -> None:
    """``ended``: the first run came to its end, and so has told what is new in the cases."""
    with open_home(home_path) as home:
        home.import_assets(fleet / "assets.csv")
        run(home, [fleet / "events"], RunOptions(learn_until_us=parse_time(LEARN_UNTIL)))
        mended = _results(home)
    with open_home(ran) as home:
        undisturbed = _results(home)
    if ended:
        undisturbed["cases"] = [{**case, "changed": ""} for case in undisturbed["cases"]]
    assert mended == undisturbed


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point(point: str, fleet: Path, ran: Path, tmp_path: Path, open_home: OpenHome) -> None:
    turns = {"state saved": "3", "one job kept": "3", "half of the peer groups learnt": "2"}.get(point, "1")
    command = [sys.executable, "-c", KILLED, POINTS[point], turns, *_arguments(fleet, tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)  # noqa: S603 our own command
    assert done.returncode == -signal.SIGKILL, done.stderr
    _assert_mended(fleet, tmp_path / "home", ran, open_home)


@pytest.mark.parametrize("fraction", [0.4, 0.8])
def test_killed_at_any_time(fraction: float, fleet: Path, ran: Path, tmp_path: Path, open_home: OpenHome) -> None:
    command = [sys.executable, "-m", "rarebit.cli.main", *_arguments(fleet, tmp_path / "home")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:  # noqa: S603
        while not (tmp_path / "home" / "rarebit.db").exists() and running.poll() is None:
            time.sleep(0.01)
        time.sleep(2.0 * fraction)
        ended = running.poll() is not None
        running.kill()
    _assert_mended(fleet, tmp_path / "home", ran, open_home, ended=ended)


def test_a_second_run_adds_nothing(fleet: Path, ran: Path, ran_copy: Path, open_home: OpenHome) -> None:
    with open_home(ran_copy) as home:
        summary = run(home, [fleet / "events"], RunOptions(learn_until_us=parse_time(LEARN_UNTIL)))
        again = _results(home)
    assert (summary.events_new, summary.records, summary.alerts) == (0, 0, 0)
    assert summary.duplicates == summary.events_read
    assert all(case["changed"] == "" for case in again["cases"])
    with open_home(ran) as home:
        told = _results(home)
    told["cases"] = [{**case, "changed": ""} for case in told["cases"]]
    assert again == told
