"""From events to sightings: each file of the lake is added up by itself, and the sums are gathered and sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.fields import CODED, TIME
from rarebit.lake.engine import quote
from rarebit.lake.lake import Lake
from rarebit.lake.sighting_files import Segment, distinct, write
from rarebit.lake.sightings import SIGHTING, Ints, Sightings, day_number, of_day, reduced, rising
from rarebit.lake.traits import HOST, LONGEST_TEXT, REGISTERED, Trait, codes_of_text, registered

HELD_ROWS: Final = 2_000_000
"""Rows gathered before they are written as a segment."""
_SOURCE_OF: Final = {made: field for field, made in REGISTERED.items()}


class Learner:
    """Gathers sightings and writes them as segments.

    Parameters
    ----------
    folder : Path
        Where segments are written.
    traits : sequence of Trait
        What is remembered; a trait's number is its place.
    held_rows : int
        Rows held in memory.
    """

    def __init__(self, folder: Path, traits: Sequence[Trait], *, held_rows: int = HELD_ROWS) -> None:
        self._folder = folder
        self._traits = traits
        self._held_rows = held_rows
        self._rows: list[list[Sightings]] = [[] for _ in traits]
        self._texts: list[list[pa.Table]] = [[] for _ in traits]
        self._held = 0
        self._written: list[Segment] = []

    def learn(
        self,
        lake: Lake,
        since: Sequence[int],
        until_version: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Take in what was committed after each trait's version, up to another."""
        for version in sorted(set(since)):
            numbers = [number for number, each in enumerate(since) if each == version]
            asked = [number for number in numbers if self._traits[number].name not in _SOURCE_OF]
            queries = [_query(self._traits[number]) for number in asked]
            made = {self._traits[number].name: number for number in numbers if number not in asked}
            for done, whole, day, tables in lake.each_file(queries, since_version=version, until_version=until_version):
                for number, table in zip(asked, tables, strict=True):
                    self._add(number, table, day_number(day), made.get(REGISTERED.get(self._traits[number].name, "")))
                if self._held >= self._held_rows:
                    self._flush()
                if progress is not None:
                    progress(done, whole)

    def finish(self) -> list[Segment]:
        """The segments written; together they hold all that was learnt."""
        self._flush()
        return self._written

    def _add(self, number: int, table: pa.Table, day: int, parent: int | None) -> None:
        """Take in one day's values of a trait, and of the trait made from it."""
        if table.num_rows == 0:
            return
        values = self._traits[number].normal(table.column("value").combine_chunks())
        hosts, first, last, events = (table.column(name).to_numpy() for name in ("host", "first", "last", "events"))
        self._keep(number, values, hosts, day, (first, last, events))
        if parent is not None:
            self._keep(parent, registered(values), hosts, day, (first, last, events))

    def _keep(self, number: int, values: pa.Array, hosts: Ints, day: int, spans: tuple[Ints, Ints, Ints]) -> None:
        codes = codes_of_text(values)
        rows = of_day(number, codes, hosts, day, spans)
        rows = rows if codes.all() else rows[codes != 0]
        fresh, at = rising(codes)
        at = at[fresh != 0]
        names = pc.utf8_slice_codeunits(values.take(pa.array(at)), 0, LONGEST_TEXT)
        self._rows[number].append(rows)
        self._texts[number].append(
            pa.table({"trait": pa.array(np.full(at.size, number, np.int16)), "code": codes[at], "text": names})
        )
        self._held += rows.size

    def _flush(self) -> None:
        if self._held:
            rows = (reduced(np.concatenate([np.zeros(0, SIGHTING), *parts])) for parts in self._rows)
            texts = (distinct(pa.concat_tables(parts)) for parts in self._texts if parts)
            self._written.append(write(self._folder, rows, texts))
        self._rows = [[] for _ in self._traits]
        self._texts = [[] for _ in self._traits]
        self._held = 0


def _query(trait: Trait) -> str:
    """First, last and number of events of each value on each host, which the lake holds the code of."""
    moment, host = f"epoch_us({quote(TIME)})", quote(CODED[HOST])
    source = "events"
    value = trait.parts
    if trait.is_list:
        source = f"(SELECT unnest({quote(trait.fields[0])}) AS value, {host}, {quote(TIME)} FROM events)"
        value = "nullif(value, '')"
    return (
        f"SELECT * FROM (SELECT {value} AS value, coalesce({host}, 0) AS host, min({moment}) AS first, "
        f"max({moment}) AS last, count(*) AS events FROM {source} GROUP BY ALL) WHERE value IS NOT NULL"
    )
