"""Events, records and alerts by Query DSL, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pyarrow as pa

from rarebit.app.elastic_results import alert_form, form
from rarebit.app.home import Home
from rarebit.app.match import check, meets
from rarebit.app.show import condition
from rarebit.core.errors import QueryError
from rarebit.core.fields import ID_CODE, TIME
from rarebit.lake import documents, query_time
from rarebit.query.dsl import parse_dsl
from rarebit.query.sql import to_sql
from rarebit.query.tree import Node

MOST_HITS: Final = 10_000
"""As deep as pages go by ``from``; ``search_after`` goes on from there."""
_TIES: Final = 2_000
"""Events of one microsecond that a page can be cut in."""
HELD: Final = 20_000

Hit = tuple[dict[str, Any], list[Any]]
"""A document, and the values by which the next page goes on after it."""


def count_events(home: Home, query: Mapping[str, Any]) -> int:
    """How many events meet a query."""
    if home.lake.version() < 0:
        return 0
    sql = to_sql(_condition(home, query))
    with query_time():
        return int(home.lake.sql(f"SELECT count(*) AS n FROM events WHERE {sql}").column("n")[0].as_py())


def search_events(
    home: Home, query: Mapping[str, Any], *, size: int, start: int, after: list[Any] | None, newest_first: bool
) -> list[Hit]:
    """Events that meet a query, by time; their sort values are the time in microseconds and the code of the id.

    Raises
    ------
    QueryError
        If the query or ``after`` is wrong.
    """
    sql = to_sql(_condition(home, query))
    if home.lake.version() < 0:
        return []
    place: tuple[int, int] | None = None
    span: dict[str, int] = {}
    if after is not None:
        if len(after) != 2 or not all(type(value) is int for value in after):  # noqa: PLR2004
            raise QueryError("search_after takes the two sort values of the last hit")
        place = (after[0], after[1])
        span = {"end_us": after[0] + 1} if newest_first else {"start_us": after[0]}
    limit = start + size + (_TIES if place else 0)
    with query_time():
        found = home.lake.events(where=sql, limit=limit, newest_first=newest_first, **span)  # type: ignore[arg-type]
    times = found.column(TIME).cast(pa.int64()).to_pylist()
    places = list(zip(times, found.column(ID_CODE).to_pylist(), strict=True))
    if place is not None:
        start += sum(each >= place if newest_first else each <= place for each in places)
    docs = documents(found.slice(start, size))
    return [(doc, list(each)) for doc, each in zip(docs, places[start : start + size], strict=True)]


def search_results(home: Home, query: Mapping[str, Any], *, kind: str) -> tuple[list[dict[str, Any]], bool]:
    """Records, in the form of Elastic's results, or alerts that meet a query, and whether all were looked at.

    Looked at are the :data:`HELD` of the highest scores.

    Raises
    ------
    QueryError
        If the query is wrong, or asks for what can be asked of events only.
    """
    node = parse_dsl(query)
    check(node)
    if kind == "alerts":
        docs = [alert_form(alert) for alert in home.store.list_alerts(limit=HELD + 1)]
    else:
        docs = [form(record) for record in home.store.list_records(limit=HELD + 1)]
    return [doc for doc in docs[:HELD] if meets(node, doc)], len(docs) <= HELD


def _condition(home: Home, query: Mapping[str, Any]) -> Node:
    return condition(home, msgspec.json.encode(query).decode(), "dsl")
