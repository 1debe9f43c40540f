"""What people have set, taken over into another database; results, accounts and keys are left behind."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, insert, select

from rarebit.store.database import Database
from rarebit.store.tables import calendars, exclusions, feeds, filters, jobs, suppressions, verdicts

SETTINGS: Final[tuple[Table, ...]] = (jobs, filters, calendars, exclusions, suppressions, verdicts, feeds)
"""Tables of what people have said; none holds what a run found, or a secret."""


class Settings:
    """What people have set in a database.

    Parameters
    ----------
    database : Database
        Shared with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def copy_to(self, other: Settings) -> None:
        """Add the rows of :data:`SETTINGS` to a database that has none of them."""
        with self._database.reading() as reader, other._database.writing() as writer:
            for table in SETTINGS:
                rows = [row._asdict() for row in reader.execute(select(table))]
                if rows:
                    writer.execute(insert(table), rows)
