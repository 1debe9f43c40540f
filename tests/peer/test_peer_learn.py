"""Groupings from week to week: hard facts, ids that stay, age before use, changes, and who may not form a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rarebit.core.peer import Grouping
from rarebit.core.time import DAY_US, WEEK_US, iso
from rarebit.model.peer_groups import Habits
from rarebit.peer.evidence import Evidence, token_code
from rarebit.peer.kinds import kinds_of
from rarebit.peer.learn import Facts, learn_grouping

MONDAY = 20_524 * DAY_US  # 2026-03-12 less 3 days; any day will do
TOKENS = 80


def evidence(roles: list[str], *, week: int = 2, system: str = "Windows 11", seed: int = 3) -> Evidence:
    """Hosts w0, w1, … with twelve programs of their role and ten of all; as many days as weeks passed."""
    rng = np.random.default_rng(seed)
    days = 7 * week
    start = {"office": 10, "plant": 25, "lab": 40}
    rows = []
    for host, role in enumerate(roles):
        for token in (*range(10), *(start[role] + np.arange(12)).tolist()):
            shown = rng.random(days) < 0.8
            shown[[0, days - 1]] = True
            rows.append((host, token, int(np.sum(1 << np.flatnonzero(shown)))))
    entity, token, mask = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    hours = np.zeros((len(roles), 168))
    for day in range(5):
        hours[:, 24 * day + 7 : 24 * day + 17] = 10.0
    return Evidence(
        entity_type="host",
        start_us=MONDAY,
        end_us=MONDAY + days * DAY_US - 1,
        names=[f"w{host}" for host in range(len(roles))],
        codes=np.arange(1, len(roles) + 1),
        habits=Habits(entity, token, mask, len(roles), TOKENS),
        token_codes=np.arange(1001, 1001 + TOKENS),
        programs=np.ones(TOKENS, np.bool_),
        hours=hours,
        systems=[system] * len(roles),
        visitors=np.ones(len(roles), np.int64),
        served={},
        kerberos=np.zeros(len(roles), np.int64),
    )


def names(_: str) -> pa.Table:
    return pa.table({"code": np.arange(1001, 1001 + TOKENS), "name": [f"p{n}.exe" for n in range(TOKENS)]})


def learn(doing: list[str], before: Grouping | None = None, *, week: int = 2, **facts: Any) -> Grouping:
    return learn_grouping(names, evidence(doing, week=week), Facts(**facts), before, MONDAY + week * WEEK_US)


OFFICE, PLANT = ["office"] * 30, ["plant"] * 20


def test_two_roles_are_two_groups_in_words() -> None:
    found = learn(OFFICE + PLANT)
    assert [(group.id, group.members) for group in found.groups] == [("host-1", 30), ("host-2", 20)]
    assert found.members["w0"] == "host-1"
    assert found.judged_by == found.members
    assert found.groups[0].label.startswith("workstation with p1")
    assert found.groups[0].reason.startswith("like 29 other workstations: same software (p1")
    assert found.groups[0].reason.endswith("same hours (07-16 UTC)")
    assert found.groups[0].since == iso(MONDAY)


def test_ids_and_labels_stay_from_week_to_week() -> None:
    first = learn(OFFICE + PLANT)
    second = learn(["office"] * 28 + ["plant"] * 22, first, week=3)
    assert {group.id: group.label for group in second.groups} == {group.id: group.label for group in first.groups}
    assert second.weeks["w0"] == 2
    assert second.changes == ()  # nobody was anywhere for long enough


def test_a_late_group_is_in_force_when_it_is_two_weeks_old() -> None:
    before = learn(OFFICE + PLANT)
    spread = ["office"] * 15 + ["lab"] * 15 + PLANT
    found = learn(spread, before, week=3)
    (young,) = [group for group in found.groups if group.id == "host-3"]
    assert not young.in_force
    assert found.members["w20"] == "host-3"
    assert found.judged_by["w20"] == "host-1"
    again = learn(spread, found, week=4)
    assert again.judged_by["w20"] == "host-1"


def test_one_host_that_turns_is_a_change_after_two_weeks() -> None:
    roles = ["office"] * 40 + ["plant"] * 30
    first = learn(roles)
    second = learn(roles, first, week=3)
    third = learn(["plant", *roles[1:]], second, week=4)
    (change,) = third.changes
    assert (change.entity, change.before, change.after, change.weeks) == ("w0", "host-1", "host-2", 2)
    assert change.fleet == 70
    assert change.tokens
    assert third.changed == 1
    assert third.chances == 70


def test_entities_left_out_join_groups_but_form_none() -> None:
    roles = OFFICE + ["lab"] * 20
    marked = frozenset(f"w{at}" for at in range(30, 50))
    assert len(learn(roles).groups) == 2
    found = learn(roles, left_out=marked)
    assert len(found.groups) == 1
    assert found.members["w40"] == "host-1"


def test_roles_of_the_inventory_are_hard_facts() -> None:
    roles = {f"w{at}": "kiosk" if at < 10 else "" for at in range(50)}
    found = learn(OFFICE + PLANT, roles=roles)
    assert {group.kind for group in found.groups} == {"kiosk", "workstation"}


def test_who_has_too_little_to_go_by_is_said() -> None:
    found = learn(OFFICE + PLANT, roles={"w1": "bastion"})
    assert found.ungrouped == {"w1": "there are fewer than 3 of its kind (bastion)"}


def test_controllers_by_tickets_or_by_who_comes_to_them() -> None:
    made = evidence(OFFICE + PLANT, system="Windows Server 2022")
    made.kerberos[3] = 500
    made.served.update({88: {4: 40, 5: 40}, 389: {4: 40}})
    assert [at for at, kind in enumerate(kinds_of(made, {})) if kind == "domain controller"] == [3, 4]


@pytest.mark.parametrize(
    ("system", "kind"),
    [("Windows Server 2019", "server"), ("Windows 10 Pro", "workstation"), ("Debian GNU/Linux 12", "linux host"),
     ("macOS", "mac"), ("Windows 10 IoT Enterprise", "embedded host"), ("", "host")],
)  # fmt: skip
def test_kinds_by_system(system: str, kind: str) -> None:
    assert set(kinds_of(evidence(OFFICE, system=system), {})) == {kind}


def test_kinds_of_accounts() -> None:
    made = evidence(["office"] * 4)
    codes = np.array([token_code("logon", kind) for kind in ("5", "2")])
    shown = Habits(np.array([0, 1, 1]), np.array([0, 0, 1]), np.ones(3, np.int64), 4, 2)
    accounts = Evidence(**{
        **vars(made), "entity_type": "user", "names": ["svc-a", "ann", "system", "*$"], "habits": shown,
        "token_codes": codes, "programs": np.zeros(2, np.bool_),
    })  # fmt: skip
    assert kinds_of(accounts, {}) == ["service account", "account", "built-in account", "machine account"]
