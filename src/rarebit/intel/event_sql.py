"""What is asked of events, in SQL: the values they show, and who met which of them, how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rarebit.core.fields import ID, REST, TIME, Kind
from rarebit.core.schema import has_column, kind_of
from rarebit.query import literal
from rarebit.query.columns import text_sql

EVENT_IDS: Final = 10
"""Events kept of a match by id."""
_REFUSED: Final = (
    "(^|[^a-z])(den(y|ied)|block(ed)?|drop(ped)?|reject(ed)?|refused?|prevent(ed)?|quarantined?|fail(ed|ure)?)"
    "([^a-z]|$)"
)
_OUTBOUND: Final = ("outbound", "egress")
_ANSWER: Final = "dns.response_code"


def presence_sql(fields: Sequence[str]) -> str:
    """For each field: whether any event may have it; those without a column by one look at the JSON of the rest."""
    tests = (
        f"count({literal.identifier(name)}) > 0 AS f{at}"
        if has_column(name)
        else f"coalesce(bool_or({_named(name)}), FALSE) AS f{at}"
        for at, name in enumerate(fields)
    )
    return f"SELECT {', '.join(tests)} FROM events"


def distinct_sql(field: str) -> str:
    """The different values of a field, as events have them."""
    return f"SELECT DISTINCT value FROM ({_values(field)}) WHERE value IS NOT NULL AND value <> ''"


def sightings_sql(field: str, wanted: Iterable[tuple[str, int, int]]) -> str:
    """Of some values, each within its time: by value and entity, how often it was met how, when, and in which events.

    Parameters
    ----------
    field : str
        The field.
    wanted : iterable of (str, int, int)
        Value as events have it; valid from, valid until, microseconds since 1970.
    """
    rows = list(wanted)
    texts = ", ".join(literal.string(value) for value, _, _ in rows)
    froms, untils = (", ".join(f"{row[at]}::BIGINT" for row in rows) for at in (1, 2))
    host, user = literal.identifier("host.name"), literal.identifier("user.name")
    peer = literal.identifier("destination.ip" if field.startswith("source.") else "source.ip")
    moment = f"epoch_us({literal.identifier(TIME)})"
    keys = "seen, host, user_name, peer"
    return f"""
        SELECT {keys}, min(moment) AS first_us, max(moment) AS last_us,
            count(*) FILTER (way = 0) AS hits, count(*) FILTER (way = 1) AS inbound,
            count(*) FILTER (way = 2) AS attempts, arg_min(id, (way, moment, id), {EVENT_IDS}) AS ids
        FROM (
            SELECT value AS seen, {host} AS host, CASE WHEN {host} IS NULL THEN {user} END AS user_name,
                CASE WHEN {host} IS NULL AND {user} IS NULL THEN {peer} END AS peer,
                {moment} AS moment, {literal.identifier(ID)} AS id, {_way(field)} AS way
            FROM ({_values(field, "*")})
        ) JOIN (SELECT unnest([{texts}]) AS wanted, unnest([{froms}]) AS since, unnest([{untils}]) AS until)
            ON seen = wanted AND moment >= since AND moment < until
        GROUP BY {keys}
        """


def _values(field: str, others: str = "") -> str:
    """Events with the field's value as ``value``; one row for each element of a list."""
    more = f", {others}" if others else ""
    if kind_of(field) is Kind.LIST:
        return f"SELECT unnest({literal.identifier(field)}) AS value{more} FROM events"
    text = text_sql(field)
    if not has_column(field):
        text = f"CASE WHEN {_named(field)} THEN {text} END"
    return f"SELECT {text} AS value{more} FROM events"


def _named(field: str) -> str:
    # Finding the name in the text costs far less than reading the JSON of events that have it not.
    return f"contains({literal.identifier(REST)}, {literal.string(chr(34) + field + chr(34))})"


def _way(field: str) -> str:
    """0 where it went through, 1 for what came from outside and is no logon, 2 where it was refused or failed."""
    outcome, action, category, kind, direction = (
        f"coalesce({literal.identifier(name)}, '')"
        for name in ("event.outcome", "event.action", "event.category", "event.type", "network.direction")
    )
    refused = [
        f"lower({outcome}) = 'failure'",
        f"contains({kind}, 'denied')",
        f"regexp_matches(lower({action}), {literal.string(_REFUSED)})",
    ]
    if field.startswith("dns."):
        answer = f"CASE WHEN {_named(_ANSWER)} THEN {text_sql(_ANSWER)} END"
        refused.append(f"upper(coalesce({answer}, 'NOERROR')) <> 'NOERROR'")
    test = f"CASE WHEN {' OR '.join(refused)} THEN 2"
    if field.startswith("source."):
        outward = ", ".join(map(literal.string, _OUTBOUND))
        test += f" WHEN NOT contains({category}, 'authentication') AND lower({direction}) NOT IN ({outward}) THEN 1"
    return f"{test} ELSE 0 END"
