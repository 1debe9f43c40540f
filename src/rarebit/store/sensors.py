"""Alerts that sensors sent, kept among those of rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, delete, func, or_, select

from rarebit.core.edr import PREFIX
from rarebit.core.result import Alert
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import alerts

_END: Final = PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1)
Read = TypeVar("Read")


class SensorAlerts:
    """Alerts of sensors: those whose rule id begins with :data:`~rarebit.core.edr.PREFIX`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(
        self,
        *,
        own: bool | None,
        min_score: float | None = None,
        entity_id: str | None = None,
        limit: int | None = None,
    ) -> list[Alert]:
        """Alerts of sensors, those of our rules (``own``), or all (None), by falling score."""
        query = rows.filtered(alerts, min_score=min_score, start_us=None, end_us=None, entity_id=entity_id)
        if own is not None:
            query = query.where(or_(alerts.c.rule_id < PREFIX, alerts.c.rule_id >= _END) if own else OF_SENSORS)
        return self._read(rows.in_order(query, alerts, "score", limit), Alert)

    def between(self, kind: type[Read], start_us: int, end_us: int) -> list[Read]:
        """Alerts of sensors of ``[start_us, end_us)`` by time, as structs that hold but some of their fields."""
        query = select(alerts.c.body).where(OF_SENSORS, alerts.c.time_us >= start_us, alerts.c.time_us < end_us)
        return self._read(query.order_by(alerts.c.time_us, alerts.c.id), kind)

    def count(self) -> int:
        """How many there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(alerts).where(OF_SENSORS)).scalar_one())

    def drop(self, *, before_us: int, most: int) -> int:
        """Forget those before a time, and the oldest beyond so many; their events stay in the lake."""
        newest = select(alerts.c.time_us).where(OF_SENSORS).order_by(alerts.c.time_us.desc()).offset(most).limit(1)
        with self._database.writing() as connection:
            beyond = connection.execute(newest).scalar()
            gone = alerts.c.time_us < before_us
            if beyond is not None:
                gone = or_(gone, alerts.c.time_us <= beyond)
            return int(connection.execute(delete(alerts).where(OF_SENSORS, gone)).rowcount)

    def _read(self, query: Select[Any], kind: type[Read]) -> list[Read]:
        with self._database.reading() as connection:
            texts: Sequence[str] = connection.execute(query).scalars().all()
        return msgspec.json.decode("[" + ",".join(texts) + "]", type=list[kind])  # type: ignore[valid-type]


OF_SENSORS: Final[ColumnElement[bool]] = (alerts.c.rule_id >= PREFIX) & (alerts.c.rule_id < _END)
