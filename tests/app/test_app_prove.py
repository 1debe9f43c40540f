"""What an installation is worth: every number recomputed from what is kept, and a plain word by printed rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rarebit.app.home import Home
from rarebit.app.proof_blind import blindness
from rarebit.app.proof_evidence import completeness
from rarebit.app.prove import edr_worth, proof_page, prove
from rarebit.app.run import RunOptions, run
from rarebit.app.verdicts import judge
from rarebit.app.worth import judged_worth
from rarebit.core.edr import EdrView
from rarebit.core.errors import StateError
from rarebit.core.proof import Blindness, EdrWorth, Evidence, Promise, Proof
from rarebit.core.result import Case, CaseEntity, Explanation
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.core.trial import Injected, Trial

OpenHome = Callable[[Path], AbstractContextManager[Home]]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
START = parse_time("2026-10-08T00:00:00Z")


def test_numbers_are_those_of_what_is_kept_and_nothing_is_changed(ran: Path, open_home: OpenHome) -> None:
    files = [path for path in sorted(ran.rglob("*")) if path.is_file() and "rarebit.db-" not in path.name]
    before = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    with open_home(ran) as home:
        found = prove(home, replay=False)
        opened = home.store.list_cases(state="open")
        events = home.lake.sql(f"SELECT count(*) AS n FROM events WHERE \"@timestamp\" >= '{iso(START)}'")
        hosts = home.lake.sql(
            f'SELECT count(DISTINCT "host.name") AS n FROM events WHERE "@timestamp" >= \'{iso(START)}\''
        )
    assert {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == before
    assert found.start == iso(START)
    assert found.cases == len(opened) > 0
    assert found.cases_per_day == pytest.approx(len(opened) / found.days)
    assert found.cases_per_day_per_1000_hosts == pytest.approx(found.cases_per_day / found.hosts * 1000)
    assert found.hosts == hosts.column("n")[0].as_py() <= 40
    assert found.events == events.column("n")[0].as_py()
    assert found.evidence.complete == found.evidence.cases == len(opened)
    assert found.evidence.events_gone == 0
    assert found.edr.alerts == found.edr.cases == 0
    assert found.edr.unknown == len(opened)
    assert found.quiet_weeks == found.weeks == pytest.approx(found.days / 7)
    assert [each.promised / found.weeks for each in found.promises] == pytest.approx([0.1, 1.0, 10.0])
    assert found.worth == "little"
    assert "two weeks" in found.speaks_against[0]


def test_events_that_are_gone_leave_cases_incomplete(ran_copy: Path, open_home: OpenHome) -> None:
    with open_home(ran_copy) as home:
        opened = home.store.list_cases(state="open")
        home.lake.retain(days=1, now_us=parse_time("2026-10-13T00:00:00Z"))
        found = completeness(home, opened)
        told = [
            msgspec.structs.replace(record, explanation=Explanation(sentence=record.explanation.sentence))
            for record in home.store.list_records()
        ]
        home.store.put_records(told)
        bare = completeness(home, opened)
    assert found.events_gone > 0
    assert found.with_events < len(opened)
    assert found.with_reasons == len(opened)
    assert bare.with_reasons == bare.complete == 0


def _case(at: str, edr: str, sensor: str, seconds: float | None) -> Case:
    return Case(
        id=f"{at}{edr}{seconds}", rank=1, score=60, expected_per_week=0.5, state="open", edr=edr, opened_at=at,
        updated_at=at, entity=CaseEntity(type="host", id="a", name="a"),
        edr_view=EdrView(sentence="", sensor=sensor, seconds_after=seconds),
    )  # fmt: skip


def test_shares_are_of_cases_the_sensor_could_have_seen() -> None:
    at = "2026-10-09T00:00:00Z"
    cases = [
        _case(at, "none", "seen", None), _case(at, "none", "seen", None), _case(at, "none", "unseen", None),
        _case(at, "partial", "seen", 60.0), _case(at, "same", "seen", 7200.0), _case(at, "same", "seen", 3600.0),
        _case(at, "same", "seen", -600.0),
    ]  # fmt: skip
    found = edr_worth(12, cases)
    assert (found.cases, found.silent, found.partial, found.same, found.unknown) == (6, 2, 1, 3, 1)
    assert (found.earlier, found.lead_hours) == (2, 1.0)
    nothing = edr_worth(0, cases)
    assert (nothing.cases, nothing.silent, nothing.unknown, nothing.lead_hours) == (0, 0, 7, None)


def test_what_is_blind_is_named(open_home: OpenHome, tmp_path: Path, write_events: WriteEvents) -> None:
    lines = [
        {
            "@timestamp": f"2026-10-{1 + day:02d}T{hour:02d}:00:00Z", "host.name": host, "event.category": "process",
            "event.type": "start", "process.name": "notepad.exe", "host.os.type": "windows",
        }
        for host, days in (("steady", range(14)), ("gone", range(7)), ("seldom", range(1)))
        for day in days for hour in (8, 12)
    ]  # fmt: skip
    hosts = tmp_path / "hosts.csv"
    hosts.write_text("host,role\nsteady,server\nnever,server\n")
    with open_home(tmp_path / "home") as home:
        home.import_assets(hosts)
        run(home, [write_events(tmp_path / "events.ndjson", lines)], RunOptions())
        found = blindness(home, parse_time("2026-10-01T00:00Z"), parse_time("2026-10-14T12:00Z"))
    assert {each.host: each.reason.split(",")[0] for each in found.hosts} == {
        "gone": "silent for 7.0 days", "never": "in the inventory",
    }  # fmt: skip
    assert found.hosts_heard == 3
    assert found.absent == ("authentication", "network", "file", "registry")
    assert "user.name" in found.fields
    told = {each.id: each.reason for each in found.detectors}
    assert "user.name" in told["v3_windows_anomalous_user_name"]
    assert found.able > 0


def _proof(**changes: Any) -> Proof:
    injected = tuple(Injected(trace=f"t{at}", outcome="case") for at in range(4))
    drawn: dict[str, Any] = {
        "made_at": "2026-11-01T00:00:00Z", "start": "2026-10-01T00:00:00Z", "end": "2026-10-29T00:00:00Z", "days": 28.0,
        "events": 1000, "hosts": 100, "budget_per_day": 2.0, "cases": 20, "cases_per_day": 0.7,
        "cases_per_day_per_1000_hosts": 7.0, "judged": {"true": 2},
        "edr": EdrWorth(alerts=9, cases=20, silent=15, partial=2, same=3, unknown=0, earlier=3, lead_hours=2.0),
        "trial": Trial(
            injected=injected, budget_per_day=2, told_from="2026-10-01T00:00:00Z", end="2026-10-29T00:00:00Z",
            cases_open=24, cases_below=5,
        ),
        "weeks": 4.0, "quiet_weeks": 3.0,
        "promises": (Promise(expected_per_week=1.0, promised=3.0, counted=4, low=1.1, high=10.2),),
        "blind": Blindness(
            hosts=(), hosts_heard=100, without_sensor=0, fields=(), detectors=(), able=9, idle=3, absent=()
        ),
        "evidence": Evidence(
            cases=20, complete=20, with_events=20, with_parents=20, with_reasons=20, events=80, events_gone=0
        ),
    }  # fmt: skip
    return Proof(**drawn | changes)


@pytest.mark.parametrize(
    ("changes", "word", "against"),
    [
        ({}, "much", ""),
        ({"days": 9.0}, "little", "two weeks"),
        ({"trial": None}, "some", ""),
        ({"trial": None, "cases": 0}, "little", "no case was opened"),
        ({"promises": (Promise(expected_per_week=1, promised=3, counted=20, low=12.2, high=30.9),)}, "little", "came"),
        ({"edr": EdrWorth(alerts=0, cases=0, silent=0, partial=0, same=0, unknown=20, earlier=0, lead_hours=None)},
         "some", "nobody knows"),
        ({"edr": EdrWorth(alerts=5, cases=20, silent=2, partial=8, same=10, unknown=0, earlier=1, lead_hours=-1.0)},
         "some", "18 of 20 cases by itself"),
        ({"evidence": Evidence(cases=20, complete=3, with_events=3, with_parents=20, with_reasons=20, events=9,
                               events_gone=6)}, "some", "carry"),
    ],
)  # fmt: skip
def test_the_word_follows_from_what_is_printed(changes: dict[str, Any], word: str, against: str) -> None:
    found = judged_worth(_proof(**changes))
    assert found.worth == word
    assert against in " ".join(found.speaks_against)
    assert bool(found.speaks_against) == bool(against)


def test_half_of_the_replays_is_little() -> None:
    proof = _proof()
    assert proof.trial is not None
    injected = [Injected(trace=f"t{at}", outcome="case" if at < 2 else "below") for at in range(4)]
    half = msgspec.structs.replace(proof.trial, injected=tuple(injected))
    assert judged_worth(_proof(trial=half)).worth == "little"
    more = (*half.injected[:2], Injected(trace="x", outcome="case"), Injected(trace="y", outcome="not played"))
    assert judged_worth(_proof(trial=msgspec.structs.replace(half, injected=more))).worth == "much"


def test_the_page_says_the_same_and_does_nothing_that_its_data_say() -> None:
    evil = "<script>alert(1)</script>"
    blind = Blindness(
        hosts=(), hosts_heard=1, without_sensor=0, fields=(evil,), detectors=(), able=1, idle=0, absent=()
    )
    page = proof_page(judged_worth(_proof(blind=blind)))
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page
    assert "https://" not in page
    for text in ("15", "t3", "24 cases open", "2.0 h"):
        assert text in page


def test_nothing_is_proven_before_anything_was_read(tmp_path: Path, open_home: OpenHome) -> None:
    with open_home(tmp_path) as home, pytest.raises(StateError, match="nothing has been read"):
        prove(home)


def test_weeks_with_a_confirmed_case_are_not_quiet(ran_copy: Path, open_home: OpenHome) -> None:
    with open_home(ran_copy) as home:
        first = home.store.list_cases(state="open")[0]
        judge(home, first.id, state="closed", verdict="true", actor="ann")
        found = prove(home, replay=False)
    assert found.judged == {"true": 1}
    assert found.quiet_weeks < found.weeks
    assert parse_time(found.end) - parse_time(found.start) < 7 * DAY_US
    assert found.quiet_weeks == 0
    assert [each.counted for each in found.promises] == [0, 0, 0]
