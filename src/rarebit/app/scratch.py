"""A home to try things in: the events, lists and settings of another, and none of what was found there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rarebit.app.home import Home
from rarebit.app.run import DEFAULT_BUDGET, RunOptions
from rarebit.core.errors import StateError
from rarebit.core.time import parse_time

_LINKED: Final = (".parquet",)
"""Files that are never written again once they are there: a link to them is as good as a copy."""
_PASSED: Final = (".part", ".lock")
_COPIED: Final = ("assets.json", "rules.json")
_LARGE: Final = ("lake", "first-seen", "intel", "assets")


@contextmanager
def scratch_home(home: Home, place: Path | None = None) -> Iterator[Home]:
    """A home for trials, gone at the end; the first one is only read.

    Events and the first-seen memory are linked, not copied, where both lie on one file system. Jobs, filter lists,
    calendars, suppressions, verdicts, rules, inventory and indicators are the same. There is no result, no position
    and no account.

    Parameters
    ----------
    home : Home
        Whose events and settings are taken.
    place : Path, optional
        Directory in which it is made; the system's for temporary files if not given.

    Raises
    ------
    StateError
        If it cannot be made.
    """
    try:
        path = Path(tempfile.mkdtemp(prefix="rarebit-trial-", dir=place))
    except OSError as error:
        raise StateError(
            f"no room for a trial: {error}", where=str(place or tempfile.gettempdir()), hint="Choose another: --scratch"
        ) from error
    try:
        _fill(home.path, path)
        trial = Home(path)
        try:
            home.store.settings.copy_to(trial.store.settings)
            yield trial
        finally:
            trial.close()
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _fill(source: Path, target: Path) -> None:
    try:
        for name in _COPIED:
            if (source / name).exists():
                shutil.copyfile(source / name, target / name)
        for name in _LARGE:
            _mirror(source / name, target / name)
            _mirror(source / name, target / name)  # what a writer added meanwhile
    except OSError as error:
        raise StateError(
            f"the home cannot be taken over for a trial: {error}",
            where=str(source),
            hint="Choose a place with room, best on the same disk, with --scratch",
        ) from error


def _mirror(source: Path, target: Path) -> None:
    for folder, _, names in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not name.endswith(_PASSED) and not (here / name).exists():
                _take(Path(folder) / name, here / name)


def _take(source: Path, target: Path) -> None:
    if source.suffix not in _LINKED:
        shutil.copyfile(source, target)
        return
    try:
        target.hardlink_to(source)
    except FileNotFoundError:  # compacted away since it was listed; the log that is copied last does not name it
        return
    except OSError:
        shutil.copyfile(source, target)


def options_of(home: Home) -> RunOptions:
    """As the last run was: its jobs, its budget, and when most of its jobs began to tell."""
    last = home.store.last_run() or {}
    jobs = tuple(str(job["job_id"]) for job in last.get("jobs", []))
    ends = [str(job["learning_until"]) for job in last.get("jobs", []) if job.get("learning_until")]
    usual = max(sorted(set(ends)), key=ends.count, default=None)
    return RunOptions(
        jobs=jobs,
        budget=float(last.get("budget_per_day", DEFAULT_BUDGET)),
        learn_until_us=None if usual is None else parse_time(usual),
    )
