"""A year of first-seen memory: which value was seen on which host, first and last, long after its events are gone.

The memory takes in what the lake has committed since it last looked, each commit once: the position in the lake and
the list of files are one small file that is replaced at once, so that a run cut off anywhere changes nothing. Rows of
sightings add up in any order, so neither the order of files nor late events matter.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.errors import InputError
from rarebit.core.fields import TIME
from rarebit.core.time import DAY_US, parse_time
from rarebit.lake.lake import Lake
from rarebit.lake.learn_sightings import Learner
from rarebit.lake.lock import WriterLock
from rarebit.lake.memory_files import Contents, Kept, MemoryFiles
from rarebit.lake.sighting_files import distinct
from rarebit.lake.sightings import SIGHTING, Ints, Sightings, first_sights, reduced, rising, summed
from rarebit.lake.traits import HOST, SEPARATOR, Trait, codes_of_text, is_domain, trait_of

KEEP_DAYS: Final = 366
MOST_BYTES: Final = 2 << 30
_STRAY: Final = 1_000
"""One event in so many may have a clock that runs ahead without making the memory forget."""
_TIME: Final = pa.timestamp("us", tz="UTC")
_JOINED: Final = pa.schema(
    [
        ("row", pa.int64()), ("field", pa.string()), ("value", pa.string()), ("first", _TIME), ("last", _TIME),
        ("days", pa.int64()), ("events", pa.int64()), ("hosts", pa.int64()),
    ]
)  # fmt: skip


class MemoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the memory stands."""

    version: int
    """Version of the lake it holds everything of."""
    rows: int
    """Values by host and era."""
    bytes: int
    traits: tuple[str, ...]
    forgotten: int
    """Rows dropped because they had not been seen for too long."""
    evicted: int
    """Rows dropped because the memory had reached its size."""
    begun_anew: bool = False
    """Whether the lake was another one than before, so that the memory began from nothing."""


