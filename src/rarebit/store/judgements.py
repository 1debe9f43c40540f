"""Verdicts on cases, with the behaviours they were given of."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, insert, select

from rarebit.core.verdict import Judgement
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import verdicts


class Judgements:
    """The verdict that stands on each case; earlier ones are in the audit.

    Parameters
    ----------
    database : Database
        Shared with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, new: Judgement) -> None:
        """Keep a verdict, in place of an earlier one on the same case."""
        with self._database.writing() as connection:
            connection.execute(delete(verdicts).where(verdicts.c.case_id == new.case_id))
            row = {"case_id": new.case_id, "at_us": new.at_us, "body": rows.to_json(new)}
            connection.execute(insert(verdicts), row)

    def get(self, case_id: str) -> Judgement | None:
        """The verdict on a case; None where there is none."""
        with self._database.reading() as connection:
            text = connection.execute(select(verdicts.c.body).where(verdicts.c.case_id == case_id)).scalar()
        return None if text is None else msgspec.json.decode(text, type=Judgement)

    def list(self) -> list[Judgement]:
        """All verdicts that stand, by time."""
        query = select(verdicts.c.body).order_by(verdicts.c.at_us, verdicts.c.case_id)
        with self._database.reading() as connection:
            return [msgspec.json.decode(text, type=Judgement) for text in connection.execute(query).scalars()]

    def delete(self, case_id: str) -> None:
        """Take a verdict back, if there is one."""
        with self._database.writing() as connection:
            connection.execute(delete(verdicts).where(verdicts.c.case_id == case_id))
