"""Proposals of what to hide: benign clusters among the findings of four weeks, with their measured effect."""

from __future__ import annotations

import shlex
import time
from functools import cache
from typing import Final

import msgspec
import numpy as np

from rarebit.app.attacks import bank, confirmed
from rarebit.app.clock import fleet_clock
from rarebit.app.findings import complete, findings
from rarebit.app.hide import hidden_by
from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.app.run import require_events
from rarebit.core.fields import CODED, NORMAL, TIME
from rarebit.core.names import NORMAL_FORM
from rarebit.core.suppression import Proposal
from rarebit.core.time import DAY_US, iso
from rarebit.maths.hashing import hash_text
from rarebit.query import literal
from rarebit.query.columns import text_sql
from rarebit.tune.attributes import OF_EVENT, Attributes
from rarebit.tune.propose import MEASURED_US, MINED_US, propose

LEAST_US: Final = 14 * DAY_US
"""Findings of less time say too little: a week to mine, and a week to measure."""
EXPIRES_US: Final = 90 * DAY_US


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is proposed."""

    proposals: tuple[Proposal, ...]
    findings: int
    """Of the last four weeks that count and are not suppressed."""
    last_week: int
    """Of these, those of the week the proposals are measured on."""
    days: float
    """How long there have been any; proposals need 14."""


def tune(home: Home, *, progress: Progress = silent) -> Tuning:
    """Mine the findings of three weeks, and measure on the last.

    Raises
    ------
    StateError
        If nothing has been read yet.
    """
    require_events(home)
    clock = fleet_clock(home) or 0
    start = clock - MINED_US - MEASURED_US
    hidden = hidden_by(home)
    found = [each for each in findings(home, start) if each.counts and each.id not in hidden and each.time_us <= clock]
    days = (clock - min((each.time_us for each in found), default=clock)) / DAY_US
    times = np.array([each.time_us for each in found], np.int64)
    recent = int((times > clock - MEASURED_US).sum())
    if days * DAY_US < LEAST_US - DAY_US:
        return Tuning(proposals=(), findings=len(found), last_week=recent, days=days)
    progress("tuning", 0, 3)
    complete(home, found)
    progress("tuning", 1, 3)
    numbers: dict[tuple[str, str], int] = {}
    entity = np.array([numbers.setdefault(each.entity, len(numbers)) for each in found], np.int64)
    known = confirmed(home, found)
    proposals = propose(
        [each.attributes for each in found],
        times,
        entity,
        clock_us=clock,
        replays=bank(),
        confirmed=[each.attributes for each in found if each.id in known],
        width=_Width(home, start),
    )
    progress("tuning", 3, 3)
    expires = iso(time.time_ns() // 1000 + EXPIRES_US)[:10]
    told = [
        msgspec.structs.replace(
            each, sentence=found[each.example].sentence, expires=expires, command=_command(each.where)
        )
        for each in proposals
    ]
    return Tuning(proposals=tuple(told), findings=len(found), last_week=recent, days=days)


class _Width:
    """Share of all events of the four weeks that meet what a pattern asks of events."""

    def __init__(self, home: Home, start_us: int) -> None:
        self._home, self._start_us = home, start_us
        self._share = cache(self._counted)

    def __call__(self, pattern: Attributes) -> float:
        """The share; what is no field of an event is passed over, so that it is never less than the truth."""
        asked = [_condition(name, value) for name, value in pattern.items() if name in OF_EVENT and _kept(name)]
        return self._share(" AND ".join(asked) or "TRUE")

    def _counted(self, condition: str) -> float:
        since = f"{literal.identifier(TIME)} >= {literal.time(self._start_us)}"
        row = self._home.lake.sql(
            f"SELECT count(*) FILTER (WHERE {condition}) AS met, count(*) AS whole FROM events WHERE {since}"
        ).to_pylist()[0]
        return float(row["met"]) / max(int(row["whole"]), 1)


def _kept(name: str) -> bool:
    """Whether the lake keeps the normal form of a field, or it has none."""
    return name in CODED or name in NORMAL or name not in NORMAL_FORM


def _condition(name: str, value: str) -> str:
    if name in CODED:
        return f"{literal.identifier(CODED[name])} = {hash_text(value)}"
    if name in NORMAL:
        return f"{literal.identifier(NORMAL[name])} = {literal.string(value)}"
    return f"{text_sql(name)} = {literal.string(value)}"


def _command(where: Attributes) -> str:
    asked = " ".join(f"--where {shlex.quote(f'{name}={value}')}" for name, value in where.items())
    return f"rarebit suppress add {asked} --reason '…'"
