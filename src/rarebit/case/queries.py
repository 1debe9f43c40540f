"""Queries that bring up the events of a case elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rarebit.case.evidence import FLEET
from rarebit.core.beacon import Beacon
from rarebit.core.habits import Journey, Rhythm
from rarebit.core.result import Gauge, Record, Tally
from rarebit.core.time import iso

_FIELDS: Final = {"user": "user.name", "source address": "source.ip"}
"""Field of an entity that is no host."""
Pairs = Sequence[tuple[str, str]]


def queries_of(kind: str, names: Sequence[str], leading: Sequence[Record], span_us: tuple[int, int]) -> dict[str, str]:
    """The same query in KQL, ES|QL, SPL and SQL.

    Parameters
    ----------
    kind : str
        Type of the entities: ``host``, ``user``; where it is the fleet no name is asked for.
    names : sequence of str
        Whom it is about.
    leading : sequence of Record
        What it is about.
    span_us : tuple of int
        When it began, and when it had ended.
    """
    start, end = iso(span_us[0]), iso(span_us[1])
    series = _series(leading[0]) if leading else None
    field = (series.entity_field if series else "") or _FIELDS.get(kind, "host.name")
    whom = [] if kind == FLEET else [(field, name) for name in dict.fromkeys(names)]
    what = list(dict.fromkeys(pair for record in leading for pair in _pairs(record, kind)))
    kql, esql, spl, sql = (
        (_either(whom, word, form), _either(what, word, form))
        for word, form in (("or", _kql), ("OR", _esql), ("OR", _spl), ("OR", _sql))
    )
    moment = f"\"@timestamp\" >= TIMESTAMPTZ '{start}' AND \"@timestamp\" < TIMESTAMPTZ '{end}'"
    return {
        "kql": _all(" and ", kql[0], f'@timestamp >= "{start}" and @timestamp < "{end}"', kql[1]),
        "esql": "FROM logs-* | WHERE "
        + _all(" AND ", esql[0], f'@timestamp >= "{start}" AND @timestamp < "{end}"', esql[1])
        + " | SORT @timestamp",
        "spl": _all(" ", "search index=*", spl[0], f"earliest={_quoted(start)} latest={_quoted(end)}", spl[1])
        + " | sort _time",
        "sql": f'SELECT * FROM events WHERE {_all(" AND ", sql[0], moment, sql[1])} ORDER BY "@timestamp"',
    }


def _all(word: str, *parts: str) -> str:
    """Those of the parts that say something, joined."""
    return word.join(filter(None, parts))


def _either(pairs: Pairs, word: str, form: Callable[[str, str], str]) -> str:
    """Any of the pairs, in brackets where there are several."""
    text = f" {word} ".join(form(name, value) for name, value in pairs)
    return f"({text})" if len(pairs) > 1 else text


def _series(record: Record) -> Tally | Gauge | Rhythm | Journey | Beacon | None:
    told = record.explanation
    return told.tally or told.gauge or told.rhythm or told.journey or told.beacon


def _pairs(record: Record, kind: str) -> list[tuple[str, str]]:
    """Fields and values that bring up the record's events; those of a count or metric are all that its series has."""
    named = (
        (record.by_field_name, record.by_field_value),
        (record.partition_field_name, record.partition_field_value) if _series(record) else (None, None),
        (record.over_field_name, record.over_field_value) if _series(record) else (None, None),
    )
    found = [(name, value) for name, value in named if name and value]
    return found if kind == FLEET else found[:1] or [("host.name", record.entity_id)]


def _kql(name: str, value: str) -> str:
    return f"{name}: {_quoted(value)}"


def _esql(name: str, value: str) -> str:
    return f"{name} == {_quoted(value)}"


def _spl(name: str, value: str) -> str:
    return f"{name}={_quoted(value)}"


def _sql(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"\"{name}\" = '{quoted}'"


def _quoted(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
