"""The operational state: what is put is got, together or not at all, by id or its beginning."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st

import rarebit.store.migrations
from rarebit.core.errors import NotFoundError, StateError
from rarebit.core.job import Detector, Job
from rarebit.core.report import FileReport, Skipped
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import parse_time
from rarebit.store import Position, Store
from rarebit.store.database import HEAD, Database
from rarebit.store.tables import metadata

MakeRecord = Callable[..., Record]
MakeCase = Callable[..., Case]


def test_jobs_are_kept_by_id(store: Store) -> None:
    job = Job(job_id="rare_process", detectors=(Detector(function="rare", by_field_name="process.name"),))
    store.put_job(Job(job_id="rare_process", detectors=()), "clone")
    store.put_job(job, "import")
    store.put_job(Job(job_id="a_job", detectors=()), "import")
    assert store.get_job("rare_process") == store.get_job("rare_p") == job
    assert [found.job_id for found in store.list_jobs()] == ["a_job", "rare_process"]
    store.put_position("a_job", 1, 2, "s")
    store.delete_job("a_job")
    assert store.get_position("a_job") is None
    with pytest.raises(NotFoundError, match="rarebit job list"):
        store.delete_job("a_job")


def test_records_keep_the_score_they_were_first_given(store: Store, make_record: MakeRecord) -> None:
    store.put_records([make_record(1, score=90.0), make_record(2, score=20.0)])
    store.put_records([make_record(1, score=40.0)])
    found = store.get_record("000000000001")
    assert (found.record_score, found.initial_record_score) == (40.0, 90.0)
    assert (found.expected_per_week, found.initial_expected_per_week) == (1 / 41, 1 / 91)
    assert [record.id[-1] for record in store.list_records()] == ["1", "2"]
    store.put_records([])


def test_records_are_listed_by_all_that_is_given(store: Store, make_record: MakeRecord) -> None:
    store.put_records(
        [make_record(n, score=float(n % 7), job_id=f"job{n % 2}", time=f"2026-11-20T08:{n:02d}:00Z") for n in range(60)]
    )
    start = parse_time("2026-11-20T08:10:00Z")
    found = store.list_records(
        job_id="job1", min_score=2, start_us=start, end_us=start + 20 * 60_000_000, entity_id="WS0", sort="time"
    )
    assert [int(record.id) for record in found] == [
        n for n in range(10, 30) if n % 2 == 1 and n % 3 == 0 and n % 7 >= 2
    ]
    assert [record.record_score for record in store.list_records(limit=3)] == [6.0, 6.0, 6.0]
    assert len(store.list_records()) == 60


def test_more_records_than_one_statement_takes(store: Store, make_record: MakeRecord) -> None:
    records = [make_record(n) for n in range(2_500)]
    store.put_records(records)
    store.put_records(records)
    assert len(store.list_records()) == 2_500


def test_alerts_are_kept_and_listed(store: Store, make_alert: Callable[..., Alert]) -> None:
    store.put_alerts([make_alert(1), make_alert(2, score=80.0)])
    store.put_alerts([make_alert(1, score=90.0)])
    assert [alert.score for alert in store.list_alerts()] == [90.0, 80.0]
    assert store.get_alert("alert-000002") == make_alert(2, score=80.0)
    assert store.list_alerts(rule_id="other", min_score=1, entity_id="WS1") == []


def test_a_case_keeps_what_a_person_decided(store: Store, make_case: MakeCase) -> None:
    store.put_cases([make_case(1, rank=2), make_case(2, rank=1)])
    store.put_cases([make_case(1, rank=2, state="closed")])
    assert store.get_case("case-000001").state == "closed"
    judged = store.judge_case("case-000001", state="closed", verdict="benign", actor="ann")
    store.put_cases([make_case(1, rank=5), make_case(3, rank=3)])
    found = store.get_case("case-000001")
    assert (judged.verdict, found.state, found.verdict, found.rank) == ("benign", "closed", "benign", 5)
    assert [case.id[-1] for case in store.list_cases()] == ["2", "3", "1"]
    assert [case.id[-1] for case in store.list_cases("open", limit=1)] == ["2"]
    (entry,) = store.list_audit("case case-000001")
    assert (entry.actor, entry.action) == ("ann", "judge")
    assert '"verdict":"benign"' in entry.after


def test_ids_may_be_cut_short_but_not_ambiguous(store: Store, make_record: MakeRecord) -> None:
    store.put_records([make_record(1), make_record(12), make_record(120_000_000_000)])
    assert store.get_record("120000").id == "120000000000"
    with pytest.raises(NotFoundError, match="000000000001, 000000000012"):
        store.get_record("00000000")
    with pytest.raises(NotFoundError, match="first 6 characters"):
        store.get_record("12000")
    with pytest.raises(NotFoundError, match="rarebit record list"):
        store.get_record("nobody-at-all")
    for hostile in ("000000%", "000000_", "' OR 1=1 --", "😀😀😀😀😀😀"):
        with pytest.raises(NotFoundError):
            store.get_record(hostile)


def test_reports_runs_and_positions(store: Store) -> None:
    report = FileReport(path="a.json", format="ecs", read=2, rows=1, skipped=(Skipped(reason="not JSON", count=1),))
    store.put_file_reports([report], "one")
    store.put_file_reports([], "two")
    assert store.list_file_reports() == store.list_file_reports("one") == [report]
    assert store.list_file_reports("two") == []
    assert store.last_run() is None
    store.put_run({"run_id": "one"})
    store.put_run({"run_id": "two", "n": [1, None]})
    assert store.last_run() == {"run_id": "two", "n": [1, None]}
    store.put_position("job", 3, 2**60, "a.state")
    store.put_position("job", 4, 2**60, "b.state")
    assert store.get_position("job") == Position(job_id="job", lake_version=4, watermark_us=2**60, state_name="b.state")


def test_a_transaction_is_all_or_nothing(store: Store, make_record: MakeRecord) -> None:
    def work() -> None:
        with store.transaction():
            store.put_records([make_record(1)])
            with store.transaction() as inner:
                inner.put_position("job", 1, 1, "s")
            assert store.get_position("job") is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert store.list_records() == []
    assert store.get_position("job") is None
    with store.transaction():
        store.put_records([make_record(1)])
    assert len(store.list_records()) == 1


def test_others_read_the_last_commit_while_one_writes(url: str, store: Store, make_record: MakeRecord) -> None:
    with Store.open(url) as other, store.transaction():
        store.put_records([make_record(1)])
        assert other.list_records() == []


def test_threads_write_in_turn(store: Store, make_record: MakeRecord) -> None:
    def work(first: int) -> None:
        for n in range(first, first + 10):
            with store.transaction():
                store.list_records(limit=1)
                store.put_records([make_record(n)])

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.list_records()) == 30


@settings(max_examples=20, deadline=None)
@given(puts=st.lists(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 99)), max_size=6), max_size=4))
def test_upserts_keep_the_first_score_and_show_the_last(
    make_record: MakeRecord, puts: list[list[tuple[int, int]]]
) -> None:
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    with Store.open("sqlite://") as store:
        for put in puts:
            store.put_records([make_record(number, score=float(score)) for number, score in put])
            merged = dict(put)
            last |= merged
            first = merged | first
        found = {int(r.id): (r.initial_record_score, r.record_score) for r in store.list_records()}
    assert found == {number: (first[number], last[number]) for number in last}


def test_a_store_is_there_when_opened_again(url: str, make_record: MakeRecord) -> None:
    with Store.open(url) as store:
        store.put_records([make_record(1)])
    with Store.open(url) as store:
        assert store.get_record("000000000001") == make_record(1)


def test_a_newer_database_is_refused(url: str, store: Store, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "home" / "state.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StateError, match="newer release"):
        Store.open(url)


def test_migrations_make_exactly_the_tables_of_the_code(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(rarebit.store.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    database = Database(url)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


@pytest.mark.parametrize("wrong", ["nonsense", "nodialect://x", "sqlite:////proc/nowhere/state.db"])
def test_what_cannot_be_opened_is_a_state_error(wrong: str) -> None:
    with pytest.raises(StateError):
        Store.open(wrong)


def test_a_damaged_database_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StateError, match="not a database"):
        Store.open(f"sqlite:///{tmp_path}/state.db")
