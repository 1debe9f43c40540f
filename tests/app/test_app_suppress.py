"""Suppressions: hide and come back, expire, refuse what is broad, end when far more comes, and never delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rarebit.alert.rules import alerts_of
from rarebit.app import show, suppress
from rarebit.app.cases import regroup
from rarebit.app.hide import burst, sweep
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.app.verdicts import give_verdict
from rarebit.core.errors import ConflictError, InputError
from rarebit.core.influencer import Influencer
from rarebit.core.job import Detector, Job
from rarebit.core.result import Record
from rarebit.core.suppression import Suppression
from rarebit.core.time import DAY_US, HOUR_US, WEEK_US, iso, parse_time

START = parse_time("2025-10-05T08:00:00Z")
WHERE = {"process.name": "agent.exe", "user.name": "svc-deploy"}
MakeRecord = Callable[..., Record]
JOB = Job(job_id="j", detectors=(Detector(function="rare", by_field_name="process.name"),))


@pytest.fixture
def home(
    tmp_path: Path,
    open_home: Callable[[Path], AbstractContextManager[Home]],
    write_events: Callable[[Path, Any], Path],
    make_record: MakeRecord,
) -> Iterator[Home]:
    """Six hosts on which a service account started an agent, and one on which a person started something odd."""
    with open_home(tmp_path / "home") as opened:
        events = [{"@timestamp": iso(START + 10 * DAY_US), "message": "now"}] + [
            {
                "@timestamp": iso(START + n * DAY_US), "event": {"id": f"event-{n}"},
                "process": {
                    "name": "agent.exe", "executable": "C:\\Program Files\\Agent\\agent.exe",
                    "parent": {"name": "deployer.exe"},
                    "code_signature": {"subject_name": "Contoso", "trusted": True},
                },
            }
            for n in range(6)
        ]  # fmt: skip
        ingest(opened, [write_events(tmp_path / "events.ndjson", events)])
        by = (Influencer(influencer_field_name="user.name", influencer_field_values=("svc-deploy",)),)
        agents = [
            make_record(n, START + n * DAY_US, value="agent.exe", entity_id=f"ws{n}", influencers=by) for n in range(6)
        ]
        odd = make_record(99, START + 9 * DAY_US, value="odd.exe", entity_id="ws99", expected=2.0)
        opened.store.put_records([*agents, odd])
        opened.store.put_alerts(alerts_of(JOB, [*agents, odd], from_score=25.0))
        regroup(opened, 10.0)
        yield opened


def _points(home: Home) -> dict[str, float]:
    return {case.entity.id: case.points for case in home.store.list_cases()}


def test_what_is_suppressed_gives_no_points_and_no_alert_and_comes_back(home: Home) -> None:
    before, records = _points(home), home.store.list_records()
    assert before["ws1"] > 0.0
    new, effect = suppress.add(home, WHERE, reason="roll-out", owner="ann")
    assert (effect.findings, effect.entities, effect.days, effect.confirmed) == (6, 6, 6, ())
    assert {shift.entity for shift in effect.shifts} == {f"ws{n}" for n in range(6)}
    after = _points(home)
    assert [after[f"ws{n}"] for n in range(6)] == [0.0] * 6
    assert [case.entity.id for case in show.cases(home)] == ["ws99"]
    alerts, hidden = show.alerts(home)
    assert ([alert.entity_id for alert in alerts], hidden) == (["ws99"], 6)
    assert len(show.alerts(home, suppressed=True)[0]) == 7
    assert home.store.list_records() == records  # nothing is deleted
    (listed,) = suppress.listed(home)
    assert (listed.state, listed.hits.findings, listed.hits.last_us) == ("stands", 6, START + 5 * DAY_US)
    suppress.remove(home, new.id, actor="bob")
    assert _points(home) == before
    assert show.alerts(home)[1] == 0
    assert [entry.action for entry in home.store.list_audit(f"suppression {new.id}")] == ["suppress remove", "suppress"]
    assert [(each.state, each.suppression.removed_by) for each in suppress.listed(home, every=True)] == [
        ("removed", "bob")
    ]
    with pytest.raises(InputError, match="taken back"):
        suppress.remove(home, new.id, actor="bob")


def test_a_preview_changes_nothing(home: Home) -> None:
    before = _points(home)
    effect = suppress.preview(home, WHERE)
    assert effect.findings == 6
    assert effect.weekly == pytest.approx(6 / effect.weeks)
    assert effect.weekly_low < effect.weekly < effect.weekly_high
    assert (_points(home), suppress.listed(home, every=True)) == (before, [])
    assert sweep(home) == frozenset()


def test_what_a_record_has_makes_a_pattern_with_what_its_event_tells(home: Home) -> None:
    pattern = suppress.pattern_of(home, [], f"{1:020x}")
    assert pattern == {
        "process.code_signature.subject_name": "Contoso",
        "process.executable": "c:\\program files\\agent\\agent.exe",
        "process.parent.name": "deployer.exe",
        "user.name": "svc-deploy",
    }
    assert suppress.preview(home, pattern).findings == 6
    chosen = suppress.pattern_of(home, ["user.name", "process.name=Agent.exe"], f"{1:020x}")
    assert chosen == WHERE
    with pytest.raises(InputError, match=r"no dns\.question"):
        suppress.pattern_of(home, ["dns.question.name"], f"{1:020x}")
    for wrong in ([], ["user.name"], ["=x"], ["user.name="]):
        with pytest.raises(InputError):
            suppress.pattern_of(home, wrong, None)


def test_what_is_broad_or_confirmed_is_refused(home: Home) -> None:
    with pytest.raises(InputError, match="vouches"):
        suppress.add(home, {"process.name": "agent.exe"}, reason="x", owner="ann")
    with pytest.raises(InputError, match="replayed attacks"):
        suppress.add(home, {"process.parent.name": "w3wp.exe"}, reason="x", owner="ann")
    suppress.add(home, {"process.name": "agent.exe"}, reason="x", owner="ann", broad=True)
    with pytest.raises(ConflictError):
        suppress.add(home, {"process.name": "agent.exe"}, reason="x", owner="ann", broad=True)
    with pytest.raises(InputError, match="say why"):
        suppress.add(home, WHERE, reason=" ", owner="ann")
    odd = next(case for case in home.store.list_cases() if case.entity.id == "ws99")
    give_verdict(home, odd.id, "true", actor="ann")
    with pytest.raises(InputError, match="called true"):
        suppress.add(home, {"process.name": "odd.exe"}, reason="x", owner="ann", broad=True)


def test_after_it_expires_nothing_new_is_hidden_and_what_was_stays_so(home: Home, make_record: MakeRecord) -> None:
    new, _ = suppress.add(home, WHERE, reason="roll-out", owner="ann")
    home.store.suppressions.put(msgspec.structs.replace(new, expires_us=START + 8 * DAY_US))
    by = (Influencer(influencer_field_name="user.name", influencer_field_values=("svc-deploy",)),)
    later = [make_record(n, START + n * DAY_US, value="agent.exe", entity_id=f"ws{n}", influencers=by) for n in (7, 8)]
    home.store.put_records(later)
    assert {int(name, 16) for name in sweep(home)} == {0, 1, 2, 3, 4, 5, 7}
    assert suppress.listed(home)[0].state == "expired"


def test_one_that_meets_far_more_than_before_ends_by_itself(home: Home, make_record: MakeRecord) -> None:
    new, _ = suppress.add(home, WHERE, reason="roll-out", owner="ann")
    home.store.suppressions.put(msgspec.structs.replace(new, from_us=START + 6 * DAY_US))
    by = (Influencer(influencer_field_name="user.name", influencer_field_values=("svc-deploy",)),)
    home.store.put_records(
        [
            make_record(200 + n, START + 9 * DAY_US + n * HOUR_US, value="agent.exe", entity_id=f"w{n}", influencers=by)
            for n in range(20)
        ]
    )
    assert sweep(home) == frozenset()
    (ended,) = suppress.listed(home, every=True)
    assert ended.state == "ended"
    assert ended.suppression.ended.startswith("20 findings in 4.0 days")
    assert home.store.list_audit(f"suppression {new.id}")[0].action == "suppress end"


def test_a_burst_is_beyond_three_standard_deviations() -> None:
    held = Suppression(
        id="s", where=WHERE, reason="", owner="", created_us=0, expires_us=0, from_us=0, weekly=40.0, weeks=4.0
    )
    week = WEEK_US
    assert burst(held, [0] * 60, week) == ""  # 40 + 3 · √(40 + 10) = 61.2
    assert burst(held, [0] * 62, week) == "62 findings in 7.0 days, where 40.0 were usual"
    assert burst(msgspec.structs.replace(held, weekly=0.0), [0] * 4, week) == ""
