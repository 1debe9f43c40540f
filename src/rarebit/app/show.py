"""What was found, and the events behind it."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa

from rarebit.app.edr import Sensed, coverage
from rarebit.app.hide import hidden_by
from rarebit.app.home import Home
from rarebit.app.jobs import check_asset_fields, get_job
from rarebit.app.run import require_events
from rarebit.asset.people import is_looked_up
from rarebit.core.edr import MARKS
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import DAY_US, day_of, parse_time
from rarebit.lake import documents
from rarebit.query.dsl import parse_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.lucene import parse_lucene
from rarebit.query.sql import to_sql
from rarebit.query.tree import Node, fields_of, rewrite

Language = Literal["kql", "lucene", "dsl"]
ALERT_SOURCES = ("rules", "edr", "all")
CASE_STATES = ("open", "closed", "below", "withdrawn", "all")


def records(
    home: Home,
    *,
    job_id: str | None = None,
    min_score: float | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    host: str | None = None,
    limit: int | None = None,
) -> list[Record]:
    """Records, the highest score first."""
    require_events(home)
    return home.store.list_records(
        job_id=job_id, min_score=min_score, start_us=since_us, end_us=until_us, entity_id=host, limit=limit
    )


def alerts(
    home: Home,
    *,
    source: str = "rules",
    min_score: float | None = None,
    host: str | None = None,
    limit: int | None = None,
    suppressed: bool = False,
) -> tuple[list[Alert], int]:
    """Alerts of one of :data:`ALERT_SOURCES`, the highest score first, and how many more suppressions hide.

    Those too if asked for (``suppressed``).

    Raises
    ------
    InputError
        If there is no such source.
    """
    require_events(home)
    if source not in ALERT_SOURCES:
        raise InputError(f"{source!r} is no source of alerts", hint=f"One of {', '.join(ALERT_SOURCES)}")
    by = {} if suppressed else hidden_by(home)
    own = None if source == "all" else source == "rules"
    found = home.store.sensors.listed(own=own, min_score=min_score, entity_id=host, limit=None if by else limit)
    seen = [alert for alert in found if (alert.record_id or alert.id) not in by]
    return seen[:limit], len(found) - len(seen)


def sensed(home: Home) -> list[Sensed]:
    """Every host ever heard of, and by which sensors that run on hosts."""
    require_events(home)
    return coverage(home)


def cases(home: Home, *, state: str = "open", edr: str | None = None, limit: int | None = None) -> list[Case]:
    """Cases by rank; ``all`` states, or one of :data:`CASE_STATES`; of one mark of the EDR if it is given.

    Raises
    ------
    InputError
        If there is no such state or mark.
    """
    if edr is not None:
        if edr not in MARKS:
            raise InputError(f"{edr!r} is no mark of the EDR", hint=f"One of {', '.join(MARKS)}")
        return [case for case in cases(home, state=state) if case.edr == edr][:limit]
    require_events(home)
    if state not in CASE_STATES:
        raise InputError(f"{state!r} is no state of a case", hint=f"One of {', '.join(CASE_STATES)}")
    return home.store.list_cases(state=None if state == "all" else state, limit=limit)


def case(home: Home, case_id: str) -> Case:
    """A case by id, by the beginning of its id, or by its rank.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    require_events(home)
    if case_id.isdigit() and len(case_id) < 6:  # noqa: PLR2004 shorter than any id
        for found in home.store.list_cases():
            if found.rank == int(case_id) and found.state in ("open", "below", "closed"):
                return found
    return home.store.get_case(case_id)


def condition(home: Home, text: str, language: Language = "kql") -> Node:
    """A query of any language as a tree, with ``asset.*`` turned into hosts.

    Raises
    ------
    QueryError, InputError, DefinitionError
        If it does not parse, or names an asset attribute that no host has.
    """
    if language == "dsl":
        import msgspec

        try:
            node = parse_dsl(msgspec.json.decode(text))
        except msgspec.DecodeError as error:
            raise InputError(f"not JSON: {error}", hint="Query DSL is one JSON object") from error
    else:
        node = parse_kql(text) if language == "kql" else parse_lucene(text)
    fields = [name for name in fields_of(node) if is_looked_up(name)]
    check_asset_fields(home, fields)
    return rewrite(node, home.resolvers(fields)) if fields else node  # type: ignore[arg-type]


def events(
    home: Home,
    *,
    where: str | None = None,
    language: Language = "kql",
    record_id: str | None = None,
    alert_id: str | None = None,
    case_id: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Events as nested ECS documents: by query, or those behind a record, an alert or a case.

    Raises
    ------
    InputError
        If not exactly one of the four is asked for.
    """
    require_events(home)
    asked = [name for name in (where, record_id, alert_id, case_id) if name is not None]
    if len(asked) != 1:
        raise InputError("say which events", hint="Give one of --record, --alert, --case, --where")
    if where is not None:
        sql = to_sql(condition(home, where, language))
        return documents(home.lake.events(where=sql, limit=limit, start_us=since_us, end_us=until_us))
    found = _by_id(home, *_ids(home, record_id, alert_id, case_id))
    return documents(found.slice(0, limit) if limit is not None else found)


def _ids(home: Home, record_id: str | None, alert_id: str | None, case_id: str | None) -> tuple[list[str], list[str]]:
    if record_id is not None:
        held = [home.store.get_record(record_id)]
    elif alert_id is not None:
        alert = home.store.get_alert(alert_id)
        if not alert.record_id:
            days = (parse_time(alert.timestamp) // DAY_US, parse_time(alert.last) // DAY_US)
            return list(alert.event_ids), [day_of(day * DAY_US) for day in range(days[0], days[1] + 1)]
        held = [home.store.get_record(alert.record_id)]
    else:
        held = [home.store.get_record(name) for name in case(home, case_id or "").record_ids]
    ids = list(dict.fromkeys(name for record in held for name in record.event_ids))
    return ids, sorted({day for record in held for day in _days(record)})


def _days(record: Record) -> list[str]:
    """Events of an observation lie within the hour of its first, hence on that day or the next."""
    at = parse_time(record.time)
    return [day_of(at), day_of(at + DAY_US)]


def _by_id(home: Home, ids: list[str], days: list[str]) -> pa.Table:
    return home.lake.by_id(ids, days=days)


def next_steps(home: Home, case: Case) -> list[str]:
    """What to look at next, and what would make it benign, by the guide of the job with the strongest reason."""
    if not case.reasons:
        return []
    record = home.store.get_record(case.reasons[0].id)
    try:
        guide = get_job(home, record.job_id).guide
    except NotFoundError:
        return []
    return [*guide.next_steps, *(f"benign if: {text}" for text in guide.benign)]
