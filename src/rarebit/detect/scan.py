"""One scan for all jobs: which columns to read, which rows each job takes, codes and numbers of their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from rarebit.core.fields import CODED, ID_CODE, TIME
from rarebit.detect.batch import FIELD, ID_COLUMN, JOB, NUMBER, PLACE, TEXT, TIME_COLUMN, Batch
from rarebit.detect.engine import INFORMATION, LATITUDE, LONGITUDE
from rarebit.detect.place_texts import place_sql
from rarebit.detect.plan import JobPlan
from rarebit.detect.stream import JobStream
from rarebit.query import literal
from rarebit.query.columns import number_sql, text_sql
from rarebit.query.sql import to_sql


@dataclass(frozen=True)
class ScanRequest:
    """What to ask of the lake: output name to SQL, and a condition that any job's events meet."""

    columns: Mapping[str, str]
    where: str


def request(plans: Sequence[JobPlan]) -> ScanRequest:
    """The one read that serves all jobs: time, id, the code or text or number of every field, a flag for every job."""
    columns = {TIME_COLUMN: f"epoch_us({literal.identifier(TIME)})", ID_COLUMN: literal.identifier(ID_CODE)}
    for name in sorted({name for plan in plans for name in plan.codes}):
        columns[FIELD + name] = literal.identifier(CODED[name]) if name in CODED else text_sql(name)
    for name in sorted({name for plan in plans for name in plan.numeric}):
        columns[NUMBER + name] = number_sql(name)
    for name in sorted({name for plan in plans for name in plan.informative}):
        columns[TEXT + name] = text_sql(name)
    for name in sorted({name for plan in plans for name in plan.placed}):
        columns[PLACE + name] = place_sql(name)
    for index, plan in enumerate(plans):
        columns |= {f"{flag}@{index}": condition for flag, condition in plan.flags.items()}
    conditions = _conditions(plans)
    if len(conditions) > 1:
        columns |= {f"{JOB}{number}": condition for number, condition in enumerate(conditions)}
    return ScanRequest(columns, " OR ".join(f"({condition})" for condition in conditions))


def feed(streams: Sequence[JobStream], tables: Iterable[pa.Table]) -> Iterable[int]:
    """Give every table of the scan to every job; yields the time of the last row after each.

    What several jobs ask for is made ready once, and a job none of whose rows are in a table costs nothing.
    """
    numbers = {sql: number for number, sql in enumerate(_conditions([stream.plan for stream in streams]))}
    which = [numbers[to_sql(stream.plan.condition)] for stream in streams]
    asking: dict[str, list[int]] = {}
    for stream, condition in zip(streams, which, strict=True):
        for name in (*(FIELD + name for name in stream.plan.codes), *_asked(stream.plan)):
            asking.setdefault(name, []).append(condition)
    for table in tables:
        if table.num_rows == 0:
            continue
        batch = Batch(table, asking)
        for index, (stream, condition) in enumerate(zip(streams, which, strict=True)):
            if not batch.is_empty(condition):
                own = {name: batch.take(FIELD + name, condition) for name in stream.plan.codes}
                own |= {name: batch.take(f"{name}@{index}", condition) for name in stream.plan.flags}
                measured = {name.removeprefix(NUMBER): batch.take(name, condition) for name in _asked(stream.plan)}
                stream.process(batch.take(TIME_COLUMN, condition), batch.take(ID_COLUMN, condition), own, measured)
        yield batch.last_us


def _conditions(plans: Sequence[JobPlan]) -> list[str]:
    """The different conditions of jobs, in SQL."""
    return list(dict.fromkeys(to_sql(plan.condition) for plan in plans))


def _asked(plan: JobPlan) -> list[str]:
    """Columns of a batch that a job takes as numbers."""
    informative = [INFORMATION + name for name in plan.informative]
    places = [part + name for name in plan.placed for part in (LATITUDE, LONGITUDE)]
    return [*(NUMBER + name for name in plan.numeric), *informative, *places]
