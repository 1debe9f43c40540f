"""Thresholds: groups that reach one in a window, counted anew over all of the window's events.

Counting anew, rather than adding up, needs no state, and gives the same whatever the order in which events came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from rarebit.alert.grouping import EVENTS_SHOWN, HOST, USER, Hits
from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.rule import Rule, Threshold
from rarebit.core.time import parse_span
from rarebit.query import literal
from rarebit.query.columns import text_sql

_TIME = f"epoch_us({literal.identifier(TIME)})"


def reached_sql(rule: Rule, condition: str, windows: Sequence[int]) -> str:
    """SELECT over ``events`` that gives, as column ``w``, which windows have a group that reaches the threshold.

    It reads far less than :func:`recount_sql`, whose parameters it shares: mostly no group does.
    """
    by = ", ".join(str(number) for number in range(1, len(_threshold(rule).fields) + 2))
    groups = ", ".join([*_groups(rule), f"{_window(rule)} AS w"])
    return (
        f"SELECT DISTINCT w FROM (SELECT {groups} FROM events WHERE {_within(rule, condition, windows)} "
        f"GROUP BY {by} HAVING {_having(rule)}) ORDER BY w"
    )


def recount_sql(rule: Rule, condition: str, windows: Sequence[int]) -> str:
    """SELECT over ``events`` that gives the groups of some windows that reach the threshold.

    Parameters
    ----------
    rule : Rule
        Of kind ``threshold``.
    condition : str
        SQL condition of its events.
    windows : sequence of int
        Numbers of the windows since 1970, rising.
    """
    time = _TIME
    place = f"struct_pack(t := {time}, c := {literal.identifier(ID_CODE)})"
    whole = (
        f"struct_pack(time := {time}, code := {literal.identifier(ID_CODE)}, event := {literal.identifier(ID)}, "
        f"host := {text_sql(HOST)}, person := {text_sql(USER)})"
    )
    groups = _groups(rule)
    columns = [
        *groups, f"{_window(rule)} AS w", "count(*) AS n", f"min({time}) AS first", f"max({time}) AS last",
        f"arg_min({whole}, {place}, {EVENTS_SHOWN}) AS shown",
    ]  # fmt: skip
    by = ", ".join([*(f"g{number}" for number in range(len(groups))), "w"])
    return (
        f"SELECT {', '.join(columns)} FROM events WHERE {_within(rule, condition, windows)} "
        f"GROUP BY {by} HAVING {_having(rule)} ORDER BY ALL"
    )


def _groups(rule: Rule) -> list[str]:
    return [f"{text_sql(name)} AS g{at}" for at, name in enumerate(_threshold(rule).fields)]


def _window(rule: Rule) -> str:
    span = parse_span(rule.suppress.window)
    return f"(({_TIME} - (({_TIME} % {span}) + {span}) % {span}) // {span})"


def _within(rule: Rule, condition: str, windows: Sequence[int]) -> str:
    span, at = parse_span(rule.suppress.window), literal.identifier(TIME)
    start, end = windows[0] * span, (windows[-1] + 1) * span
    whole = f"({condition}) AND {at} >= make_timestamptz({start}) AND {at} < make_timestamptz({end})"
    if len(windows) == windows[-1] - windows[0] + 1:
        return whole
    return f"{whole} AND {_window(rule)} IN ({', '.join(str(number) for number in windows)})"


def _having(rule: Rule) -> str:
    threshold = _threshold(rule)
    having = [f"count(*) >= {threshold.value}"]
    if threshold.cardinality_field:
        having.append(f"count(DISTINCT {text_sql(threshold.cardinality_field)}) >= {threshold.cardinality}")
    return " AND ".join(having)


def recounted(rule: Rule, table: pa.Table) -> Iterator[Hits]:
    """Hits of the result of :func:`recount_sql`."""
    width = len(_threshold(rule).fields)
    for row in table.to_pylist():
        shown = sorted(row["shown"], key=lambda event: (event["time"], event["code"]))
        yield Hits(
            rule=rule,
            values=tuple(str(row[f"g{at}"] or "") for at in range(width)),
            window=row["w"],
            count=row["n"],
            first_us=row["first"],
            last_us=row["last"],
            events=tuple((event["time"], event["code"], str(event["event"])) for event in shown),
            host=shown[0]["host"] or "",
            user=shown[0]["person"] or "",
        )


def _threshold(rule: Rule) -> Threshold:
    if rule.threshold is None:
        raise TypeError(f"rule {rule.id!r} has no threshold")
    return rule.threshold
