"""Fixtures of shipped jobs as events: a few lines of YAML laid out over hosts, days and buckets, and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time
from rarebit.detect.catalog import CatalogEntry, Fixture
from rarebit.detect.functions import BEACONS, HOURS, counting, measuring
from rarebit.detect.plan import JobPlan, plan
from rarebit.detect.records import materialise
from rarebit.detect.scan import feed, request
from rarebit.detect.stream import JobStream
from rarebit.lake.lookup import join
from rarebit.source.read import ReadSettings, read_lines
from rarebit.source.strings import text_codes

START = parse_time("2026-10-05")
HOSTS, DAYS = 30, 20
"""Of the stories of values that come as they come."""
BUSY_HOSTS, BUSY_BUCKETS = 6, 24
"""Of the stories of buckets: so many hosts, and at least so many buckets and three days."""
HOME_HOST, BUSY_HOST, OFFICE_HOST = "host-11", "host-2", "host-04"
"""Of which host the event in question is, in each kind of story."""
_PROCESS = {"event.category": ["process"], "event.type": ["start"], "host.os.type": "windows"}


@dataclass
class Story:
    """Events as rows of distinct bodies and their times."""

    bodies: list[bytes] = field(default_factory=list)
    places: dict[bytes, int] = field(default_factory=dict)
    rows: list[tuple[int, int]] = field(default_factory=list)
    """Time, and which body."""

    def add(self, at: int, event: Mapping[str, Any], host: int, turn: int) -> None:
        """One event; the same body at another time costs nothing."""
        body = orjson.dumps(_filled(event, host, turn) | {"@timestamp": iso(START)})
        place = self.places.setdefault(body, len(self.bodies))
        if place == len(self.bodies):
            self.bodies.append(body)
        self.rows.append((at, place))

    def table(self) -> pa.Table:
        """Events of the schema, by time."""
        batches, report = read_lines(self.bodies, source="fixture", settings=ReadSettings(threads=1))
        distinct = pa.Table.from_batches(list(batches))
        assert report().rows == len(self.bodies)
        rows = np.array(self.rows, np.int64)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        made = distinct.take(pa.array(rows[:, 1]))
        names = pa.array([f"event-{row:06}" for row in range(len(rows))])
        for name, column in (
            (TIME, pa.array(rows[:, 0]).cast(pa.timestamp("us", "UTC"))),
            (ID, names),
            (ID_CODE, pa.array(np.arange(1, len(rows) + 1) * 1_000_003, pa.int64())),
        ):
            made = made.set_column(made.schema.get_field_index(name), name, column)
        assert len(set(text_codes(names).tolist())) == len(rows)
        return made


def _filled(event: Mapping[str, Any], host: int, turn: int) -> dict[str, Any]:
    marks = {"{host}": str(host), "{turn}": str(turn)}
    return {name: _marked(value, marks) for name, value in event.items() if value is not None}


def _marked(value: Any, marks: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for mark, text in marks.items():
            value = value.replace(mark, text)
    return value


def kind_of(entry: CatalogEntry) -> str:
    """Which kind of story tells what the job does: ``values``, ``buckets``, ``hours`` or ``beacons``."""
    function = entry.job.detectors[0].function
    if function in BEACONS:
        return "beacons"
    if function in HOURS:
        return "hours"
    return "buckets" if counting(function) is not None or measuring(function) is not None else "values"


def values_story(fixture: Fixture) -> Story:
    """Thirty hosts, four times a day, twenty days; then the event in question on one of them."""
    story = Story()
    for day in range(DAYS):
        for host in range(HOSTS):
            for turn in range(4):
                at = START + day * DAY_US + (6 + 3 * turn) * HOUR_US + host * 61_000_000
                story.add(at, _PROCESS | {"host.name": f"host-{host:02}"} | fixture.history, host, turn)
    at = START + (DAYS - 1) * DAY_US + 17 * HOUR_US
    story.add(at, _PROCESS | {"host.name": HOME_HOST} | fixture.event, 11, 0)
    return story


def question_us(made: JobPlan) -> int:
    """Start of the bucket in question in a story of buckets."""
    return START + _busy_us(made) - max(3 * HOUR_US, 2 * made.span_us)


def _busy_us(made: JobPlan) -> int:
    return max(3 * DAY_US, BUSY_BUCKETS * made.span_us)


def buckets_story(made: JobPlan, fixture: Fixture) -> Story:
    """Six hosts, each with a dozen events a bucket; then the event in question, many times, or silence."""
    span, question, story = made.span_us, question_us(made), Story()
    for bucket in range(_busy_us(made) // span):
        for host in range(BUSY_HOSTS):
            silent = fixture.repeat == 0 and host == 2 and START + bucket * span >= question
            for turn in range(0 if silent else 11 + (7 * bucket + 5 * host) % 3):
                at = START + bucket * span + turn * span // 14 + host * 1000
                story.add(at, {"host.name": f"host-{host}"} | fixture.history, host, turn)
    for number in range(fixture.repeat):
        story.add(question + 1_000_000 + number * 600_000, {"host.name": BUSY_HOST} | fixture.event, 2, number)
    return story


def hours_story(fixture: Fixture) -> Story:
    """A dozen accounts at work from seven to sixteen, six hours a day; then one of them at the hour in question."""
    story = Story()
    for day in range(DAYS):
        for hour in range(7, 17):
            for user in range(12):
                at = START + day * DAY_US + hour * HOUR_US + user * 60_000_000
                if (hour + day + 3 * user) % 5 < 3:
                    who = {"host.name": f"host-{user:02}", "user.name": f"user{user:02}"}
                    story.add(at, who | fixture.history, user, hour)
    at = START + DAYS * DAY_US + fixture.hour * HOUR_US
    story.add(at, {"host.name": OFFICE_HOST, "user.name": "user04"} | fixture.event, 4, 0)
    story.add(at + DAY_US, {"host.name": OFFICE_HOST} | fixture.event, 4, 0)
    return story


def beacons_story(fixture: Fixture) -> Story:
    """A dozen hosts, each at eight destinations now and then for a week; then one, or all always, by a clock."""
    story, rng = Story(), np.random.default_rng(7)
    for host in range(12):
        for turn in range(8):
            gaps = rng.lognormal(8.0, 1.5, 150)
            for at in np.cumsum(gaps)[np.cumsum(gaps) < 7 * 86_400].tolist():
                story.add(START + int(at * 1e6), {"host.name": f"host-{host:02}"} | fixture.history, host, turn)
    for host in range(12) if fixture.everywhere else (int(HOME_HOST[-2:]),):
        first = 0.0 if fixture.everywhere else 6.2 * 86_400
        at = first + rng.uniform(0.0, 60.0)
        while at < 7 * 86_400:
            story.add(START + int(at * 1e6), {"host.name": f"host-{host:02}"} | fixture.event, host, 0)
            at += fixture.every * rng.uniform(0.7, 1.3)
    return story


class _Memory:
    """Stands for the lake's engine, with one table in memory for its files."""

    def __init__(self, table: pa.Table) -> None:
        self._base = duckdb.connect()
        self._base.register("events", table)

    def source(self, _files: object) -> str:
        return "events"

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self._base


