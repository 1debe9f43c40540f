"""How much of a record each of its influencers explains: its share of the record's events beyond what is usual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.fields import TIME
from rarebit.core.influencer import Explained, Influencer
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, parse_time
from rarebit.detect.plan import JobPlan
from rarebit.query import literal
from rarebit.query.columns import text_sql
from rarebit.query.sql import to_sql

BASELINE_DAYS: Final = 7
"""Whole days (UTC) before a record's own; they are the same whenever and in whatever parts the events are read."""

Select = Callable[[str], pa.Table]
Counts = Mapping[tuple[str, str, int], int]
"""Events by field, value and day."""


def explained(influencer: Influencer, usual: Mapping[str, int], of: int) -> Influencer:
    """The influencer with its values ranked, the one that explains most first.

    A value that ``share`` of a record's events carry, and ``usual`` of the job's events in the week before, explains
    ``share - usual`` of it, at least 0: what everything carries explains nothing, whatever it stands beside.

    Parameters
    ----------
    influencer : Influencer
        With the events that carry each value.
    usual : mapping
        Events of the baseline that carry each value.
    of : int
        Events of the baseline.
    """
    found = [
        msgspec.structs.replace(
            each,
            usual_events=usual.get(each.value, 0),
            usual_of=of,
            influencer_score=influence(each.events, each.of, usual.get(each.value, 0), of),
        )
        for each in influencer.explains
    ]
    ranked = tuple(sorted(found, key=lambda each: (-each.influencer_score, each.usual_events, each.value)))
    return msgspec.structs.replace(
        influencer, explains=ranked, influencer_field_values=tuple(each.value for each in ranked)
    )


def influence(events: int, of: int, usual_events: int, usual_of: int) -> float:
    """Share of the events less the usual share (0 to 1); without a baseline nothing is usual."""
    share = events / of if of else 0.0
    usual = usual_events / usual_of if usual_of else 0.0
    return round(max(0.0, share - usual), 4)


def ranked(plan: JobPlan, records: Sequence[Record], select: Select) -> list[Record]:
    """Records with their influencers ranked, the fields and in each the values.

    Parameters
    ----------
    plan : JobPlan
        The job.
    records : sequence of Record
        Of this job.
    select : callable
        :meth:`rarebit.lake.Lake.sql`.
    """
    if not any(record.influencers for record in records):
        return list(records)
    totals, counts = _baseline(plan, records, select)
    return [_ranked(record, totals, counts) for record in records]


def _ranked(record: Record, totals: Mapping[int, int], counts: Counts) -> Record:
    days = _days(record)
    of = sum(totals.get(day, 0) for day in days)
    made = []
    for influencer in record.influencers:
        name = influencer.influencer_field_name
        usual = {
            each.value: sum(counts.get((name, each.value, day), 0) for day in days) for each in influencer.explains
        }
        made.append(explained(influencer, usual, of))
    order = sorted(made, key=lambda each: -max((v.influencer_score for v in each.explains), default=0.0))
    return msgspec.structs.replace(record, influencers=tuple(order))


def _days(record: Record) -> range:
    day = parse_time(record.time) // DAY_US
    return range(day - BASELINE_DAYS, day)


def _baseline(plan: JobPlan, records: Iterable[Record], select: Select) -> tuple[dict[int, int], Counts]:
    """Events of the job by day, and those that carry each of the values."""
    values: dict[str, set[str]] = {}
    days: set[int] = set()
    for record in records:
        days |= set(_days(record))
        for influencer in record.influencers:
            values.setdefault(influencer.influencer_field_name, set()).update(influencer.influencer_field_values)
    start, end = min(days) * DAY_US, (max(days) + 1) * DAY_US
    time = literal.identifier(TIME)
    where = f"({to_sql(plan.condition)}) AND {time} >= {literal.time(start)} AND {time} < {literal.time(end)}"
    day = f"epoch_us({time}) // {DAY_US}"
    names = list(values)
    texts = ", ".join(f"{text_sql(name)} AS f{at}" for at, name in enumerate(names))
    columns = [f"f{at}" for at in range(len(names))]
    sets = ", ".join(["(day)", *(f"(day, {column})" for column in columns)])
    found = select(  # all fields in one reading
        f"SELECT {', '.join(columns)}, day, grouping({', '.join(columns)}) AS without, count(*) AS n "
        f"FROM (SELECT {texts}, {day} AS day FROM events WHERE {where}) GROUP BY GROUPING SETS ({sets})"
    )
    whole = (1 << len(names)) - 1
    totals = {int(row["day"]): int(row["n"]) for row in _having(found, whole).to_pylist()}
    counts: dict[tuple[str, str, int], int] = {}
    for at, (name, asked) in enumerate(values.items()):
        part = _having(found, whole & ~(1 << (len(names) - 1 - at)))
        part = part.filter(pc.is_in(part.column(columns[at]), pa.array(sorted(asked), pa.string())))
        days_of, numbers = part.column("day").to_pylist(), part.column("n").to_pylist()
        counts |= {
            (name, value, int(on)): int(number)
            for value, on, number in zip(part.column(columns[at]).to_pylist(), days_of, numbers, strict=True)
        }
    return totals, counts


def _having(found: pa.Table, without: int) -> pa.Table:
    """Rows of one grouping set, by the fields it goes without."""
    return found.filter(pc.equal(found.column("without"), without))


def carried(name: str, texts: Sequence[object]) -> Influencer | None:
    """Values of a field among events (None where absent), with how many carry each; None without any."""
    found: dict[str, int] = {}
    for text in texts:
        if text:
            found[str(text)] = found.get(str(text), 0) + 1
    if not found:
        return None
    explains = tuple(Explained(value=value, events=count, of=len(texts)) for value, count in found.items())
    return Influencer(influencer_field_name=name, influencer_field_values=tuple(found), explains=explains)
