"""The first-seen memory of an installation: brought up to date by every run, asked where a value was ever seen."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.core.time import iso
from rarebit.lake import MemoryReport
from rarebit.lake.traits import SEPARATOR

__all__ = ["MemoryReport", "OnHost", "Seen", "remember", "seen", "standing"]

MOST_VALUES: Final = 200
"""Values told of for a pattern."""
_JOINED: Final = "|"
"""How people write and read the values of several fields taken together."""


class OnHost(msgspec.Struct, frozen=True, kw_only=True):
    """A value on one host."""

    host: str | None
    """None: the events named no host, or the host showed it too long ago."""
    first: str
    last: str
    days: int
    events: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a value was seen."""

    field: str
    value: str
    first: str
    last: str
    days: int
    """Days with at least one event."""
    events: int
    hosts: int
    on: tuple[OnHost, ...]


def remember(home: Home, *, rebuild: bool = False, progress: Progress = silent) -> MemoryReport:
    """Bring the memory up to what the lake holds; what the lake has dropped since stays in it.

    Raises
    ------
    StateError
        If the memory is being written by somebody else, or its files cannot be read or written.
    """
    return home.first_seen.update(
        home.lake, rebuild=rebuild, progress=lambda done, whole: progress("remembering", done, whole)
    )


def standing(home: Home, *, progress: Progress = silent) -> tuple[MemoryReport, bool]:
    """The memory as it stands, and whether the lake has events it has not taken in; made where there is none.

    Asking does not write to a memory that is there, so that it can be asked while a run is at work.
    """
    held = home.first_seen.report()
    if held.version < 0:
        held = remember(home, progress=progress)
    return held, home.lake.has_since(held.version)


def seen(home: Home, value: str, *, field: str | None = None) -> list[Seen]:
    """Where and when a value was ever seen, by field; ``*`` and ``?`` stand for any characters.

    Parameters
    ----------
    home : Home
        The installation.
    value : str
        A host, a process, a hash, an address, a domain; without case. Values of several fields are joined by ``|``.
    field : str, optional
        Only in this field, or fields joined by ``+``.

    Raises
    ------
    InputError
        If the field is not remembered.
    """
    memory = home.first_seen
    found: list[Seen] = []
    text = SEPARATOR.join(part.strip() for part in value.split(_JOINED))
    for name in [field] if field is not None else [trait.name for trait in memory.traits]:
        values = memory.matching(name, text)[:MOST_VALUES] if set(text) & {"*", "?"} else [text]
        for row in _told(memory.lookup(name, values)):
            on = tuple(OnHost(**each) for each in _told(memory.where(name, row["value"])))
            found.append(Seen(**{**row, "value": row["value"].replace(SEPARATOR, f" {_JOINED} ")}, on=on))
    return sorted(found, key=lambda each: (each.first, each.field, each.value))


def _told(table: pa.Table) -> list[dict[str, Any]]:
    """Rows with times as text."""
    for name in ("first", "last"):
        times = pa.array([iso(time) for time in table.column(name).cast(pa.int64()).to_pylist()], pa.string())
        table = table.set_column(table.schema.get_field_index(name), name, times)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
