"""Results in an order that does not change, from a place on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, Table, not_, select, tuple_

from rarebit.core.time import parse_time
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.sensors import OF_SENSORS
from rarebit.store.tables import alerts, cases, records

Place = tuple[int, str]
"""Time in microseconds since 1970, and id."""
Body = dict[str, Any]


class _Opened(msgspec.Struct, frozen=True):
    id: str
    opened_at: str


class Pages:
    """Pages of records, alerts and cases; a part of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self, after: Place | None, *, falls: bool, limit: int) -> list[tuple[Place, Body]]:
        """Records after a place, by the time of their first event and by id."""
        return self._read(select(records.c.time_us, records.c.id, records.c.body), records, after, falls, limit)

    def alerts(self, after: Place | None, *, falls: bool, limit: int, own: bool | None) -> list[tuple[Place, Body]]:
        """Alerts after a place: of our rules (``own``), of sensors, or all (None)."""
        query = select(alerts.c.time_us, alerts.c.id, alerts.c.body)
        if own is not None:
            query = query.where(not_(OF_SENSORS) if own else OF_SENSORS)
        return self._read(query, alerts, after, falls, limit)

    def cases(self) -> list[Place]:
        """Places of all cases: when they were opened, and id, rising."""
        with self._database.reading() as connection:
            texts = list(connection.execute(select(cases.c.body)).scalars())
        found = [msgspec.json.decode(text, type=_Opened) for text in texts]
        return sorted((parse_time(each.opened_at), each.id) for each in found)

    def case_bodies(self, ids: Sequence[str]) -> dict[str, Body]:
        """Cases by id, those that there are."""
        found: dict[str, Body] = {}
        with self._database.reading() as connection:
            for part in rows.chunks(ids):
                query = select(cases.c.id, cases.c.body).where(cases.c.id.in_(part))
                found |= {name: msgspec.json.decode(text) for name, text in connection.execute(query)}
        return found

    def _read(
        self, query: Select[Any], table: Table, after: Place | None, falls: bool, limit: int
    ) -> list[tuple[Place, Body]]:
        place = tuple_(table.c.time_us, table.c.id)
        if after is not None:
            query = query.where(place < after if falls else place > after)
        order = (table.c.time_us.desc(), table.c.id.desc()) if falls else (table.c.time_us, table.c.id)
        with self._database.reading() as connection:
            found = list(connection.execute(query.order_by(*order).limit(limit)))
        return [((at, name), msgspec.json.decode(text)) for at, name, text in found]