class FirstSeen:
    """The memory of one installation; one writer and many readers.

    Parameters
    ----------
    path : Path
        Its directory; made by the first update.
    keep_days : int
        A value not seen for so long is forgotten.
    most_bytes : int
        Size on disk beyond which those seen longest ago are evicted, and counted.
    """

    def __init__(self, path: Path, *, keep_days: int = KEEP_DAYS, most_bytes: int = MOST_BYTES) -> None:
        self._files = MemoryFiles(path, keep_us=keep_days * DAY_US, most_bytes=most_bytes)

    def remember(self, fields: Sequence[str]) -> Trait:
        """Remember a combination of fields from now on; the next update takes in what the lake still holds of it."""
        trait, _ = trait_of(fields)
        with WriterLock(self._files.path / ".writer.lock"):
            held = self._files.read()
            if trait.fields not in [kept.fields for kept in held.traits]:
                self._files.commit(msgspec.structs.replace(held, traits=(*held.traits, Kept(trait.fields))))
        return trait

    def update(
        self, lake: Lake, *, rebuild: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> MemoryReport:
        """Take in everything the lake has committed since the last update.

        Parameters
        ----------
        lake : Lake
            Must be the lake of before; with another one, the memory begins anew.
        rebuild : bool
            Forget everything first. What retention has dropped from the lake is lost.
        progress : callable, optional
            Told files read, and how many there are.

        Raises
        ------
        StateError
            If another writer is at work, or the files cannot be read or written.
        """
        version, identity = lake.version(), lake.identity()
        with WriterLock(self._files.path / ".writer.lock"):
            held = Contents() if rebuild else self._files.read()
            anew = bool(held.lake) and held.lake != identity
            if anew:
                held = Contents(traits=tuple(Kept(kept.fields) for kept in held.traits))
            if version < 0 or (held.segments and all(kept.version == version for kept in held.traits)):
                return self._report(held, anew=anew)
            traits = [Trait(kept.fields) for kept in held.traits]
            learner = Learner(self._files.path, traits)
            learner.learn(lake, [kept.version for kept in held.traits], version, progress)
            known = tuple(Kept(kept.fields, version) for kept in held.traits)
            grown = msgspec.structs.replace(
                held, lake=identity, traits=known, segments=(*held.segments, *learner.finish()),
                newest_us=max(held.newest_us, _newest_us(lake)),
            )  # fmt: skip
            grown = self._files.tidied(grown)
            self._files.commit(grown)
            return self._report(grown, anew=anew)

    def report(self) -> MemoryReport:
        """How the memory stands."""
        return self._report(self._files.read())

    @property
    def traits(self) -> tuple[Trait, ...]:
        """What is remembered."""
        return tuple(Trait(kept.fields) for kept in self._files.read().traits)

    def lookup(self, field: str, values: Sequence[str] | pa.Array) -> pa.Table:
        """What is known of values of a trait; those never seen, or forgotten, are left out.

        Parameters
        ----------
        field : str
            A field, or fields joined by ``+`` whose values are joined by :data:`SEPARATOR`.
        values : sequence of str
            Compared without case; users and hosts in their normal form.

        Returns
        -------
        Table
            ``field``, ``value``, ``first``, ``last`` (timestamp), ``days``, ``events``, ``hosts`` (int64): by code.

        Raises
        ------
        InputError
            If no such trait is remembered.
        """
        given = pa.array(values, pa.string()) if not isinstance(values, pa.Array) else values
        held = self._files.read()
        number = _number(held, field)
        codes = codes_of_text(Trait(held.traits[number].fields).normal(given))
        return self._described(held, number, self._rows(held, number, codes))

    def where(self, field: str, value: str) -> pa.Table:
        """On which hosts a value was seen, by first sight.

        Returns
        -------
        Table
            ``host`` (null where the event named none, or the host showed it too long ago), ``first``, ``last``,
            ``days``, ``events``.
        """
        held = self._files.read()
        number = _number(held, field)
        code = codes_of_text(Trait(held.traits[number].fields).normal(pa.array([value], pa.string())))
        rows = self._rows(held, number, code)
        rows["code"] = rows["host"]
        known = summed(reduced(rows))
        names = self._texts(held, _number(held, HOST), known["code"])
        table = pa.table({"host": names, **_columns(known)}).drop_columns(["hosts"])
        return table.sort_by([("first", "ascending")])

    def matching(self, field: str, pattern: str) -> list[str]:
        """Remembered values that meet a pattern with ``*`` and ``?``; for domains, ``*.name`` takes in the name."""
        held = self._files.read()
        number = _number(held, field)
        text = pattern.lower()
        regular = re.compile(fnmatch.translate(text.replace("[", "[[]")))
        top = text[2:] if text.startswith("*.") and is_domain(field) else None
        found: set[str] = set()
        for table in self._all_texts(held, number):
            found |= {name for name in table.column("text").to_pylist() if name == top or regular.match(name)}
        return sorted(found)

    def join(self, wanted: pa.Table, *, below: bool = False) -> pa.Table:
        """Which of many indicators were ever seen.

        Parameters
        ----------
        wanted : Table
            ``field`` and ``value``, strings, as for :meth:`lookup`. Rows of fields that are not remembered match
            nothing.
        below : bool
            A domain matches the names below it, too.

        Returns
        -------
        Table
            ``row`` int64 (place in `wanted`), then as :meth:`lookup`: one row for each value seen.
        """
        held = self._files.read()
        fields = wanted.column("field")
        names = {"+".join(kept.fields): number for number, kept in enumerate(held.traits)}
        parts = [_JOINED.empty_table()]
        for name in pc.unique(fields).to_pylist():
            if name in names:
                places = np.flatnonzero(pc.equal(fields, name).to_numpy(zero_copy_only=False))
                values = wanted.column("value").take(pa.array(places)).combine_chunks()
                parts.append(self._joined(held, names[name], places, values, below=below))
        return pa.concat_tables(parts).sort_by([("row", "ascending"), ("value", "ascending")])

    def new_since(self, fields: Sequence[str], rows: pa.Table, *, history_days: int | None = None) -> NDArray[np.bool_]:
        """Which rows show something for the first time, by all the memory holds, those rows included.

        Parameters
        ----------
        fields : sequence of str
            A combination that is remembered (see :meth:`remember`); with ``host.name``, on its host.
        rows : Table
            The fields, and ``@timestamp``.
        history_days : int, optional
            New is also what was not seen on any of so many days before the row's day. Then only the first row of each
            value and day is told of.

        Returns
        -------
        bool[n]
            False where a field is absent.
        """
        held = self._files.read()
        trait, by_host = trait_of(fields)
        number = _number(held, trait.name)
        codes = _codes_of_rows(trait, rows)
        times = rows.column(TIME).cast(_TIME).cast(pa.int64()).to_numpy()
        known = self._rows(held, number, codes)
        hosts = _codes_of_rows(Trait((HOST,)), rows) if by_host else None
        return first_sights(known, codes, hosts, times, history_days)

    def close(self) -> None:
        """Let go of open files."""
        self._files.close()

    def _joined(self, held: Contents, number: int, places: Ints, values: pa.Array, *, below: bool) -> pa.Table:
        trait = Trait(held.traits[number].fields)
        codes = codes_of_text(trait.normal(values))
        order = np.argsort(codes, kind="stable")
        if below and is_domain(trait.name):
            seen, asked = self._names_below(held, number, codes[order])
        else:
            seen = asked = rising(codes)[0]
        told = self._described(held, number, self._rows(held, number, seen), with_code=True)
        pairs = np.argsort(seen, kind="stable")
        found = told.column("code").to_numpy()
        # Each row told of, for each name asked that it lies below, for each row of the list that asks it.
        first, last = (np.searchsorted(seen[pairs], found, side=side) for side in ("left", "right"))
        at_told = np.repeat(np.arange(found.size), last - first)
        names = asked[pairs][_runs(first, last)]
        start, end = (np.searchsorted(codes[order], names, side=side) for side in ("left", "right"))
        rows = places[order][_runs(start, end)]
        table = told.drop_columns(["code"]).take(pa.array(np.repeat(at_told, end - start)))
        return table.add_column(0, "row", pa.array(rows, pa.int64()))

    def _names_below(self, held: Contents, number: int, codes: Ints) -> tuple[Ints, Ints]:
        """Remembered domains that are one of those asked for or lie below it, and the one asked for (codes)."""
        seen, asked = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for table in self._all_texts(held, number):
            own, name = table.column("code").to_numpy(), table.column("text").combine_chunks()
            while own.size:
                above = codes_of_text(name)
                at = np.minimum(np.searchsorted(codes, above), codes.size - 1)
                hit = codes[at] == above
                seen.append(own[hit])
                asked.append(above[hit])
                deeper = pc.match_substring(name, ".")
                own = own[deeper.to_numpy(zero_copy_only=False)]
                name = pc.replace_substring_regex(name.filter(deeper), r"^[^.]*\.", "", max_replacements=1)
        pairs = np.unique(np.stack([np.concatenate(seen), np.concatenate(asked)]), axis=1)
        return pairs[0], pairs[1]

    def _rows(self, held: Contents, number: int, codes: Ints) -> Sightings:
        """All rows of some codes, of what is not past remembering."""
        wanted = rising(codes[codes != 0])[0]
        parts = [self._files.reader(segment).find(number, wanted) for segment in held.segments]
        rows = reduced(np.concatenate([np.zeros(0, SIGHTING), *parts]))
        return self._files.living(held, rows)

    def _described(self, held: Contents, number: int, rows: Sightings, *, with_code: bool = False) -> pa.Table:
        known = summed(rows)
        name = "+".join(held.traits[number].fields)
        texts = self._texts(held, number, known["code"])
        columns = {"field": pa.array([name] * len(texts), pa.string()), "value": texts, **_columns(known)}
        return pa.table(columns | ({"code": known["code"]} if with_code else {}))

    def _texts(self, held: Contents, number: int, codes: Ints) -> pa.Array:
        """Text of each code; null where there is none."""
        parts = [self._files.reader(segment).texts(number, rising(codes)[0]) for segment in held.segments]
        if not parts or not codes.size:
            return pa.nulls(codes.size, pa.string())
        table = distinct(pa.concat_tables(parts))
        found = table.column("code").to_numpy()
        if not found.size:
            return pa.nulls(codes.size, pa.string())
        at = np.minimum(np.searchsorted(found, codes), found.size - 1)
        texts = table.column("text").take(pa.array(at, mask=found[at] != codes))
        return texts.combine_chunks()

    def _all_texts(self, held: Contents, number: int) -> Iterator[pa.Table]:
        whole = np.iinfo(np.int64)
        for segment in held.segments:
            yield self._files.reader(segment).text_range(number, int(whole.min), int(whole.max))

    def _report(self, held: Contents, *, anew: bool = False) -> MemoryReport:
        return MemoryReport(
            version=min((kept.version for kept in held.traits), default=-1),
            rows=sum(segment.rows for segment in held.segments),
            bytes=sum(segment.size for segment in held.segments),
            traits=tuple("+".join(kept.fields) for kept in held.traits),
            forgotten=held.forgotten,
            evicted=held.evicted,
            begun_anew=anew,
        )


def _number(held: Contents, field: str) -> int:
    names = ["+".join(kept.fields) for kept in held.traits]
    if field not in names:
        raise InputError(f"{field!r} is not remembered", hint=f"Remembered are {', '.join(names)}")
    return names.index(field)


def _newest_us(lake: Lake) -> int:
    """Start of the last day that is not ahead of nearly all events."""
    days = lake.summary().days
    left = sum(days.values()) // _STRAY
    for day, events in sorted(days.items(), reverse=True):
        left -= events
        if left < 0:
            return parse_time(day)
    return 0


def _codes_of_rows(trait: Trait, rows: pa.Table) -> Ints:
    """Code of each row's value (int64[n]); 0 where a field is absent."""
    columns = [_text(rows.column(name)) for name in trait.fields]
    joined = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, SEPARATOR)
    return codes_of_text(trait.normal(joined))


def _text(column: pa.ChunkedArray) -> pa.Array:
    text = column.cast(pa.string()).combine_chunks()
    return pc.if_else(pc.equal(text, ""), None, text)


def _columns(known: dict[str, Ints]) -> dict[str, pa.Array]:
    times = {name: pa.array(known[f"{name}_us"]).cast(_TIME) for name in ("first", "last")}
    return times | {name: pa.array(known[name]) for name in ("days", "events", "hosts")}


def _runs(starts: Ints, ends: Ints) -> Ints:
    """All places of ``[starts, ends)`` one after the other."""
    sizes = ends - starts
    before = np.cumsum(sizes) - sizes
    places: Ints = np.arange(sizes.sum()) + np.repeat(starts - before, sizes)
    return places
