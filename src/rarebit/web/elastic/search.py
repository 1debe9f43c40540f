"""``_search`` and ``_count`` by Query DSL."""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import Request, Response

from rarebit.app import search
from rarebit.core.errors import InputError, QueryError
from rarebit.web.access import home_of
from rarebit.web.body import int_of
from rarebit.web.elastic.parts import MOST, args_of, path_of, reply

_KNOWN: Final = {
    "query", "size", "from", "sort", "search_after", "track_total_hits", "_source", "timeout", "ignore_unavailable",
    "allow_no_indices", "expand_wildcards", "rest_total_hits_as_int", "filter_path", "pretty", "typed_keys",
}  # fmt: skip
_LARGEST: Final = 1_000


def count(request: Request) -> Response:
    """How many documents meet a query."""
    args = args_of(request)
    kind, query = _kind(path_of(request, "index")), _query(args)
    home = home_of(request)
    if kind == "events":
        found = search.count_events(home, query)
    else:
        docs, whole = search.search_results(home, query, kind=kind)
        found = len(docs)
        if not whole:
            raise QueryError(
                f"more than {search.HELD:,} {kind} are held, and only so many are counted", hint="Ask for a page."
            )
    return reply({"count": found, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}})


def find(request: Request) -> Response:
    """Documents that meet a query: events by time, records and alerts by any of their fields."""
    begun = time.monotonic()
    args = args_of(request)
    unknown = args.keys() - _KNOWN
    if unknown:
        raise QueryError(f"[{min(unknown)[:60]}] of a search is not supported")
    size = int_of(args.get("size", 10), "size", least=0, most=_LARGEST)
    start = int_of(args.get("from", 0), "from", least=0, most=MOST)
    if start + size > MOST:
        raise QueryError(f"[from] and [size] reach no further than {MOST:,}", hint="Go on with search_after.")
    kind, home, query = _kind(path_of(request, "index")), home_of(request), _query(args)
    after = args.get("search_after")
    if after is not None and (not isinstance(after, list) or start):
        raise QueryError("[search_after] is a list, and stands without [from]")
    name, falls = _sort(args.get("sort"), "@timestamp" if kind == "events" else "timestamp")
    if kind == "events":
        if name != "@timestamp":
            raise QueryError(f"events are sorted by [@timestamp] alone, not by [{name[:60]}]")
        total = search.count_events(home, query) if args.get("track_total_hits", True) not in (False, "false") else None
        hits = search.search_events(home, query, size=size, start=start, after=after, newest_first=falls)
        return reply(_answer(kind, hits, total, begun))
    if after is not None:
        raise QueryError("[search_after] is supported over events")
    found, whole = search.search_results(home, query, kind=kind)
    if any(not isinstance(doc.get(name), str | int | float) for doc in found):
        raise QueryError(f"[{name[:60]}] cannot be sorted by")
    found.sort(key=lambda doc: (doc[name], doc["id"]), reverse=falls)
    return reply(
        _answer(kind, [(doc, [doc[name]]) for doc in found[start : start + size]], len(found), begun, whole=whole)
    )


def _answer(
    kind: str, hits: list[search.Hit], total: int | None, begun: float, *, whole: bool = True
) -> dict[str, Any]:
    names = {"events": "events", "records": ".ml-anomalies-rarebit", "alerts": ".alerts-rarebit"}
    lines = [
        {"_index": names[kind], "_id": _id(doc), "_score": None, "_source": doc, "sort": sort} for doc, sort in hits
    ]
    body: dict[str, Any] = {"hits": lines, "max_score": None}
    if total is not None:
        body = {"total": {"value": total, "relation": "eq" if whole else "gte"}} | body
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    took = int((time.monotonic() - begun) * 1000)
    return {"took": took, "timed_out": False, "_shards": shards, "hits": body}


def _id(doc: dict[str, Any]) -> str:
    event = doc.get("event")
    return str(doc.get("id") or (event.get("id") if isinstance(event, dict) else "") or "")


def _kind(index: str) -> str:
    if index.startswith(".ml-anomalies"):
        return "records"
    return "alerts" if index.startswith((".alerts", ".internal.alerts")) else "events"


def _query(args: dict[str, Any]) -> dict[str, Any]:
    query = args.get("query", {"match_all": {}})
    if not isinstance(query, dict):
        raise InputError("[query] is an object")
    return query


def _sort(given: object, default: str) -> tuple[str, bool]:
    """Field and whether it falls, of ``sort`` in any of its forms."""
    first = given[0] if isinstance(given, list) and given else given
    if first in (None, []):
        return default, True
    if isinstance(first, str):
        name, _, order = first.partition(":")
        return name, order == "desc"
    if isinstance(first, dict) and len(first) == 1:
        name, how = next(iter(first.items()))
        order = how.get("order", "asc") if isinstance(how, dict) else how
        if order in ("asc", "desc"):
            return name, order == "desc"
    raise QueryError("[sort] cannot be read")
