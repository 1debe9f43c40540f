"""Peer groups as learnt week by week."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, insert, select

from rarebit.core.peer import Grouping
from rarebit.core.time import parse_time
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import groupings


class Groupings:
    """Groupings by kind of entity and time; those of the past stay, for what was judged by them.

    Parameters
    ----------
    database : Database
        Shared with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, grouping: Grouping) -> None:
        """Keep a grouping, in place of one of the same time."""
        key = {"entity_type": grouping.entity_type, "at_us": parse_time(grouping.at)}
        same = (groupings.c.entity_type == key["entity_type"]) & (groupings.c.at_us == key["at_us"])
        with self._database.writing() as connection:
            connection.execute(delete(groupings).where(same))
            connection.execute(insert(groupings), {**key, "body": rows.to_json(grouping)})

    def list(self, entity_type: str) -> list[Grouping]:
        """All groupings of a kind of entity, by time."""
        query = select(groupings.c.body).where(groupings.c.entity_type == entity_type).order_by(groupings.c.at_us)
        with self._database.reading() as connection:
            return [msgspec.json.decode(text, type=Grouping) for text in connection.execute(query).scalars()]

    def latest(self, entity_type: str) -> Grouping | None:
        """The newest grouping of a kind of entity; None before the first."""
        query = select(groupings.c.body).where(groupings.c.entity_type == entity_type)
        with self._database.reading() as connection:
            text = connection.execute(query.order_by(groupings.c.at_us.desc()).limit(1)).scalar()
        return None if text is None else msgspec.json.decode(text, type=Grouping)
