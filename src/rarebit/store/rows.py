"""Rows of the tables: made from structs, upserted by id, looked up by an id or the beginning of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, Table, delete, insert, select

from rarebit.core.errors import NotFoundError
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import parse_time

SHORTEST_PREFIX: Final = 6
_CHUNK: Final = 500
_NAMED: Final = 5


def to_json(value: object) -> str:
    """JSON of a struct or of plain data."""
    return msgspec.json.encode(value).decode()


def record_row(record: Record) -> dict[str, Any]:
    """Row of a record."""
    return {
        "id": record.id,
        "job_id": record.job_id,
        "time_us": parse_time(record.time),
        "score": record.record_score,
        "initial_score": record.initial_record_score,
        "initial_expected": record.initial_expected_per_week,
        "entity_id": record.entity_id,
        "body": to_json(record),
    }


def alert_row(alert: Alert) -> dict[str, Any]:
    """Row of an alert."""
    return {
        "id": alert.id,
        "rule_id": alert.rule_id,
        "record_id": alert.record_id,
        "time_us": parse_time(alert.timestamp),
        "score": alert.score,
        "entity_id": alert.entity_id,
        "body": to_json(alert),
    }


def case_row(case: Case, *, judged: bool) -> dict[str, Any]:
    """Row of a case; `judged` when a person set its state and verdict."""
    return {
        "id": case.id,
        "rank": case.rank,
        "state": case.state,
        "verdict": case.verdict,
        "judged": judged,
        "updated_us": parse_time(case.updated_at),
        "entity_id": case.entity.id,
        "body": to_json(case),
    }


def filtered(
    table: Table, *, min_score: float | None, start_us: int | None, end_us: int | None, entity_id: str | None
) -> Select[Any]:
    """Bodies of a table with a score, a time and an entity, of the rows that meet all that is given."""
    query = select(table.c.body)
    if min_score is not None:
        query = query.where(table.c.score >= min_score)
    if start_us is not None:
        query = query.where(table.c.time_us >= start_us)
    if end_us is not None:
        query = query.where(table.c.time_us < end_us)
    if entity_id is not None:
        query = query.where(table.c.entity_id == entity_id)
    return query


def in_order(query: Select[Any], table: Table, sort: str, limit: int | None) -> Select[Any]:
    """The query by rising ``time`` or by falling ``score``, at most so many."""
    order = (table.c.time_us, table.c.id) if sort == "time" else (table.c.score.desc(), table.c.id.desc())
    return query.order_by(*order).limit(limit)


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in parts that fit one statement."""
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def existing(connection: Connection, table: Table, ids: Sequence[str], *columns: str) -> dict[str, Row[Any]]:
    """Rows (columns asked for, then the id) of the ids that are there."""
    found: dict[str, Row[Any]] = {}
    chosen = [*(table.c[name] for name in columns), table.c.id]
    for part in chunks(ids):
        found.update((row.id, row) for row in connection.execute(select(*chosen).where(table.c.id.in_(part))))
    return found


def replace(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], known: Sequence[str]) -> None:
    """Insert rows in place of those known; works on every database."""
    for part in chunks(known):
        connection.execute(delete(table).where(table.c.id.in_(part)))
    if rows:
        connection.execute(insert(table), list(rows))


def body(connection: Connection, table: Table, key: str) -> str:
    """JSON of the row with an id, or with the only id that begins so.

    Raises
    ------
    NotFoundError
        If there is none, or there are several.
    """
    found = connection.execute(select(table.c.body).where(table.c.id == key)).scalar()
    if found is not None:
        return str(found)
    kind = table.name.removesuffix("s")
    if len(key) < SHORTEST_PREFIX:
        raise NotFoundError(
            f"there is no {kind} {key!r}",
            hint=f"Give an id, or at least the first {SHORTEST_PREFIX} characters of one.",
        )
    alike = connection.execute(
        select(table.c.id, table.c.body).where(_begins(connection, table, key)).order_by(table.c.id).limit(_NAMED + 1)
    ).all()
    if not alike:
        raise NotFoundError(f"there is no {kind} {key!r}", hint=f"List them with: rarebit {kind} list")
    if len(alike) > 1:
        names = ", ".join(row.id for row in alike[:_NAMED]) + (", …" if len(alike) > _NAMED else "")
        raise NotFoundError(f"{key!r} is the beginning of several {table.name}: {names}", hint="Give more of the id.")
    return str(alike[0].body)


def _begins(connection: Connection, table: Table, prefix: str) -> Any:  # noqa: ANN401 - an SQL condition
    if connection.dialect.name == "sqlite":  # its LIKE ignores case and so would not use the index
        return (table.c.id >= prefix) & (table.c.id < prefix + chr(0x10FFFF))
    return table.c.id.startswith(prefix, autoescape=True)
