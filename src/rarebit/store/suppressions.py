"""Suppressions and what they hide, in the database."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, insert, select

from rarebit.core.suppression import Hidden, Hits, Suppression
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import suppressed, suppressions


class Suppressions:
    """All suppressions, those taken back included, and the findings that each hides or hid.

    Parameters
    ----------
    database : Database
        Shared with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, new: Suppression) -> None:
        """Keep a suppression, in place of one of the same id."""
        row = {"id": new.id, "created_us": new.created_us, "body": rows.to_json(new)}
        with self._database.writing() as connection:
            known = rows.existing(connection, suppressions, [new.id])
            rows.replace(connection, suppressions, [row], list(known))

    def get(self, suppression_id: str) -> Suppression:
        """The suppression with an id, or with the only id that begins so.

        Raises
        ------
        NotFoundError
            If there is none, or there are several.
        """
        with self._database.reading() as connection:
            return msgspec.json.decode(rows.body(connection, suppressions, suppression_id), type=Suppression)

    def hide(self, new: Sequence[Hidden]) -> None:
        """Note findings that are hidden from now on; none of them was noted of the same suppression before."""
        if new:
            with self._database.writing() as connection:
                connection.execute(insert(suppressed), [msgspec.structs.asdict(each) for each in new])

    def hidden(self) -> list[Hidden]:
        """Findings that suppressions hide or hid, by suppression and time."""
        query = select(suppressed).order_by(suppressed.c.suppression_id, suppressed.c.time_us, suppressed.c.finding_id)
        with self._database.reading() as connection:
            return [Hidden(**row._asdict()) for row in connection.execute(query)]

    def hits(self) -> dict[str, Hits]:
        """How many findings each suppression hides or hid, and the time of the last."""
        query = select(
            suppressed.c.suppression_id, func.count().label("findings"), func.max(suppressed.c.time_us).label("last_us")
        ).group_by(suppressed.c.suppression_id)
        with self._database.reading() as connection:
            return {row.suppression_id: Hits(findings=row.findings, last_us=row.last_us)
                    for row in connection.execute(query)}  # fmt: skip

    def list(self) -> list[Suppression]:
        """All suppressions by the time they were made."""
        query = select(suppressions.c.body).order_by(suppressions.c.created_us, suppressions.c.id)
        with self._database.reading() as connection:
            return [msgspec.json.decode(text, type=Suppression) for text in connection.execute(query).scalars()]
