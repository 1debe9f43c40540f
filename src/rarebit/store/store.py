"""The operational state of one installation."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import msgspec
from sqlalchemy import Select, Table, delete, insert, select

from rarebit.core.errors import NotFoundError
from rarebit.core.job import Job
from rarebit.core.people import ApiKey
from rarebit.core.report import FileReport
from rarebit.core.result import Alert, Case, Record
from rarebit.store import rows
from rarebit.store.accounts import Accounts
from rarebit.store.bodies import Bodies
from rarebit.store.buckets import BucketStore
from rarebit.store.care import CareStore
from rarebit.store.copying import Settings
from rarebit.store.database import Database
from rarebit.store.entries import AuditEntry, Position
from rarebit.store.judgements import Judgements
from rarebit.store.live import LiveStore
from rarebit.store.looks import Looks
from rarebit.store.matches import Matches
from rarebit.store.pages import Pages
from rarebit.store.peers import Groupings
from rarebit.store.sensors import SensorAlerts
from rarebit.store.suppressions import Suppressions
from rarebit.store.tables import alerts, api_keys, audit, cases, file_reports, jobs, positions, records, runs
from rarebit.store.tally import Tally

Sort = Literal["score", "time"]
Json = dict[str, Any]
Read = TypeVar("Read")
_RUNS_KEPT = 200


class Store:
    """Jobs, results, positions and audit in one database.

    Every method is a transaction of its own, unless called inside :meth:`transaction`. Several threads may use it.

    Parameters
    ----------
    database : Database
        See :meth:`open`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.buckets, self.care = BucketStore(database), CareStore(database)
        self.tally, self.pages = Tally(database), Pages(database)
        self.accounts, self.looks = Accounts(database), Looks(database)
        self.matches = Matches(database)
        self.groupings = Groupings(database)
        self.judgements = Judgements(database)
        self.sensors = SensorAlerts(database)
        self.suppressions = Suppressions(database)
        self.keys = Bodies(database, api_keys, ApiKey)
        self.live = LiveStore(database)
        self.settings = Settings(database)

    @classmethod
    def open(cls, url: str) -> Store:
        """Open a database, making or migrating its tables.

        Parameters
        ----------
        url : str
            Any SQLAlchemy URL, such as ``sqlite:////srv/rarebit/state.db``.

        Raises
        ------
        StateError
            If it cannot be opened, or was made by a newer release.
        """
        return cls(Database(url))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """Everything called inside, in this thread, is committed together or not at all."""
        with self._database.writing():
            yield self

    @contextmanager
    def trial(self) -> Iterator[Store]:
        """Everything called inside, in this thread, is rolled back at the end; not to be called in a transaction."""
        with self._database.trying():
            yield self

    # Jobs

    def put_job(self, job: Job, origin: str) -> None:
        """Keep a local job, in place of one of the same id; `origin` says where it came from."""
        row = {"id": job.job_id, "origin": origin, "body": rows.to_json(job)}
        with self._database.writing() as connection:
            rows.replace(connection, jobs, [row], [job.job_id])

    def get_job(self, job_id: str) -> Job:
        """The job with an id, or with the only id that begins so.

        Raises
        ------
        NotFoundError
            If there is none, or there are several.
        """
        return msgspec.json.decode(self._body(jobs, job_id), type=Job)

    def list_jobs(self) -> list[Job]:
        """All local jobs by id."""
        return [msgspec.json.decode(text, type=Job) for text in self._bodies(select(jobs.c.body).order_by(jobs.c.id))]

    def delete_job(self, job_id: str) -> None:
        """Forget a local job and its position; its results stay.

        Raises
        ------
        NotFoundError
            If there is no job of exactly this id.
        """
        with self._database.writing() as connection:
            if connection.execute(delete(jobs).where(jobs.c.id == job_id)).rowcount == 0:
                raise NotFoundError(f"there is no local job {job_id!r}", hint="List them with: rarebit job list")
            connection.execute(delete(positions).where(positions.c.job_id == job_id))

    # Records

    def put_records(self, new: Sequence[Record]) -> None:
        """Keep records; one that is there is replaced, but for the score it was first given."""
        with self._database.writing() as connection:
            kept = {record.id: record for record in new}
            known = rows.existing(connection, records, list(kept), "initial_score", "initial_expected")
            for key, row in known.items():
                kept[key] = msgspec.structs.replace(
                    kept[key], initial_record_score=row.initial_score, initial_expected_per_week=row.initial_expected
                )
            rows.replace(connection, records, [rows.record_row(record) for record in kept.values()], list(known))

    def get_record(self, record_id: str) -> Record:
        """The record with an id, or with the only id that begins so.

        Raises
        ------
        NotFoundError
            If there is none, or there are several.
        """
        return msgspec.json.decode(self._body(records, record_id), type=Record)

    def list_records(
        self,
        *,
        job_id: str | None = None,
        min_score: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        entity_id: str | None = None,
        limit: int | None = None,
        sort: Sort = "score",
    ) -> list[Record]:
        """Records that meet all that is given, by falling score or by rising time of their first event.

        Parameters
        ----------
        job_id, entity_id : str, optional
            Exact.
        min_score : float, optional
            At least this ``record_score``.
        start_us, end_us : int, optional
            First event in ``[start_us, end_us)``, microseconds since 1970.
        limit : int, optional
            At most so many.
        sort : ``score`` or ``time``
        """
        query = rows.filtered(records, min_score=min_score, start_us=start_us, end_us=end_us, entity_id=entity_id)
        if job_id is not None:
            query = query.where(records.c.job_id == job_id)
        return [
            msgspec.json.decode(text, type=Record) for text in self._bodies(rows.in_order(query, records, sort, limit))
        ]

    def read_records(self, kind: type[Read], *, start_us: int) -> list[Read]:
        """Records from a time on as structs that hold but some of their fields, by rising time."""
        query = select(records.c.body).where(records.c.time_us >= start_us).order_by(records.c.time_us, records.c.id)
        return msgspec.json.decode("[" + ",".join(self._bodies(query)) + "]", type=list[kind])  # type: ignore[valid-type]

    def records_by_id(self, ids: Sequence[str]) -> dict[str, Record]:
        """Those of the records that there are, by id."""
        texts = self._among(records, ids)
        return {record.id: record for record in (msgspec.json.decode(text, type=Record) for text in texts)}

    # Alerts

    def put_alerts(self, new: Sequence[Alert]) -> None:
        """Keep alerts, in place of those of the same id."""
        self._put(alerts, {alert.id: rows.alert_row(alert) for alert in new})

    def alerted(self, record_ids: Sequence[str]) -> frozenset[str]:
        """Those of the records that an alert was made of."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for part in rows.chunks(record_ids):
                query = select(alerts.c.record_id).where(alerts.c.record_id.in_(part))
                found.update(connection.execute(query).scalars())
        return frozenset(found)

    def get_alert(self, alert_id: str) -> Alert:
        """The alert with an id, or with the only id that begins so.

        Raises
        ------
        NotFoundError
            If there is none, or there are several.
        """
        return msgspec.json.decode(self._body(alerts, alert_id), type=Alert)

    def get_alerts(self, alert_ids: Sequence[str]) -> list[Alert]:
        """Those of the alerts that are there."""
        return [msgspec.json.decode(text, type=Alert) for text in self._among(alerts, alert_ids)]

    def list_alerts(
        self,
        *,
        rule_id: str | None = None,
        min_score: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        entity_id: str | None = None,
        limit: int | None = None,
        sort: Sort = "score",
    ) -> list[Alert]:
        """Alerts that meet all that is given; see :meth:`list_records`."""
        query = rows.filtered(alerts, min_score=min_score, start_us=start_us, end_us=end_us, entity_id=entity_id)
        if rule_id is not None:
            query = query.where(alerts.c.rule_id == rule_id)
        return [
            msgspec.json.decode(text, type=Alert) for text in self._bodies(rows.in_order(query, alerts, sort, limit))
        ]

    # Cases

    def put_cases(self, new: Sequence[Case], reopened: Collection[str] = ()) -> None:
        """Keep cases, in place of those of the same id; state and verdict that a person set stay, unless reopened."""
        with self._database.writing() as connection:
            kept = {case.id: rows.case_row(case, judged=False) for case in new}
            known = rows.existing(connection, cases, list(kept), "state", "verdict", "judged")
            held = {case.id: case for case in new}
            for key, row in known.items():
                if row.judged and key not in reopened:
                    kept[key] = rows.case_row(
                        msgspec.structs.replace(held[key], state=row.state, verdict=row.verdict), judged=True
                    )
            rows.replace(connection, cases, list(kept.values()), list(known))

    def judge_case(self, case_id: str, *, state: str, verdict: str | None, actor: str, note: str = "") -> Case:
        """Set state and verdict of a case on behalf of a person, and note it, and why, in the audit.

        Raises
        ------
        NotFoundError
            If there is no such case, or there are several.
        """
        with self._database.writing() as connection:
            before = self.get_case(case_id)
            after = msgspec.structs.replace(before, state=state, verdict=verdict)
            rows.replace(connection, cases, [rows.case_row(after, judged=True)], [before.id])
            self.add_audit(actor, "judge", f"case {before.id}", _judgement(before), _judgement(after, note))
        return after

    def get_case(self, case_id: str) -> Case:
        """The case with an id, or with the only id that begins so.

        Raises
        ------
        NotFoundError
            If there is none, or there are several.
        """
        return msgspec.json.decode(self._body(cases, case_id), type=Case)

    def list_cases(self, state: str | None = None, limit: int | None = None, *, about: str | None = None) -> list[Case]:
        """Cases by rank, of one state if it is given; ``about`` leaves out those that do not name an entity so."""
        query = select(cases.c.body).order_by(cases.c.rank, cases.c.id).limit(limit)
        if state is not None:
            query = query.where(cases.c.state == state)
        if about is not None:
            query = query.where(cases.c.body.contains(rows.to_json(about), autoescape=True))
        return [msgspec.json.decode(text, type=Case) for text in self._bodies(query)]

    # Sources and runs

    def put_file_reports(self, reports: Sequence[FileReport], run_id: str) -> None:
        """Keep what became of each file of a run."""
        new = [{"run_id": run_id, "path": report.path, "body": rows.to_json(report)} for report in reports]
        if new:
            with self._database.writing() as connection:
                connection.execute(insert(file_reports), new)

    def list_file_reports(self, run_id: str | None = None) -> list[FileReport]:
        """File reports in the order they were kept, of one run if it is given."""
        query = select(file_reports.c.body).order_by(file_reports.c.id)
        if run_id is not None:
            query = query.where(file_reports.c.run_id == run_id)
        return [msgspec.json.decode(text, type=FileReport) for text in self._bodies(query)]

    def put_run(self, run: Json) -> None:
        """Keep the summary of a run; of those before it, the newest."""
        with self._database.writing() as connection:
            made = connection.execute(insert(runs), {"body": rows.to_json(run)}).inserted_primary_key
            if made is not None:
                connection.execute(delete(runs).where(runs.c.id <= made[0] - _RUNS_KEPT))

    def last_run(self) -> Json | None:
        """Summary of the newest run; None before the first."""
        found = self._bodies(select(runs.c.body).order_by(runs.c.id.desc()).limit(1))
        return msgspec.json.decode(found[0], type=Json) if found else None

    # Positions

    def get_position(self, job_id: str) -> Position | None:
        """How far a job has read; None before its first run."""
        with self._database.reading() as connection:
            row = connection.execute(select(positions).where(positions.c.job_id == job_id)).one_or_none()
        return None if row is None else Position(**row._asdict())

    def list_positions(self) -> list[Position]:
        """How far every job that ever ran has read."""
        with self._database.reading() as connection:
            rows = connection.execute(select(positions).order_by(positions.c.job_id)).all()
        return [Position(**row._asdict()) for row in rows]

    def put_position(self, job_id: str, lake_version: int, watermark_us: int, state_name: str) -> None:
        """Set how far a job has read."""
        row = Position(
            job_id=job_id, lake_version=lake_version, watermark_us=watermark_us, state_name=state_name
        )  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(delete(positions).where(positions.c.job_id == job_id))
            connection.execute(insert(positions), msgspec.structs.asdict(row))

    # Audit

    def add_audit(self, actor: str, action: str, target: str, before: str, after: str) -> None:
        """Note who changed what."""
        row = {
            "at_us": time.time_ns() // 1000,
            "actor": actor,
            "action": action,
            "target": target,
            "before": before,
            "after": after,
        }
        with self._database.writing() as connection:
            connection.execute(insert(audit), row)

    def list_audit(self, target: str | None = None, limit: int | None = None) -> list[AuditEntry]:
        """Audit entries, newest first, of one target if it is given."""
        query = select(*(column for column in audit.c if column.name != "id")).order_by(audit.c.id.desc()).limit(limit)
        if target is not None:
            query = query.where(audit.c.target == target)
        with self._database.reading() as connection:
            return [AuditEntry(**row._asdict()) for row in connection.execute(query)]

    def _put(self, table: Table, new: dict[str, Json]) -> None:
        with self._database.writing() as connection:
            known = rows.existing(connection, table, list(new))
            rows.replace(connection, table, list(new.values()), list(known))

    def _body(self, table: Table, key: str) -> str:
        with self._database.reading() as connection:
            return rows.body(connection, table, key)

    def _among(self, table: Table, ids: Sequence[str]) -> list[str]:
        queries = (select(table.c.body).where(table.c.id.in_(part)) for part in rows.chunks(ids))
        return [text for query in queries for text in self._bodies(query)]

    def _bodies(self, query: Select[Any]) -> list[str]:
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())


def _judgement(case: Case, note: str = "") -> str:
    return rows.to_json({"state": case.state, "verdict": case.verdict} | ({"note": note} if note else {}))
