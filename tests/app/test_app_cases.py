"""Cases from run to run: stable ids, verdicts that stay, cases withdrawn, and none reported twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rarebit.app import show
from rarebit.app.cases import WITHDRAWN, regroup
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.app.verdicts import give_verdict, judge
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

MakeRecord = Callable[..., Record]
START = parse_time("2025-10-05T08:00:00Z")
MAIN = "v3_rare_process_by_host_windows"


@pytest.fixture
def home(tmp_path: Path, open_home: Callable[[Path], AbstractContextManager[Home]]) -> Iterator[Home]:
    with open_home(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def reach(home: Home, tmp_path: Path, write_events: Callable[[Path, Any], Path]) -> Callable[[int], None]:
    """Lets the telemetry reach a time."""

    def to(at_us: int) -> None:
        ingest(home, [write_events(tmp_path / f"{at_us}.ndjson", [{"@timestamp": iso(at_us), "message": str(at_us)}])])

    return to


Reach = Callable[[int], None]


def test_a_verdict_stays_over_later_runs_and_the_case_does_not_come_back(
    home: Home, reach: Reach, make_record: MakeRecord
) -> None:
    reach(START + 6 * HOUR_US)
    home.store.put_records([make_record(1, START)])
    (case,) = regroup(home, 10.0)
    closed = judge(home, case.id, state="closed", verdict="benign", actor="ann")
    assert (closed.state, closed.verdict) == ("closed", "benign")
    home.store.put_records([make_record(2, START + HOUR_US)])
    regroup(home, 10.0)
    (kept,) = home.store.list_cases()
    assert (kept.id, kept.state, kept.verdict) == (case.id, "closed", "benign")
    assert len(kept.record_ids) == 2
    audited = home.store.list_audit()
    assert [(entry.actor, entry.target) for entry in audited] == [("ann", f"case {case.id}")]


def test_a_verdict_must_be_one_of_the_words(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    reach(START)
    home.store.put_records([make_record(1, START)])
    (case,) = regroup(home, 10.0)
    with pytest.raises(InputError, match="One of true, benign, false, unsure"):
        judge(home, case.id, state="closed", verdict="perhaps", actor="ann")


def test_a_case_whose_records_a_rollout_took_is_withdrawn_and_kept(
    home: Home, reach: Reach, make_record: MakeRecord
) -> None:
    reach(START + DAY_US)
    record = make_record(1, START)
    home.store.put_records([record, make_record(2, START, entity_id="ws2")])
    gone, stays = sorted(regroup(home, 10.0), key=lambda case: case.entity.id)
    home.store.put_records([msgspec.structs.replace(record, rollout="lead", record_score=0.0)])
    regroup(home, 10.0)
    states = {case.id: case.state for case in home.store.list_cases()}
    assert states == {gone.id: WITHDRAWN, stays.id: "open"}
    assert [case.id for case in show.cases(home)] == [stays.id]
    assert home.store.get_record(record.id).initial_record_score == record.initial_record_score


def test_the_budget_can_change_from_run_to_run(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    reach(START + 20 * DAY_US)
    home.store.put_records(
        [make_record(n, START + n * DAY_US, entity_id=f"ws{n}", expected=0.1 * (n + 1)) for n in range(20)]
    )
    few, many = ({case.id for case in regroup(home, budget) if case.state == "open"} for budget in (0.15, 10.0))
    assert few < many
    every = home.store.list_cases()
    assert [case.rank for case in every] == list(range(1, 21))
    assert sorted(case.state for case in every) == ["open"] * 20
    again = {case.id for case in regroup(home, 0.15) if case.state == "open"}
    assert again == few


def test_a_case_keeps_its_id_while_weeks_go_by(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    """A host with findings every day for ten weeks: no case changes its id as old records leave the window."""
    told: dict[str, str] = {}
    for day in range(70):
        home.store.put_records([make_record(day, START + day * DAY_US - day * 60_000_000)])
        if day % 5 == 4:
            reach(START + day * DAY_US)
            regroup(home, 10.0)
            cases = home.store.list_cases()
            assert all(case.state != WITHDRAWN for case in cases)
            for case in cases:
                assert told.setdefault(case.id, case.opened_at) == case.opened_at
            assert sum(len(case.record_ids) for case in cases) == day + 1
    assert len(told) == 9


def test_an_old_case_is_left_as_it_was(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    reach(START)
    home.store.put_records([make_record(1, START)])
    (old,) = regroup(home, 10.0)
    home.store.put_records([make_record(2, START + 100 * DAY_US, entity_id="ws2")])
    reach(START + 100 * DAY_US)
    (new,) = regroup(home, 10.0)
    assert home.store.get_case(old.id).state == "open"
    assert show.case(home, "1").id == new.id
    assert show.case(home, old.id[:6]).id == old.id


def test_no_events_no_cases(home: Home) -> None:
    assert regroup(home, 10.0) == []
    with pytest.raises(Exception, match="nothing has been read yet"):
        show.cases(home)


def test_a_rank_names_a_case_and_an_unknown_one_is_refused(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    reach(START)
    home.store.put_records([make_record(1, START)])
    (case,) = regroup(home, 10.0)
    assert show.case(home, "1") == case
    for unknown in ("2", "0", "ffffff", ""):
        with pytest.raises(NotFoundError):
            show.case(home, unknown)


def test_a_closed_case_comes_back_with_a_new_tactic_and_not_with_more_of_the_same(
    home: Home, reach: Reach, make_record: MakeRecord
) -> None:
    reach(START + DAY_US)
    home.store.put_records([make_record(1, START, job_id=MAIN)])
    (case,) = regroup(home, 10.0)
    assert case.changed == "opened"
    judge(home, case.id, state="closed", verdict="benign", actor="ann")
    home.store.put_records([make_record(2, START + 2 * HOUR_US, job_id=MAIN)])
    assert [(c.state, c.changed) for c in regroup(home, 10.0)] == [("closed", "")]
    home.store.put_records([make_record(3, START + 4 * HOUR_US, job_id=MAIN, value="ntdsutil.exe")])
    (back,) = regroup(home, 10.0)
    assert (back.id, back.state, back.verdict) == (case.id, "open", "benign")
    assert back.changed.startswith("reopened: new tactic Credential Access")
    assert [(c.state, c.changed) for c in regroup(home, 10.0)] == [("open", "")]
    judge(home, case.id, state="closed", verdict="benign", actor="ann")
    assert [(c.state, c.changed) for c in regroup(home, 10.0)] == [("closed", "")]


def test_a_case_is_told_of_again_only_when_it_changes(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    """Findings come one by one, with a run after each, or all at once: the same is told."""
    reach(START + DAY_US)
    values = ("odd.exe", "odd-2.exe", "nltest.exe", "odd-3.exe", "rclone.exe")
    records = [make_record(n, START + 2 * n * HOUR_US, job_id=MAIN, value=value) for n, value in enumerate(values)]
    changes = []
    for record in records:
        home.store.put_records([record])
        changes += [case.changed for case in regroup(home, 10.0)]
    assert [change.split(",")[0] for change in changes] == [
        "opened", "", "new tactic Discovery", "", "new tactic Exfiltration",
    ]  # fmt: skip
    (live,) = home.store.list_cases()
    assert [notice.tactics[-1] for notice in live.notices] == ["Execution", "Discovery", "Exfiltration"]
    assert [notice.time for notice in live.notices] == [records[at].time for at in (0, 2, 4)]


def test_an_open_case_stays_open_when_stronger_ones_come(home: Home, reach: Reach, make_record: MakeRecord) -> None:
    reach(START + DAY_US)
    home.store.put_records([make_record(1, START, expected=0.2)])
    (first,) = regroup(home, 1 / 7)
    assert first.state == "open"
    home.store.put_records([make_record(2, START + HOUR_US, entity_id="ws2", expected=0.001)])
    assert {case.entity.id: case.state for case in regroup(home, 1 / 7)} == {"ws1": "open", "ws2": "below"}


def test_a_verdict_changes_the_ranking_of_the_same_behaviour_at_once_and_visibly(
    home: Home, reach: Reach, make_record: MakeRecord
) -> None:
    reach(START + 2 * DAY_US)
    home.store.put_records(
        [
            make_record(1, START, value="same.exe", expected=0.1, entity_id="ws1"),
            make_record(2, START, value="same.exe", expected=0.2, entity_id="ws2"),
            make_record(3, START, value="other.exe", expected=0.3, entity_id="ws3"),
        ]
    )
    first, *_ = regroup(home, 10.0)
    assert [case.entity.id for case in home.store.list_cases()] == ["ws1", "ws2", "ws3"]
    given = give_verdict(home, first.id, "benign", actor="ann", note="asset tool")
    assert (given.case.state, given.case.verdict) == ("closed", "benign")
    assert {shift.entity: shift.points < shift.points_before for shift in given.shifts} == {"ws2": True, "ws3": True}
    ranked = {case.entity.id: case for case in home.store.list_cases()}
    assert ranked["ws3"].rank < ranked["ws2"].rank
    (part,) = [part for part in ranked["ws2"].parts if part.kind == "verdicts"]
    assert part.trusted is not None
    assert (part.trusted.same.not_true, part.trusted.detector.not_true, part.trusted.all.true) == (1, 1, 0)
    whole = sum(each.points for each in ranked["ws2"].parts if each.kind in ("evidence", "own rate"))
    assert part.points == pytest.approx((part.trusted.trust - 1.0) * whole, abs=0.011)
    assert not [part for part in ranked["ws1"].parts if part.kind == "verdicts"]  # its own weighs it not
    assert {shift.entity: shift.same for shift in given.shifts} == {"ws2": True, "ws3": False}
    judgement = home.store.judgements.get(first.id)
    assert judgement is not None
    assert (judgement.note, judgement.actor, judgement.verdict) == ("asset tool", "ann", "benign")
    back = judge(home, first.id, state="open", verdict=None, actor="ann")
    assert back.verdict is None
    assert not [part for case in regroup(home, 10.0) for part in case.parts if part.kind == "verdicts"]
