"""Events, records and alerts by Query DSL, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pyarrow as pa

from rarebit.app.elastic_results import alert_form, form
from rarebit.app.home import Home
from rarebit.app.show import condition
from rarebit.core.errors import QueryError
from rarebit.core.fields import ID_CODE, TIME
from rarebit.core.time import parse_time
from rarebit.lake import documents, query_time
from rarebit.query.dsl import parse_dsl
from rarebit.query.sql import to_sql
from rarebit.query.tree import All, And, Exists, Node, Not, Nothing, Or, Range, Term, Terms

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
    if kind == "alerts":
        docs = [alert_form(alert) for alert in home.store.list_alerts(limit=HELD + 1)]
    else:
        docs = [form(record) for record in home.store.list_records(limit=HELD + 1)]
    return [doc for doc in docs[:HELD] if _meets(node, doc)], len(docs) <= HELD


def _condition(home: Home, query: Mapping[str, Any]) -> Node:
    return condition(home, msgspec.json.encode(query).decode(), "dsl")


def _meets(node: Node, doc: dict[str, Any]) -> bool:
    match node:
        case And():
            return all(_meets(each, doc) for each in node.nodes)
        case Or():
            return any(_meets(each, doc) for each in node.nodes)
        case Not():
            return not _meets(node.node, doc)
        case All() | Nothing():
            return isinstance(node, All)
        case _:
            return _has(node, doc)


def _has(node: Node, doc: dict[str, Any]) -> bool:
    """Whether a document has the value that a leaf asks for."""
    match node:
        case Exists():
            return doc.get(node.field) not in (None, [], "")
        case Term():
            return _equal(doc.get(node.field), node.value)
        case Terms():
            return any(_equal(doc.get(node.field), value) for value in node.values)
        case Range():
            return _between(doc.get(node.field), node)
        case _:
            raise QueryError(f"the query {type(node).__name__.lower()!r} is supported over events, not over results")


def _equal(held: object, value: object) -> bool:
    values = held if isinstance(held, list) else [held]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return any(
        each is not None and (str(each).lower() if isinstance(each, bool) else str(each)) == text for each in values
    )


def _between(held: object, node: Range) -> bool:
    if held is None or isinstance(held, list | dict):
        return False
    timed = node.field in ("timestamp", "time", "last", "@timestamp")
    place = _number(held, timed=timed)
    bounds = [
        None if bound is None else _number(bound, timed=timed) for bound in (node.gt, node.gte, node.lt, node.lte)
    ]
    above, least, below, most = bounds
    return (
        (above is None or place > above)
        and (least is None or place >= least)
        and (below is None or place < below)
        and (most is None or place <= most)
    )


def _number(value: object, *, timed: bool) -> float:
    """Milliseconds of a time, or the number itself."""
    try:
        return float(str(value))
    except ValueError as error:
        if timed:
            return parse_time(str(value).removeprefix("now-")) / 1000
        raise QueryError(f"{str(value)[:60]!r} is no number") from error
