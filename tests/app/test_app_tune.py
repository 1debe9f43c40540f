"""Proposals of an installation: mined from its records, told with what they do, and applied as they are told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rarebit.app import suppress
from rarebit.app.cases import regroup
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.app.tune import tune
from rarebit.core.influencer import Influencer
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

START = parse_time("2025-10-06T00:00:00Z")


def test_a_cluster_is_proposed_applied_and_not_proposed_again(
    tmp_path: Path,
    open_home: Callable[[Path], AbstractContextManager[Home]],
    write_events: Callable[[Path, Any], Path],
    make_record: Callable[..., Record],
    rarebit: Callable[..., Any],
) -> None:
    by = (Influencer(influencer_field_name="user.name", influencer_field_values=("svc-deploy",)),)
    with open_home(tmp_path / "home") as home:
        events = [{"@timestamp": iso(START + 28 * DAY_US), "message": "now"}]
        ingest(home, [write_events(tmp_path / "events.ndjson", events)])
        home.store.put_records(
            [
                make_record(
                    n, START + (7 * n + 1) * HOUR_US, value="agent.exe", entity_id=f"ws{n % 12}", influencers=by
                )
                for n in range(96)
            ]
            + [make_record(900 + n, START + n * DAY_US, entity_id=f"ws{n}") for n in range(28)]
        )
        found = tune(home)
        (proposal,) = found.proposals
        assert (proposal.where["user.name"], proposal.where["process.name"]) == ("svc-deploy", "agent.exe")
        assert proposal.removed == 24
        assert proposal.before == 72
        assert proposal.weekly_low < 24 < proposal.weekly_high
        assert proposal.command.startswith("rarebit suppress add --where ")
        _, effect = suppress.add(home, proposal.where, reason="roll-out", owner="ann")
        assert effect.findings >= 96
        regroup(home, 10.0)
        assert tune(home).proposals == ()
    assert "nothing to propose" in rarebit("tune", "--home", tmp_path / "home").err


def test_two_weeks_are_needed(rarebit: Callable[..., Any], ran: Path) -> None:
    done = rarebit("tune", "--home", ran)
    assert (done.code, done.out) == (0, "")
    assert "too few" in done.err
