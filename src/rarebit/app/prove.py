"""What this installation has been worth, measured on the site's own data."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.app.inject import SEED, inject
from rarebit.app.learning import learning_until
from rarebit.app.progress import Progress, silent
from rarebit.app.proof_blind import blindness
from rarebit.app.proof_evidence import completeness
from rarebit.app.run import require_events
from rarebit.app.scratch import options_of
from rarebit.app.trace import shapes
from rarebit.app.worth import judged_worth
from rarebit.core.fields import CODED, TIME
from rarebit.core.proof import EdrWorth, Promise, Proof
from rarebit.core.result import Case
from rarebit.core.time import DAY_US, HOUR_US, WEEK_US, iso, parse_time
from rarebit.core.trial import Trial
from rarebit.maths.poisson import poisson_interval
from rarebit.output.page import proof_html
from rarebit.query import literal

_LEVELS: Final = (0.1, 1.0, 10.0)
"""Cases expected no more often than this a week are counted."""
LONGEST_US: Final = 28 * DAY_US
"""Cases are made of the last four weeks, and the rest is not looked at."""


def prove(
    home: Home, *, replay: bool = True, seed: int = SEED, place: Path | None = None, progress: Progress = silent
) -> Proof:
    """Measure cost, worth and blindness over the time that jobs have told, four weeks at most; nothing is changed.

    Parameters
    ----------
    home : Home
        Only read.
    replay : bool
        Replay every shape of intrusion in a scratch home, which runs everything anew.
    seed : int
        Of whom the replays are played by.
    place : Path, optional
        Where the scratch home is made.

    Raises
    ------
    StateError
        If nothing has been read yet.
    """
    require_events(home)
    options = options_of(home)
    clock = fleet_clock(home) or 0
    start = max(learning_until(home, options.learn_until_us, live=False), clock - LONGEST_US)
    days = max(clock - start, 0) / DAY_US
    held = [case for case in home.store.list_cases() if start <= parse_time(case.opened_at) <= clock]
    opened = [case for case in held if case.budget > 0.0 and case.state in ("open", "closed")]
    hosts, events = _heard(home, start)
    trial = _replayed(home, seed, place, progress) if replay else None
    progress("proving", 0, 3)
    quiet, weeks = _quiet_weeks(opened, start, clock)
    blind = blindness(home, start, clock)
    progress("proving", 1, 3)
    found = Proof(
        made_at=iso(int(time.time() * 1e6)),
        start=iso(start),
        end=iso(clock),
        days=days,
        events=events,
        hosts=hosts,
        budget_per_day=options.budget,
        cases=len(opened),
        cases_per_day=len(opened) / max(days, 1.0),
        cases_per_day_per_1000_hosts=len(opened) / max(days, 1.0) / max(hosts, 1) * 1000.0,
        judged=dict(sorted(Counter(case.verdict for case in opened if case.verdict).items())),
        edr=edr_worth(home.store.sensors.count(), opened),
        trial=trial,
        weeks=weeks,
        quiet_weeks=sum(end - begin for begin, end in quiet) / WEEK_US,
        promises=_promises(held, quiet),
        blind=blind,
        evidence=completeness(home, opened),
    )
    progress("proving", 3, 3)
    return judged_worth(found)


def _replayed(home: Home, seed: int, place: Path | None, progress: Progress) -> Trial:
    return inject(home, shapes((), seed), seed=seed, place=place, progress=progress)


def _heard(home: Home, start_us: int) -> tuple[int, int]:
    """Hosts and events since a time."""
    code, at = literal.identifier(CODED["host.name"]), literal.identifier(TIME)
    row = home.lake.sql(
        f"SELECT count(DISTINCT {code}) FILTER (WHERE {code} <> 0) AS hosts, count(*) AS events FROM events "
        f"WHERE {at} >= {literal.time(start_us)}"
    ).to_pylist()[0]
    return int(row["hosts"]), int(row["events"])


def proof_page(found: Proof) -> str:
    """The proof as HTML in one file that asks for nothing from outside."""
    return proof_html(found)


def edr_worth(alerts: int, cases: Sequence[Case]) -> EdrWorth:
    """Cases beside what sensors saw; ``alerts`` are those kept of sensors."""
    watched = [case for case in cases if alerts and case.edr_view is not None and case.edr_view.sensor == "seen"]
    marks = Counter(case.edr for case in watched)
    leads = [
        case.edr_view.seconds_after * 1e6 / HOUR_US
        for case in watched
        if case.edr == "same" and case.edr_view is not None and case.edr_view.seconds_after is not None
    ]
    return EdrWorth(
        alerts=alerts,
        cases=len(watched),
        silent=marks["none"],
        partial=marks["partial"],
        same=marks["same"],
        unknown=len(cases) - len(watched),
        earlier=sum(lead > 0.0 for lead in leads),
        lead_hours=float(np.median(leads)) if leads else None,
    )


def _quiet_weeks(opened: Sequence[Case], start_us: int, end_us: int) -> tuple[list[tuple[int, int]], float]:
    """Stretches of a week, counted back from the end, without a case that was called true; and all of them."""
    true = [parse_time(case.opened_at) for case in opened if case.verdict == "true"]
    spans = []
    end = end_us
    while end > start_us:
        spans.append((max(start_us, end - WEEK_US), end))
        end -= WEEK_US
    quiet = [(begin, end) for begin, end in spans if not any(begin <= at <= end for at in true)]
    return quiet, sum(end - begin for begin, end in spans) / WEEK_US


def _promises(held: Sequence[Case], quiet: Sequence[tuple[int, int]]) -> tuple[Promise, ...]:
    weeks = sum(end - begin for begin, end in quiet) / WEEK_US
    inside = [
        case.expected_per_week
        for case in held
        if case.state in ("open", "closed", "below")
        and any(begin <= parse_time(case.opened_at) <= end for begin, end in quiet)
    ]
    made = []
    for level in _LEVELS:
        counted = sum(expected <= level for expected in inside)
        low, high = poisson_interval(counted)
        made.append(
            Promise(expected_per_week=level, promised=level * weeks, counted=counted, low=low, high=high)
        )  # fmt: skip
    return tuple(made)
