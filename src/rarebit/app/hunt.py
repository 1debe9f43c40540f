"""Hunting: events, records and first-seen values by query, and stacks of them, the least frequent first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.app.memory import MOST_VALUES
from rarebit.app.run import require_events
from rarebit.app.show import Language, condition
from rarebit.core.errors import InputError, QueryError
from rarebit.core.fields import CODED, REST, TIME
from rarebit.core.result import Record
from rarebit.core.schema import EVENT_SCHEMA, has_column
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.lake import documents, query_time
from rarebit.query import literal
from rarebit.query.arrow import to_mask
from rarebit.query.columns import text_sql
from rarebit.query.sql import to_sql
from rarebit.query.tree import Leaf, Match, Node, Or, Phrase, Prefix, Term, Wildcard

OVER: Final = ("events", "records", "memory")
USUAL_US: Final = 7 * DAY_US
"""How far back is looked where nothing is said."""
HELD: Final = 20_000
"""Records gone through, the highest scores of the time asked for."""
SECONDS: Final = 10.0
"""After which a query is ended."""
_LONGEST_FIELD: Final = 200


class Stacked(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the field that is stacked by."""

    value: str | None
    """None where the field is absent."""
    count: int
    """Events, or records."""
    hosts: int
    """Different hosts; of records, different entities."""
    first: str
    last: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a hunt found."""

    rows: tuple[dict[str, Any], ...] = ()
    """Events as nested documents, records, or values of the memory."""
    more: bool = False
    """Whether there are more rows, or more values, than asked for."""
    stack: tuple[Stacked, ...] | None = None
    """By rising number of hosts, then of events; None where nothing is stacked."""
    met: int | None = None
    """Events or records that meet the query; None where they were not counted."""
    values: int | None = None
    """Different values of the field that is stacked by."""
    looked_at: int | None = None
    """Records gone through, where these are not all of the time asked for."""


def span_of(home: Home, since_us: int | None, until_us: int | None) -> tuple[int, int]:
    """The time asked for; its end is that of the events, and its beginning a week before that, if nothing is said."""
    last = home.lake.summary().last_us or 0
    end = last + 1 if until_us is None else until_us
    return (max(0, end - USUAL_US) if since_us is None else since_us), end


def hunt_events(home: Home, text: str, language: Language, *, span: tuple[int, int], stack: str, limit: int) -> Found:
    """Events that meet a query, the newest first, or stacked by a field.

    Raises
    ------
    QueryError
        If the query is wrong, or takes too long.
    """
    require_events(home)
    where = to_sql(condition(home, text, language))
    with query_time(SECONDS):
        if stack:
            return _stacked_events(home, where, span, _field(stack), limit)
        found = home.lake.events(where=where, limit=limit + 1, newest_first=True, start_us=span[0], end_us=span[1])
    rows = documents(found.slice(0, limit))
    return Found(rows=tuple(rows), more=found.num_rows > limit)


def _stacked_events(home: Home, where: str, span: tuple[int, int], field: str, limit: int) -> Found:
    time, host = literal.identifier(TIME), literal.identifier(CODED["host.name"])
    rows = home.lake.sql(
        f"SELECT {text_sql(field)} AS value, count(*) AS n, count(DISTINCT nullif({host}, 0)) AS hosts, "
        f"epoch_us(min({time})) AS first, epoch_us(max({time})) AS last, "
        f"sum(count(*)) OVER () AS met, count(*) OVER () AS different "
        f"FROM events WHERE ({where}) AND {time} >= {literal.time(span[0])} AND {time} < {literal.time(span[1])} "
        f"GROUP BY 1 ORDER BY hosts, n, value LIMIT {limit}"
    ).to_pylist()
    stack = tuple(
        Stacked(value=row["value"], count=row["n"], hosts=row["hosts"], first=iso(row["first"]), last=iso(row["last"]))
        for row in rows
    )
    met, values = (int(rows[0]["met"]), int(rows[0]["different"])) if rows else (0, 0)
    return Found(stack=stack, met=met, values=values, more=values > len(rows))


def hunt_records(home: Home, text: str, language: Language, *, span: tuple[int, int], stack: str, limit: int) -> Found:
    """Records that meet a query, the highest score first, or stacked by a field.

    A record has the fields of its result (``record_score``, ``job_id``, …), those that it and its influencers name
    (``user.name``, …), and its sentence as ``message``. Of the time asked for, the :data:`HELD` of the highest scores
    are gone through.

    Raises
    ------
    QueryError
        If the query is wrong.
    """
    require_events(home)
    held = home.store.list_records(start_us=span[0], end_us=span[1], limit=HELD + 1)
    looked_at = HELD if len(held) > HELD else None
    held = held[:HELD]
    flat = [_flat(record) for record in held]
    mask = to_mask(condition(home, text, language), _table(flat)).to_numpy(zero_copy_only=False)
    places = [int(place) for place in np.flatnonzero(mask)] if held else []
    if stack:
        return _stacked_records(
            [held[at] for at in places], [flat[at] for at in places], _field(stack), limit, looked_at
        )
    rows = tuple(msgspec.to_builtins(held[at]) for at in places[:limit])
    return Found(rows=rows, more=len(places) > limit, met=len(places), looked_at=looked_at)


def _flat(record: Record) -> dict[str, list[str]]:
    """Values of a record by field, as text."""
    found: dict[str, list[str]] = {"message": [record.explanation.sentence], TIME: [record.time]}
    for name in ("job_id", "function", "entity_type", "entity_id", "record_score", "initial_record_score",
                 "probability", "expected_per_week", "event_count", "learning", "rollout", "revised"):  # fmt: skip
        value = getattr(record, name)
        found[name] = [str(value).lower() if isinstance(value, bool) else str(value)]
    for part in ("by", "over", "partition"):
        name, value = getattr(record, f"{part}_field_name"), getattr(record, f"{part}_field_value")
        if name and value:
            found.setdefault(name, []).append(value)
    for influencer in record.influencers:
        found.setdefault(influencer.influencer_field_name, []).extend(influencer.influencer_field_values)
    if record.entity_type in ("host", "user"):
        found.setdefault(f"{record.entity_type}.name", []).append(record.entity_id)
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def _table(flat: Sequence[dict[str, list[str]]]) -> pa.Table:
    """Records as rows of events: texts in the columns that these have, the rest as JSON beside them.

    A column holds one value: of several values the first.
    """
    names = {name for row in flat for name in row}
    columns = {name for name in names if has_column(name) and EVENT_SCHEMA.field(name).type == pa.string()}
    made: dict[str, pa.Array] = {
        name: pa.array([next(iter(row.get(name, ())), None) for row in flat], pa.string()) for name in sorted(columns)
    }
    times = np.array([parse_time(row[TIME][0]) for row in flat], np.int64)
    made[TIME] = pa.array(times).cast(EVENT_SCHEMA.field(TIME).type)
    rest = [{name: _plain(values) for name, values in row.items() if name not in made} for row in flat]
    made[REST] = pa.array([msgspec.json.encode(each).decode() for each in rest], pa.string())
    return pa.table(made)


def _plain(values: list[str]) -> Any:  # noqa: ANN401 - JSON
    found = [_number(value) for value in values]
    return found[0] if len(found) == 1 else found


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _stacked_records(
    held: Sequence[Record], flat: Sequence[dict[str, list[str]]], field: str, limit: int, looked_at: int | None
) -> Found:
    groups: dict[str | None, list[Record]] = {}
    for record, row in zip(held, flat, strict=True):
        values: list[str | None] = [*row.get(field, [])]
        for value in values or [None]:
            groups.setdefault(value, []).append(record)
    made = [
        Stacked(
            value=value,
            count=len(records),
            hosts=len({record.entity_id for record in records}),
            first=min(record.time for record in records),
            last=max(record.time for record in records),
        )
        for value, records in groups.items()
    ]
    made.sort(key=lambda each: (each.hosts, each.count, each.value or ""))
    return Found(
        stack=tuple(made[:limit]), met=len(held), values=len(made), more=len(made) > limit, looked_at=looked_at
    )


def hunt_memory(home: Home, text: str, language: Language, *, limit: int) -> Found:
    """Values of the first-seen memory, those on the fewest hosts first, then the newest.

    Values are asked for by ``field: value``, with ``*`` for any characters, several by ``or``; without a field they
    are looked for in all fields that are remembered.

    Raises
    ------
    QueryError
        If the query asks for more than values, or for a field that is not remembered.
    """
    require_events(home)
    memory = home.first_seen
    remembered = {trait.name for trait in memory.traits if "+" not in trait.name}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    more = False
    for field, pattern in _asked(condition(home, text, language), remembered):
        values = memory.matching(field, pattern) if "*" in pattern else [pattern]
        more |= len(values) > MOST_VALUES
        for row in memory.lookup(field, values[:MOST_VALUES]).to_pylist():
            told = row | {name: iso(int(row[name].timestamp() * 1e6)) for name in ("first", "last")}
            rows[field, row["value"]] = told
    found = sorted(rows.values(), key=lambda row: row["first"], reverse=True)
    found.sort(key=lambda row: row["hosts"])
    return Found(rows=tuple(found[:limit]), more=more or len(found) > limit, met=len(found))


def _asked(node: Node, remembered: set[str]) -> list[tuple[str, str]]:
    """Fields and patterns of a query that only asks for values; fields not remembered are passed over."""
    leaves = list(node.nodes) if isinstance(node, Or) else [node]
    found = []
    for leaf in leaves:
        if isinstance(leaf, Or):
            found += _asked(leaf, remembered)
        elif isinstance(leaf, Leaf) and (pattern := _pattern(leaf)):
            if leaf.field in remembered:
                found.append((leaf.field, pattern))
        else:
            raise QueryError("the memory knows values only", hint="Ask field: value, with * for any characters, or or")
    if not found:
        raise QueryError("none of these fields is remembered", hint=f"Remembered are {', '.join(sorted(remembered))}")
    return found


def _pattern(leaf: Leaf) -> str:
    match leaf:
        case Term(value=value) | Match(text=value) | Phrase(text=value, prefix=False):
            return str(value)
        case Prefix(value=value) | Phrase(text=value, prefix=True):
            return f"{value}*"
        case Wildcard(pattern=pattern):
            return pattern
    return ""


def _field(name: str) -> str:
    """Name of a field to stack by.

    Raises
    ------
    InputError
        If it cannot be one.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_FIELD or not name.isprintable():
        raise InputError("that is no name of a field", hint="Such as process.name")
    return name
