"""What people told about jobs, and what was noted beside them, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table, delete, select

from rarebit.core.care import Annotation, Calendar, Exclusion, FilterList, SnapshotNote
from rarebit.core.errors import NotFoundError
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import (
    alerts,
    buckets,
    calendars,
    exclusions,
    filters,
    influencers,
    job_annotations,
    positions,
    records,
    snapshots,
)

_Kind = TypeVar("_Kind")


class CareStore:
    """Filter lists, calendars, exclusions, snapshots and annotations; see :class:`rarebit.store.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Filter lists

    def put_filter(self, new: FilterList) -> None:
        """Keep a filter list, in place of one of the same id."""
        self._put(filters, {"id": new.filter_id, "body": rows.to_json(new)})

    def get_filter(self, filter_id: str) -> FilterList:
        """The filter list of exactly this id.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        return self._exactly(filters, filter_id, FilterList, "filter list", "rarebit filter list")

    def list_filters(self) -> list[FilterList]:
        """All filter lists by id."""
        return self._list(filters, FilterList)

    def delete_filter(self, filter_id: str) -> None:
        """Forget a filter list, if there is one."""
        self._delete(filters, filter_id)

    # Calendars

    def put_calendar(self, new: Calendar) -> None:
        """Keep a calendar with its events, in place of one of the same id."""
        self._put(calendars, {"id": new.calendar_id, "body": rows.to_json(new)})

    def get_calendar(self, calendar_id: str) -> Calendar:
        """The calendar of exactly this id.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        return self._exactly(calendars, calendar_id, Calendar, "calendar", "rarebit calendar list")

    def list_calendars(self) -> list[Calendar]:
        """All calendars by id."""
        return self._list(calendars, Calendar)

    def delete_calendar(self, calendar_id: str) -> None:
        """Forget a calendar, if there is one."""
        self._delete(calendars, calendar_id)

    # Exclusions

    def put_exclusion(self, new: Exclusion) -> None:
        """Keep an exclusion."""
        row = {"id": new.id, "job_id": new.job_id, "time_us": new.start_us, "body": rows.to_json(new)}
        self._put(exclusions, row)

    def list_exclusions(self, job_id: str | None = None) -> list[Exclusion]:
        """Exclusions by job and time, of one job if it is given."""
        return self._list(exclusions, Exclusion, job_id)

    def delete_exclusion(self, exclusion_id: str) -> None:
        """Forget an exclusion, if there is one."""
        self._delete(exclusions, exclusion_id)

    # Snapshots

    def put_snapshot(self, new: SnapshotNote) -> None:
        """Note a snapshot, in place of what was noted of the same file."""
        row = {"id": new.snapshot_id, "job_id": new.job_id, "time_us": new.watermark_us, "body": rows.to_json(new)}
        self._put(snapshots, row)

    def list_snapshots(self, job_id: str | None = None) -> list[SnapshotNote]:
        """Snapshots by job and time of their last event, of one job if it is given."""
        return self._list(snapshots, SnapshotNote, job_id)

    def delete_snapshots(self, snapshot_ids: Sequence[str]) -> None:
        """Forget snapshots; their files are not touched."""
        for each in snapshot_ids:
            self._delete(snapshots, each)

    # Annotations

    def put_annotation(self, new: Annotation) -> None:
        """Keep an annotation, in place of one of the same id."""
        row = {"id": new.id, "job_id": new.job_id, "time_us": new.start_us, "body": rows.to_json(new)}
        self._put(job_annotations, row)

    def list_annotations(self, job_id: str | None = None) -> list[Annotation]:
        """Annotations by job and time, of one job if it is given."""
        return self._list(job_annotations, Annotation, job_id)

    def delete_annotation(self, annotation_id: str) -> None:
        """Forget an annotation, if there is one."""
        self._delete(job_annotations, annotation_id)

    # Results

    def delete_results(self, job_id: str, *, start_us: int | None = None, end_us: int | None = None) -> int:
        """Delete records of a job, and their alerts, whose first event lies in ``[start_us, end_us)``.

        Results of buckets that begin there go with them.

        Returns
        -------
        int
            How many records.
        """
        chosen = select(records.c.id).where(*_within(records, job_id, start_us, end_us))
        with self._database.writing() as connection:
            for table in (buckets, influencers):
                connection.execute(delete(table).where(*_within(table, job_id, start_us, end_us)))
            connection.execute(delete(alerts).where(alerts.c.record_id.in_(chosen)))
            return int(connection.execute(delete(records).where(records.c.id.in_(chosen))).rowcount)

    def delete_position(self, job_id: str) -> None:
        """Forget how far a job has read, if it has."""
        with self._database.writing() as connection:
            connection.execute(delete(positions).where(positions.c.job_id == job_id))

    def forget_job(self, job_id: str) -> None:
        """Forget exclusions, snapshots and annotations of a job."""
        with self._database.writing() as connection:
            for table in (exclusions, snapshots, job_annotations):
                connection.execute(delete(table).where(table.c.job_id == job_id))

    def _put(self, table: Table, row: dict[str, Any]) -> None:
        with self._database.writing() as connection:
            rows.replace(connection, table, [row], [row["id"]])

    def _delete(self, table: Table, key: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.id == key))

    def _list(self, table: Table, kind: type[_Kind], job_id: str | None = None) -> list[_Kind]:
        order = [table.c[name] for name in ("job_id", "time_us", "id") if name in table.c]
        query = select(table.c.body).order_by(*order)
        if job_id is not None:
            query = query.where(table.c.job_id == job_id)
        with self._database.reading() as connection:
            return [msgspec.json.decode(text, type=kind) for text in connection.execute(query).scalars()]

    def _exactly(self, table: Table, key: str, kind: type[_Kind], noun: str, listing: str) -> _Kind:
        with self._database.reading() as connection:
            found = connection.execute(select(table.c.body).where(table.c.id == key)).scalar()
        if found is None:
            raise NotFoundError(f"there is no {noun} {key!r}", hint=f"List them with: {listing}")
        return msgspec.json.decode(found, type=kind)


def _within(table: Table, job_id: str, start_us: int | None, end_us: int | None) -> list[ColumnElement[bool]]:
    found = [table.c.job_id == job_id]
    if start_us is not None:
        found.append(table.c.time_us >= start_us)
    if end_us is not None:
        found.append(table.c.time_us < end_us)
    return found
