"""A made fleet: what it is, its events as a stream, and its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv

from rarebit.core.errors import DefinitionError, InputError, RarebitError
from rarebit.core.time import DAY_US, day_of, parse_time
from rarebit.simulate.bulk import Everyday
from rarebit.simulate.clock import SITES
from rarebit.simulate.columns import Describer
from rarebit.simulate.files import FORMATS, Events, FleetReport, Format, write_events
from rarebit.simulate.intrusion import SHAPES
from rarebit.simulate.machines import Host
from rarebit.simulate.novelty import Novelty
from rarebit.simulate.people import Account
from rarebit.simulate.rollout import Rollouts
from rarebit.simulate.routine import Routine
from rarebit.simulate.rows import Rows, concat
from rarebit.simulate.story import Story
from rarebit.simulate.stream import Window, windows
from rarebit.simulate.tactics import working_day
from rarebit.simulate.world import World

BATCH_ROWS: Final = 131_072
_MIN_HOSTS, _MAX_HOSTS = 20, 100_000
_MAX_DAYS: Final = 3_660
_MAX_RATE: Final = 1_000_000


class FleetSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Size, length and chance of a made fleet. The same settings give the same bytes."""

    hosts: int = 120
    """20 to 100,000."""
    days: int = 21
    seed: int = 7
    start: str = "2026-10-05"
    """First day, UTC."""
    events_per_host_day: float | None = None
    """Mean over all hosts and a whole week; by role (about 700 to 1,500) if not given."""
    intrusions: tuple[str, ...] = tuple(SHAPES)
    """Shapes of intrusion, one each; none for a clean fleet."""


def _checked(settings: FleetSettings) -> int:
    """Start in microseconds, if the settings make sense."""
    rate = settings.events_per_host_day
    unknown = [shape for shape in settings.intrusions if shape not in SHAPES]
    problems = (
        (not _MIN_HOSTS <= settings.hosts <= _MAX_HOSTS, "hosts", f"a number from {_MIN_HOSTS} to {_MAX_HOSTS}"),
        (not 1 <= settings.days <= _MAX_DAYS, "days", f"a number from 1 to {_MAX_DAYS}"),
        (settings.seed < 0, "seed", "0 or a larger number"),
        (
            rate is not None and not 0 < rate <= _MAX_RATE,
            "events_per_host_day",
            f"a number above 0 and up to {_MAX_RATE}",
        ),
        (bool(unknown), "intrusions", f"some of {', '.join(SHAPES)}"),
    )
    for wrong, name, want in problems:
        if wrong:
            raise DefinitionError(f"{getattr(settings, name)!r} will not do", where=f"$.{name}", hint=f"Give {want}.")
    try:
        return parse_time(settings.start) // DAY_US * DAY_US
    except RarebitError as error:
        raise DefinitionError(error.what, where="$.start", hint="Give a date such as 2026-10-05.") from error


