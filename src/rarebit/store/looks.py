"""What each person had in front of them when they last said so, and how many cases there are."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, func, insert, select

from rarebit.core.people import Look
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import cases, looks


class Looks:
    """The last look of every account at the queue.

    Parameters
    ----------
    database : Database
        Shared with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, account: str, look: Look) -> None:
        """Keep a look in place of the one before."""
        row = {"account": account, "at_us": look.at_us, "body": rows.to_json(look)}
        with self._database.writing() as connection:
            connection.execute(delete(looks).where(looks.c.account == account))
            connection.execute(insert(looks), row)

    def get(self, account: str) -> Look | None:
        """The last look of an account; None before the first."""
        with self._database.reading() as connection:
            text = connection.execute(select(looks.c.body).where(looks.c.account == account)).scalar()
        return None if text is None else msgspec.json.decode(text, type=Look)

    def case_counts(self) -> dict[str, int]:
        """Number of cases in each state that there is."""
        query = select(cases.c.state, func.count()).group_by(cases.c.state)
        with self._database.reading() as connection:
            return {str(state): int(number) for state, number in connection.execute(query)}
