"""Peer groups learnt on a made fleet without any inventory, against the roles it was made of (T15).

The fleet's workstations run the software of their department, so the groups that foretell best are finer than the
roles. What must hold: they do not mix roles (a group stands for the role that most of its members have), and they
foretell the week after at least as well as the roles do. Where roles are all there is to find, they are found as they
are: ``tests/model/test_peer_groups.py``.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.core.time import DAY_US, HOUR_US, parse_time
from rarebit.model.peer_groups import Foretelling
from rarebit.peer.evidence import Evidence, gather
from rarebit.peer.learn import Facts, learn_grouping
from rarebit.simulate.fleet import FleetSettings, write_fleet

SETTINGS = FleetSettings(hosts=400, days=22, seed=11, start="2025-03-03", events_per_host_day=150.0, intrusions=())
"""Begins on a Monday."""
LEARNT, TOLD = 14, 21
"""Days learnt from, and the end of the days that are then foretold."""


def rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted Rand index of two divisions of the same things."""
    a, b = (np.unique(labels, return_inverse=True)[1] for labels in (first, second))
    both = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(both, (a, b), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    chance = pairs(both.sum(axis=1)) * pairs(both.sum(axis=0)) / pairs(np.array([a.size]))
    most = (pairs(both.sum(axis=1)) + pairs(both.sum(axis=0))) / 2
    return (pairs(both) - chance) / (most - chance)


def log_predictive(evidence: Evidence, groups: np.ndarray, rows: np.ndarray) -> float:
    """Of the week after, in nats a host, by the law of the rare model's levels."""
    habits = evidence.habits.of_tokens(evidence.programs)
    before, after = habits.within((1 << LEARNT) - 1), habits.within(((1 << TOLD) - 1) & ~((1 << LEARNT) - 1))
    numbers = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    return float(Foretelling(before.of(rows), after.of(rows)).log_likelihood(numbers).mean())


def _software(planted: tuple[str, str, str]) -> str:
    role, kind, department = planted
    return (department or "operations") if role == "workstation" else kind


@pytest.mark.proof
def test_planted_roles_are_learnt_and_foretell_at_least_as_well(tmp_path: Path) -> None:
    report = write_fleet(SETTINGS, tmp_path / "fleet", format="parquet")
    home = Home(tmp_path / "home")
    ingest(home, [tmp_path / "fleet" / "events"], mapping={}, since_us=None, until_us=None, progress=lambda *_: None)
    start = parse_time(SETTINGS.start)
    at_us = start + LEARNT * DAY_US
    learnt_from = gather(home.lake.sql, "host", start, at_us - 2 * HOUR_US)
    assert learnt_from is not None
    grouping = learn_grouping(home.lake.sql, learnt_from, Facts(), None, at_us)
    whole = gather(home.lake.sql, "host", start, start + TOLD * DAY_US)
    home.close()
    assert whole is not None
    with Path(report.assets).open() as file:
        planted = {row["host"]: (row["role"], row["kind"], row["department"]) for row in csv.DictReader(file)}
    rows = np.array([at for at, name in enumerate(whole.names) if name in grouping.members])
    names = [whole.names[at] for at in rows]
    groups = np.array([grouping.members[name] for name in names])
    roles = np.array([planted[name][0] for name in names])
    of = {group.id: group.kind for group in grouping.groups}
    told = {
        "learnt": log_predictive(whole, groups, rows),
        "hand-made roles": log_predictive(whole, roles, rows),
        "planted software": log_predictive(whole, np.array([_software(planted[name]) for name in names]), rows),
        "hard facts alone": log_predictive(whole, np.array([of[group] for group in groups]), rows),
        "one group": log_predictive(whole, np.zeros(rows.size), rows),
    }
    pure = {group: Counter(roles[groups == group]).most_common(1)[0][0] for group in set(groups)}
    index = rand_index(np.array([pure[group] for group in groups]), roles)
    whole_index = rand_index(groups, roles)
    print(f"\n{len(grouping.groups)} groups of {rows.size} hosts, {len(grouping.ungrouped)} without; ", end="")  # noqa: T201
    print(f"adjusted Rand index to the roles {index:.3f} by the role most have, {whole_index:.3f} as they are")  # noqa: T201
    for name, nats in told.items():
        print(f"{name:17s} {nats:9.2f} nats a host of the week after")  # noqa: T201
    assert index > 0.9
    assert told["learnt"] >= told["hand-made roles"]