def records(entry: CatalogEntry, fixture: Fixture) -> list[Record]:
    """What the job tells of a fixture once it has learnt, likeliest to be told first."""
    made = plan(entry.job)
    kind = kind_of(entry)
    stories = {"values": values_story, "hours": hours_story, "beacons": beacons_story}
    story = stories[kind](fixture) if kind in stories else buckets_story(made, fixture)
    table = story.table()
    times: NDArray[np.int64] = table.column(TIME).cast(pa.int64()).to_numpy()
    stream = JobStream(made, learn_until_us=int(times[0] + (times[-1] - times[0]) // 2))
    memory = _Memory(table)
    asked = request([made])
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in asked.columns.items())
    with memory.cursor() as cursor:
        rows = cursor.sql(f'SELECT {columns} FROM events WHERE {asked.where} ORDER BY "time", "id"').to_arrow_table()
    for _ in feed([stream], [rows]):
        pass
    stream.catch_up()
    files = [SimpleNamespace(first_us=int(times[0]), last_us=int(times[-1]))]

    def joined(wanted: pa.Table, *, where: str = "TRUE", **named: Any) -> pa.Table:
        return join(memory, SimpleNamespace(files=files), wanted, where=where, **named)  # type: ignore[arg-type]

    parts = [materialise(stream, index, joined, {}) for index in range(len(stream.groups))]
    found = [record for part in parts for record in part.records if not record.learning]
    return sorted(found, key=lambda record: record.expected_per_week)
