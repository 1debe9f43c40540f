"""What is noted of events that come in live, and of jobs switched on and off."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, insert, select

from rarebit.core.live import Feed, SourceStanding, WatchedFile
from rarebit.core.report import FileReport, joined
from rarebit.store import rows
from rarebit.store.bodies import Bodies
from rarebit.store.database import Database
from rarebit.store.tables import feeds, file_reports, sources, watched


class LiveStore:
    """Sources, watched files, datafeeds; see :class:`rarebit.store.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.sources = Bodies(database, sources, SourceStanding)
        self.watched = Bodies(database, watched, WatchedFile)
        self.feeds = Bodies(database, feeds, Feed)

    def grow_file_reports(self, reports: Sequence[FileReport], run_id: str) -> None:
        """Add what became of the latest part of each file to what is kept of that file."""
        with self._database.writing() as connection:
            for report in reports:
                of_file = select(file_reports.c.id, file_reports.c.body).where(file_reports.c.path == report.path)
                held = connection.execute(of_file.order_by(file_reports.c.id.desc()).limit(1)).one_or_none()
                grown = report
                if held is not None:
                    grown = joined(msgspec.json.decode(held.body, type=FileReport), report)
                    connection.execute(delete(file_reports).where(file_reports.c.id == held.id))
                new = {"run_id": run_id, "path": report.path, "body": rows.to_json(grown)}
                connection.execute(insert(file_reports), new)