class Fleet:
    """Hosts, people and intrusions of a made fleet.

    Parameters
    ----------
    settings : FleetSettings
        Its size, length and chance.

    Raises
    ------
    DefinitionError
        If a setting is out of range.
    """

    def __init__(self, settings: FleetSettings) -> None:
        self.settings = settings
        self._world = World(
            hosts=settings.hosts,
            days=settings.days,
            seed=settings.seed,
            start_us=_checked(settings),
            events_per_host_day=settings.events_per_host_day,
        )
        self._streams = (Rollouts(self._world), Novelty(self._world), Routine(self._world))
        self._truth, self._planted = self._intrude()
        self._columns = self._world.freeze()
        self._everyday = Everyday(self._world, self._columns)
        self._describer = Describer(self._world, self._columns)

    @property
    def hosts(self) -> list[Host]:
        """All hosts."""
        return self._world.hosts

    @property
    def users(self) -> list[Account]:
        """All accounts: people, admins, service accounts, built-in principals, machines."""
        return self._world.users

    def _intrude(self) -> tuple[list[dict[str, Any]], Rows]:
        world, truth, rows = self._world, [], []
        for number, shape in enumerate(self.settings.intrusions, 1):
            rng = world.random("intrusion", number)
            story = Story(world, rng)
            SHAPES[shape](story, working_day(rng, world.start_us, world.days))
            story.fit(world.start_us, world.start_us + world.days * DAY_US)
            truth.append(story.truth(number, shape))
            rows.append(story.rows())
        return truth, concat(rows)

    def truth(self) -> list[dict[str, Any]]:
        """One entry an intrusion: id, shape, hosts, users, start, end, techniques, and its events by id."""
        return self._truth

    def assets(self) -> pa.Table:
        """The inventory: host, role, kind, os, site, time zone, criticality, owner, department, address."""
        world = self._world
        rows = [
            {
                "host": host.name,
                "fqdn": host.fqdn,
                "role": host.role,
                "kind": host.kind,
                "os": host.os,
                "site": SITES[host.site].name,
                "timezone": SITES[host.site].zone,
                "criticality": host.criticality,
                "owner": world.users[host.owner].name if host.owner >= 0 else "",
                "department": world.users[host.owner].department if host.owner >= 0 else "",
                "ip": host.ip,
            }
            for host in world.hosts
        ]
        return pa.Table.from_pylist(rows)

    @property
    def coded_schema(self) -> pa.Schema:
        """Schema of :meth:`batches`."""
        return self._describer.schema

    def windows(self) -> Iterator[Window]:
        """The fleet's events as rows of codes, some hours at a time, in time order."""
        return windows(
            self._world,
            self._everyday,
            of_day=self._of_day,
            planted=self._planted,
            visible=self._describer.visible,
        )

    def _of_day(self, day: int) -> Rows:
        return concat([stream.of_day(self._everyday, day) for stream in self._streams])

    def batches(self, window: Window, most: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Columns of one window, texts dictionary-encoded, at most so many rows at once."""
        for at in range(0, window.rows.size, most):
            part = slice(at, at + most)
            rows = window.rows.take(part)
            yield self._describer.batch(rows, window.ingested[part], window.versions)

    def day(self, number: int) -> str:
        """UTC date of a day of the simulation."""
        return day_of(self._world.start_us + number * DAY_US)


def simulate(settings: FleetSettings) -> Iterator[pa.RecordBatch]:
    """Events of a made fleet in time order: ECS columns, raw fields only.

    Memory follows from one window of some hours, not from the number of days.

    Raises
    ------
    DefinitionError
        If a setting is out of range.
    """
    fleet = Fleet(settings)
    plain = pa.schema(
        [pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in fleet.coded_schema]
    )
    for window in fleet.windows():
        for batch in fleet.batches(window):
            yield batch.cast(plain)


def write_fleet(
    settings: FleetSettings,
    out: Path,
    *,
    format: Format = "ndjson",  # noqa: A002  the word users write
    on_progress: Callable[[int, int], None] | None = None,
) -> FleetReport:
    """Write ``events/<day>.<format>``, ``assets.csv`` and ``truth.json`` under ``out``.

    NDJSON lines stand in order of arrival, so times go back by minutes; Parquet rows stand in order of time.

    Parameters
    ----------
    settings : FleetSettings
        The fleet.
    out : Path
        Directory; made if need be.
    format : {"ndjson", "ndjson.gz", "parquet"}
        Form of the events.
    on_progress : callable, optional
        Called with (days done, days in all) after each day.

    Raises
    ------
    DefinitionError
        If a setting or the format is wrong.
    InputError
        If the directory cannot be written, or holds the events of another fleet.
    """
    if format not in FORMATS:
        raise DefinitionError(f"{format!r} is no format", where="$.format", hint=f"Give one of {', '.join(FORMATS)}.")
    fleet = Fleet(settings)
    days = tuple(fleet.day(number) for number in range(settings.days))
    source = Events(fleet.windows(), fleet.batches, fleet.coded_schema, days)
    try:
        (out / "events").mkdir(parents=True, exist_ok=True)
        pa_csv.write_csv(fleet.assets(), out / "assets.csv")
        (out / "truth.json").write_bytes(msgspec.json.format(msgspec.json.encode(fleet.truth()), indent=1))
        events, paths = write_events(source, out / "events", format, on_progress)
        size = sum(path.stat().st_size for path in paths)
    except OSError as error:
        raise InputError(
            f"cannot write: {error.strerror or error}", where=str(out), hint="Give a directory with room."
        ) from error
    return FleetReport(
        events=events,
        files=tuple(str(path) for path in paths),
        assets=str(out / "assets.csv"),
        truth=str(out / "truth.json"),
        hosts=len(fleet.hosts),
        users=len(fleet.users),
        intrusions=len(fleet.truth()),
        size=size,
    )
