"""Listings as columns of text: ``_cat/ml``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from fastapi import Request, Response

from rarebit.app import elastic_feeds, elastic_jobs
from rarebit.core.errors import InputError
from rarebit.web.access import home_of
from rarebit.web.elastic.parts import flag_of, path_of, reply
from rarebit.web.sight import status_of

_JOBS = ("id", "state", "data.processed_records", "model.bytes", "data.latest_record")
_FEEDS = ("id", "state", "job_id")


def jobs(request: Request) -> Response:
    """Jobs, a line each."""
    home = home_of(request)
    standing = {line.id: line for line in status_of(request).jobs}
    opened = elastic_jobs.opened(home)
    lines = []
    for job in elastic_jobs.jobs_like(home, path_of(request, "job_id")):
        held = standing.get(job.job_id)
        notes = home.store.care.list_snapshots(job.job_id)
        newest = max(notes, key=lambda note: note.lake_version, default=None)
        told = (
            job.job_id,
            "opened" if job.job_id in opened else "closed",
            str(newest.rows if newest else 0),
            str(held.memory.get("memory_bytes", 0) if held else 0),
            (held.reached if held else None) or "",
        )
        lines.append(dict(zip(_JOBS, told, strict=True)))
    return _told(request, lines, _JOBS)


def datafeeds(request: Request) -> Response:
    """Datafeeds, a line each."""
    home = home_of(request)
    started = elastic_jobs.started(home)
    lines = [
        {"id": name, "state": "started" if job_id in started else "stopped", "job_id": job_id}
        for name, job_id in elastic_feeds.feeds_like(home, path_of(request, "datafeed_id"))
    ]
    return _told(request, lines, _FEEDS)


def _told(request: Request, lines: Sequence[dict[str, str]], known: tuple[str, ...]) -> Response:
    asked = request.query_params
    names = _columns(asked.get("h", "*"), known)
    rows = [[line[name] for name in names] for line in lines]
    form = asked.get("format", "text")
    if form == "json":
        return reply([dict(zip(names, row, strict=True)) for row in rows])
    if form != "text":
        raise InputError(f"[format] must be text or json, not {form[:20]!r}")
    if flag_of(dict(asked), "v"):
        rows.insert(0, list(names))
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(len(names))]
    text = "".join(" ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows)
    return Response(text, media_type="text/plain")


def _columns(asked: str, known: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for pattern in asked.split(","):
        fits = [name for name in known if fnmatchcase(name, pattern.strip())]
        if not fits:
            raise InputError(f"there is no column [{pattern[:40]}]", hint=f"Columns: {', '.join(known)}")
        found |= dict.fromkeys(fits)
    return tuple(found)
