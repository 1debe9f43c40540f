"""Learnt peer groups through the whole program: learnt once, the same however the events came, shown with reasons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rarebit.app.home import Home
from rarebit.app.peers import JOB, _record, list_peers, regroupings, show_peer
from rarebit.app.run import RunOptions, run
from rarebit.core.errors import NotFoundError, StateError
from rarebit.core.peer import PeerChange
from rarebit.core.result import Record
from rarebit.core.time import parse_time
from rarebit.maths.hashing import hash_text

OpenHome = Callable[[Path], AbstractContextManager[Home]]
OPTIONS = RunOptions(learn_until_us=parse_time("2026-10-08T00:00:00Z"))
LATER = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")


def _first_said(records: list[Record]) -> dict[str, dict[str, Any]]:
    return {r.id: {k: v for k, v in msgspec.to_builtins(r).items() if k not in LATER} for r in records}


def test_without_inventory_the_same_groups_and_records_in_two_runs_as_in_one(
    fleet: Path, tmp_path: Path, open_home: OpenHome
) -> None:
    days = sorted((fleet / "events").iterdir())
    with open_home(tmp_path / "one") as home:
        run(home, [fleet / "events"], OPTIONS)
        whole = _first_said(home.store.list_records()), home.store.groupings.list("host")
    for part in (days[:7], days[7:]):
        with open_home(tmp_path / "two") as home:
            run(home, part, OPTIONS)
    with open_home(tmp_path / "two") as home:
        assert home.store.groupings.list("host") == whole[1]
        assert _first_said(home.store.list_records()) == whole[0]
        judged = [level.peer_group for r in home.store.list_records() for level in r.explanation.levels]
        labels = {group.label for group in home.store.groupings.list("host")[0].groups}
        assert labels & set(judged)


def test_a_grouping_is_of_a_monday_and_its_hosts_are_judged_by_it(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        ((at_us, maps),) = regroupings(home)
        assert at_us == parse_time("2026-10-12T00:00:00Z")
        roles = home.inventory().peer_of()
        kinds = {
            line.id: show_peer(home, line.id).group.kind for line in list_peers(home) if line.entity_type == "host"
        }
        assert set(kinds.values()) <= set(roles.values())
        assert set(maps) == {"host.name", "user.name"}
        assert {hash_text(host) for host in roles} <= set(maps["host.name"])


def test_before_the_first_monday_it_is_said_that_there_are_none(tmp_path: Path, open_home: OpenHome) -> None:
    with open_home(tmp_path / "home") as home, pytest.raises(StateError, match="no peer groups yet"):
        list_peers(home)


def test_list_and_show(ran: Path, rarebit: Callable[..., Any]) -> None:
    lines = rarebit("peer", "list", "--home", ran, "--json").objects
    assert {"id", "members", "label", "reason", "since", "in_force"} <= lines[0].keys()
    page = rarebit("peer", "show", lines[0]["id"], "--home", ran, "--json").objects[0]
    assert len(page["members"]) == lines[0]["members"]
    shown = rarebit("peer", "show", lines[0]["id"], "--home", ran).out
    assert page["members"][0] in shown
    assert lines[0]["id"] in rarebit("peer", "list", "--home", ran).out
    assert rarebit("peer", "list", "--ungrouped", "--home", ran).code == 0
    assert rarebit("peer", "show", "host-99", "--home", ran).code == 2


def test_unknown_group(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home, pytest.raises(NotFoundError, match="host-99"):
        show_peer(home, "host-99")


def test_a_change_is_a_record_with_its_events(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        (grouping,) = home.store.groupings.list("host")
        first, last = grouping.groups[0], grouping.groups[-1]
        host = next(name for name, group in grouping.members.items() if group == last.id)
        program = home.lake.sql(
            f'SELECT "rarebit.process.name" AS n FROM events WHERE "rarebit.code.host.name" = {hash_text(host)} '
            "AND n IS NOT NULL"
        ).column("n")[0]
        change = PeerChange(
            entity=host, before=first.id, after=last.id, weeks=5, changes=2, chances=1890, fleet=38,
            tokens=(str(program),),
        )  # fmt: skip
        made = _record(home, grouping, change, 0)
    assert made.job_id == JOB
    assert made.probability == pytest.approx(2.5 / 1891)
    assert made.expected_per_week == pytest.approx(38 * 2.5 / 1891)
    assert made.event_ids
    assert made.explanation.change == change
    assert "started to look like" in made.explanation.sentence
    assert "2 such changes in 1,890 host-weeks before" in made.explanation.sentence
