"""Events sent by programs: NDJSON, and the bulk form that shippers of Elasticsearch speak."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from rarebit.app.intake import BulkItem, read_bulk, read_events
from rarebit.core.errors import BusyError
from rarebit.web.access import key_of, live_of
from rarebit.web.body import LONGEST_INTAKE, read_body

AT_ONCE: Final = 4
"""Requests of events worked on at the same time; each may hold :data:`LONGEST_INTAKE`."""
_SHOWN_FAULTS: Final = 100


async def bulk(request: Request) -> Response:
    """Take events in Elasticsearch's bulk form; answers once they are on disk, with what became of each."""
    index = request.path_params.get("index", "")

    def work(data: bytes) -> Response:
        started = time.monotonic()
        items, taken = read_bulk(data, index)
        live_of(request).add(source_of(request), taken)
        body = {
            "errors": any(item.fault is not None for item in items),
            "took": int((time.monotonic() - started) * 1000),
            "items": [_told(item) for item in items],
        }
        return _json(body)

    return await _worked(request, work)


async def events(request: Request) -> Response:
    """Take events as NDJSON, one a line; answers once they are on disk, and names lines that were not taken."""

    def work(data: bytes) -> Response:
        lines = read_events(data)
        live_of(request).add(source_of(request), [line.event for line in lines if line.fault is None])
        faults = [
            {"line": number, "reason": line.fault.reason}
            for number, line in enumerate(lines, 1)
            if line.fault is not None
        ]
        body = {
            "taken": len(lines) - len(faults),
            "refused": len(faults),
            "faults": faults[:_SHOWN_FAULTS],
        }
        return _json(body, status=400 if faults and len(faults) == len(lines) else 200)

    return await _worked(request, work)


def source_of(request: Request) -> str:
    """Name under which account is kept of what a sender sends."""
    key = key_of(request)
    return f"http {key.name} {key.id}" if key is not None else "http"


async def _worked(request: Request, work: Callable[[bytes], Response]) -> Response:
    async with _slot(request):
        return await run_in_threadpool(work, await read_body(request, LONGEST_INTAKE))


@asynccontextmanager
async def _slot(request: Request) -> AsyncIterator[None]:
    """One of few places; there is none left where too many send at once."""
    state = request.app.state
    if state.intakes >= AT_ONCE:
        raise BusyError("too many send events at once", hint="Send them again in some seconds.")
    state.intakes += 1
    try:
        yield
    finally:
        state.intakes -= 1


def _told(item: BulkItem) -> dict[str, Any]:
    """One item in the form of that API."""
    named: dict[str, Any] = {"_index": item.index, "_id": item.id}
    if item.fault is not None:
        named |= {"status": 400, "error": {"type": item.fault.kind, "reason": item.fault.reason}}
    else:
        shards = {"total": 1, "successful": 1, "failed": 0}
        named |= {
            "_version": 1,
            "result": "created",
            "_shards": shards,
            "_seq_no": 0,
            "_primary_term": 1,
            "status": 201,
        }
    return {item.action: named}


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")
