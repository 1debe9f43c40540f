"""What people have set, taken over into another database; results, accounts and keys are left behind."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, insert, select

from rarebit.store.database import Database
from rarebit.store.tables import calendars, exclusions, feeds, filters, jobs, suppressions, verdicts

SETTINGS: Final[tuple[Table, ...]] = (jobs, filters, calendars, exclusions, suppressions, verdicts, feeds)
"""Tables of what people have said; none holds what a run found, or a secret."""


def copy_settings(source: Database, target: Database) -> None:
    """Add the rows of :data:`SETTINGS` to a database that has none of them."""
    with source.reading() as reader, target.writing() as writer:
        for table in SETTINGS:
            rows = [row._asdict() for row in reader.execute(select(table))]
            if rows:
                writer.execute(insert(table), rows)
