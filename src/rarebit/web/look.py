"""Pages to look around: records, events, jobs, health."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from rarebit.app import show
from rarebit.app.jobs import get_job, list_jobs
from rarebit.core.errors import InputError
from rarebit.core.event_line import event_line
from rarebit.core.live import SourceStanding
from rarebit.core.time import iso, parse_time
from rarebit.web.access import home_of, live_of
from rarebit.web.answer import Data, answer, plain
from rarebit.web.sight import status_of

SHOWN = 100
MOST = 1000
LANGUAGES = ("kql", "lucene", "dsl")
_FILES = 200


def records_page(
    request: Request,
    job: str = "",
    host: str = "",
    min_score: str = "",
    since: str = "",
    until: str = "",
    limit: int = SHOWN,
) -> Response:
    """Records, the highest score first."""
    limit = max(1, min(limit, MOST))
    found = show.records(
        home_of(request),
        job_id=job or None,
        host=host or None,
        min_score=_score(min_score),
        since_us=moment(since),
        until_us=moment(until),
        limit=limit + 1,
    )
    asked = {"job": job, "host": host, "min_score": min_score, "since": since, "until": until, "limit": limit}
    data: Data = {"records": plain(found[:limit]), "more": len(found) > limit, "asked": asked}
    return answer(request, "records.html", data)


def record_page(request: Request, record_id: str) -> Response:
    """One record with the counts it rests on, and its events."""
    home = home_of(request)
    record = home.store.get_record(record_id)
    found = show.events(home, record_id=record.id, limit=SHOWN)
    data: Data = {"record": plain(record), "events": _lines(found)}
    return answer(request, "record.html", data)


def events_page(
    request: Request,
    where: str = "",
    language: str = "kql",
    since: str = "",
    until: str = "",
    case: str = "",
    record: str = "",
    limit: int = SHOWN,
) -> Response:
    """Events by query, or those behind a case or a record."""
    limit = max(1, min(limit, MOST))
    check_language(language)
    asked = {"where": where, "language": language, "since": since, "until": until, "case": case, "record": record}
    data: Data = {"asked": asked | {"limit": limit}, "languages": list(LANGUAGES), "events": None, "more": False}
    if where or case or record:
        found = show.events(
            home_of(request),
            where=where or None,
            language=language,  # type: ignore[arg-type]
            case_id=case or None,
            record_id=record or None,
            since_us=moment(since),
            until_us=moment(until),
            limit=limit + 1,
        )
        data |= {"events": _lines(found[:limit]), "more": len(found) > limit}
    return answer(request, "events.html", data)


def _lines(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"line": plain(event_line(event)), "event": event} for event in events]


def jobs_page(request: Request) -> Response:
    """All jobs, and how those that run stand."""
    standing = {job.id: job for job in status_of(request).jobs}
    lines = [plain(line) | {"status": plain(standing.get(line.id))} for line in list_jobs(home_of(request))]
    lines.sort(key=lambda line: (line["status"] is None, line["id"]))
    return answer(request, "jobs.html", {"jobs": lines})


def job_page(request: Request, job_id: str) -> Response:
    """One job: what it means, its detectors, its definition."""
    job = get_job(home_of(request), job_id)
    standing = {line.id: line for line in status_of(request).jobs}.get(job.job_id)
    line = next((line for line in list_jobs(home_of(request)) if line.id == job.job_id), None)
    data: Data = {"job": plain(job), "status": plain(standing), "line": plain(line)}
    return answer(request, "job.html", data)


def health_page(request: Request) -> Response:
    """What the installation sees, and what it cannot."""
    found = status_of(request)
    files = home_of(request).store.list_file_reports()
    troubled = [report for report in files if report.error or report.skipped]
    shown = [*troubled, *(report for report in reversed(files) if not (report.error or report.skipped))][:_FILES]
    data: Data = {
        "status": plain(found),
        "files": plain(shown),
        "files_in_all": len(files),
        "live": plain(live_of(request).standing()),
        "sources": [_source(source) for source in home_of(request).store.live.sources.list()],
    }
    return answer(request, "health.html", data)


def _source(source: SourceStanding) -> Data:
    """A source, with times to be shown."""
    return {
        "id": source.id,
        "events": source.events,
        "watermark": iso(source.watermark_us) if source.watermark_us is not None else None,
        "arrived": iso(source.arrived_us) if source.arrived_us is not None else None,
        "late_events": source.late_events,
        "latest_seconds": source.latest_us // 1_000_000,
    }


def check_language(name: str) -> None:
    """Refuse a query language that pages do not know.

    Raises
    ------
    InputError
        If it is none of :data:`LANGUAGES`.
    """
    if name not in LANGUAGES:
        raise InputError(f"{name!r} is no query language here", hint=f"One of {', '.join(LANGUAGES)}")


def moment(text: str) -> int | None:
    """Microseconds since 1970 of a time as people write it; None if there is none."""
    return parse_time(text) if text else None


def _score(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no score", hint="A number from 0 to 100") from error
