"""What rules, calendars and exclusions left out of a job's work, in words: a suppression hides, never silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rarebit.app.holds import hold_names
from rarebit.app.home import Home
from rarebit.core.errors import DefinitionError
from rarebit.core.job import Job
from rarebit.detect.care import added
from rarebit.detect.rules import Rule, rules_of


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule, event of a calendar, or exclusion left out since the job began."""

    by: str
    hidden: int
    """Findings that would have become records."""
    unlearnt: int
    """Observations judged and not learnt."""
    held_back: int
    """Events not looked at."""


def left_out(home: Home, job: Job, counts: Mapping[int, Sequence[int]]) -> tuple[LeftOut, ...]:
    """Counts by key as lines; every rule of the job has one, also where it did nothing yet."""
    names = _names(home, job)
    keys = [*names, *(key for key in counts if key not in names)]
    lines = []
    for key in keys:
        hidden, unlearnt, held_back = counts.get(key, (0, 0, 0))
        by = names.get(key, "what is no longer set")
        lines.append(LeftOut(by=by, hidden=hidden, unlearnt=unlearnt, held_back=held_back))
    return tuple(lines)


def counts_of(state: Mapping[str, NDArray[Any]]) -> dict[int, list[int]]:
    """Counts by key in a job's saved state."""
    tables = [
        np.asarray(array).tolist() for name, array in state.items() if name.startswith("r") and name.endswith(".care")
    ]
    return added([{key: counts for key, *counts in rows} for rows in tables])


def _names(home: Home, job: Job) -> dict[int, str]:
    try:
        rules = rules_of(job)
    except DefinitionError:
        rules = []  # such a job is refused, and validate says why
    return {rule.key: f"{rule.place} ({rule_text(rule)})" for rule in rules} | hold_names(home, job)


def rule_text(rule: Rule) -> str:
    """A rule in words: ``process.name on list known; actual gt 5: skip_result``."""
    parts = [f"{scope.field} {'on' if scope.include else 'not on'} list {scope.filter_id}" for scope in rule.scopes]
    parts += [f"{each.applies_to} {each.operator} {each.value:.12g}" for each in rule.conditions]
    actions = [
        name for name, does in (("skip_result", rule.skip_result), ("skip_model_update", rule.skip_learning)) if does
    ]
    return f"{'; '.join(parts)}: {', '.join(actions)}"
