"""Small tables of one kind of struct each, by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Table, delete, select

from rarebit.store import rows
from rarebit.store.database import Database

Kind = TypeVar("Kind", bound=msgspec.Struct)


class Bodies(Generic[Kind]):
    """Structs that have an ``id``, in a table of ids and bodies.

    Parameters
    ----------
    database : Database
        Shared with the store.
    table : Table
        With the columns ``id`` and ``body``.
    kind : type
        Of the structs.
    """

    def __init__(self, database: Database, table: Table, kind: type[Kind]) -> None:
        self._database = database
        self._table = table
        self._kind = kind

    def put(self, new: Sequence[Kind]) -> None:
        """Keep structs, in place of those of the same ids."""
        made: list[dict[str, Any]] = [{"id": _id(each), "body": rows.to_json(each)} for each in new]
        with self._database.writing() as connection:
            rows.replace(connection, self._table, made, [row["id"] for row in made])

    def find(self, key: str) -> Kind | None:
        """The struct of exactly this id."""
        with self._database.reading() as connection:
            text = connection.execute(select(self._table.c.body).where(self._table.c.id == key)).scalar()
        return None if text is None else msgspec.json.decode(text, type=self._kind)

    def list(self) -> list[Kind]:
        """All of them by id."""
        with self._database.reading() as connection:
            texts = connection.execute(select(self._table.c.body).order_by(self._table.c.id)).scalars().all()
        return [msgspec.json.decode(text, type=self._kind) for text in texts]

    def delete(self, key: str) -> None:
        """Forget one, if it is there."""
        with self._database.writing() as connection:
            connection.execute(delete(self._table).where(self._table.c.id == key))


def _id(each: msgspec.Struct) -> str:
    key: str = each.id  # type: ignore[attr-defined]
    return key
