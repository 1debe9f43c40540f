"""What hosts reported of themselves, from when to when each row held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from rarebit.asset.osquery import Reported
from rarebit.core.disk import replacing
from rarebit.core.errors import StateError
from rarebit.core.time import DAY_US

SCHEMA: Final = pa.schema(
    [
        ("host", pa.string()), ("table", pa.string()), ("row", pa.string()), ("since_us", pa.int64()),
        ("until_us", pa.int64()),
    ]
)  # fmt: skip
"""``until_us`` is null while the row holds; an empty row tells until when its host and table are known."""
KEPT_US: Final = 400 * DAY_US
"""Rows that ended so long before the newest report are dropped."""
Place = tuple[str, str]


class Fact(msgspec.Struct, frozen=True):
    """A row that held from a time to another."""

    host: str
    table: str
    row: Mapping[str, str]
    since_us: int
    until_us: int | None

    def held_at(self, at_us: int) -> bool:
        """Whether it held at a time."""
        return self.since_us <= at_us and (self.until_us is None or at_us < self.until_us)


class Ledger:
    """Facts of all hosts; reports older than what is known of their host and table are counted and left out.

    Parameters
    ----------
    table : Table, optional
        As :meth:`to_table` gave it.
    """

    def __init__(self, table: pa.Table | None = None) -> None:
        self.older = 0
        """Reports left out."""
        self._open: dict[Place, dict[str, int]] = {}
        self._ended: list[tuple[str, str, str, int, int]] = []
        self._reached: dict[Place, int] = {}
        self._stale: dict[Place, tuple[int, set[str]]] = {}
        for host, name, row, since, until in zip(*((table or SCHEMA.empty_table()).columns), strict=True):
            self._restore((host.as_py(), name.as_py()), row.as_py(), since.as_py(), until.as_py())

    def _restore(self, place: Place, row: str, since: int, until: int | None) -> None:
        if not row:
            self._reached[place] = since
        elif until is None:
            self._open.setdefault(place, {})[row] = since
        else:
            self._ended.append((*place, row, since, until))

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """As :meth:`write` left it; empty where there is none.

        Raises
        ------
        StateError
            If it is damaged.
        """
        if not path.exists():
            return cls()
        try:
            return cls(pq.read_table(path, schema=SCHEMA))
        except (OSError, pa.ArrowException) as error:
            raise StateError(
                f"the inventory is damaged: {error}", where=str(path), hint="Remove it and import the logs again"
            ) from error

    def write(self, path: Path) -> None:
        """Replace the file at once."""
        with replacing(path) as draft:
            pq.write_table(self.to_table(), draft, compression="zstd")

    def take(self, reports: Iterable[Reported]) -> int:
        """Take in reports in the order they were made; how many changed something."""
        return sum(self._take(report) for report in reports)

    def _take(self, report: Reported) -> bool:
        place, at = (report.host, report.table), report.at_us
        if at < self._reached.get(place, at):
            self.older += 1
            return False
        self._reached[place] = at
        held = self._open.setdefault(place, {})
        before = len(held), len(self._ended)
        if place in self._stale and (report.how != "initial" or self._stale[place][0] != at):
            self._settle(place)
        if report.how == "initial" and place not in self._stale:
            self._stale[place] = (at, set(held))
        if report.how == "snapshot":
            self._end(place, set(held) - set(report.rows), at)
        if report.how == "removed":
            self._end(place, set(report.rows), at)
            return (len(held), len(self._ended)) != before
        for row in report.rows:
            held.setdefault(row, at)
            if place in self._stale:
                self._stale[place][1].discard(row)
        return (len(held), len(self._ended)) != before

    def _settle(self, place: Place) -> None:
        """What the first answer of a differential query does not hold any more has ended with it."""
        at, rows = self._stale.pop(place)
        self._end(place, rows, at)

    def _end(self, place: Place, rows: set[str], at: int) -> None:
        held = self._open[place]
        for row in sorted(rows & held.keys()):
            self._ended.append((*place, row, held.pop(row), at))

    def _all(self) -> Iterator[tuple[str, str, str, int, int | None]]:
        for place in list(self._stale):
            self._settle(place)
        oldest = max(self._reached.values(), default=0) - KEPT_US
        yield from (ended for ended in self._ended if ended[4] >= oldest)
        for place, held in self._open.items():
            yield from ((*place, row, since, None) for row, since in held.items())

    def to_table(self) -> pa.Table:
        """All of it, sorted, so that the same reports give the same file."""
        rows = [*self._all(), *((*place, "", at, None) for place, at in self._reached.items())]
        rows.sort(key=lambda row: row[:4])
        columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
        return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)

    def by_host(self) -> dict[str, list[Fact]]:
        """Facts of each host."""
        found: dict[str, list[Fact]] = {}
        for host, table, row, since, until in sorted(self._all(), key=lambda row: row[:4]):
            found.setdefault(host, []).append(Fact(host, table, orjson.loads(row), since, until))
        return found
