"""Sightings and their texts as sorted Parquet files: written, looked up, merged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rarebit.core.disk import sync
from rarebit.core.errors import StateError
from rarebit.lake.sightings import SCHEMA, SIGHTING, Ints, Sightings, from_table, reduced, rising, to_table

GROUP_ROWS: Final = 16_384
"""Rows of a row group: what a look-up of one value reads."""
CHUNK_ROWS: Final = 400_000
"""About so many rows are held while files are merged."""
_FEW_GROUPS: Final = 8
"""Where a look-up may touch more row groups, their codes are read first, and all columns only of those that hit."""
_TEXT: Final = pa.schema([("trait", pa.int16()), ("code", pa.int64()), ("text", pa.string())])
_PACKED: Final = {"code": "DELTA_BINARY_PACKED", "first_us": "DELTA_BINARY_PACKED", "last_us": "DELTA_BINARY_PACKED"}


class Segment(msgspec.Struct, frozen=True):
    """A pair of files: sightings in order of trait, code, host and era, and the text of each code."""

    name: str
    rows: int
    size: int
    """Bytes of both files."""


class SegmentReader:
    """Looks into the files of one segment; files stay open as long as this lives.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    segment : Segment
        Which files.
    """

    def __init__(self, folder: Path, segment: Segment) -> None:
        self._folder = folder
        self.segment = segment

    @cached_property
    def _rows(self) -> _SortedFile:
        return _SortedFile(self._folder / f"{self.segment.name}.sightings.parquet")

    @cached_property
    def _texts(self) -> _SortedFile:
        return _SortedFile(self._folder / f"{self.segment.name}.texts.parquet")

    def find(self, trait: int, codes: Ints) -> Sightings:
        """Rows of these codes (int64[n], rising)."""
        parts = [np.zeros(0, SIGHTING)]
        for table in self._rows.touching(trait, codes):
            rows = from_table(table)
            parts.append(rows[_among(rows["code"], codes)])
        return np.concatenate(parts)

    def range(self, trait: int, low: int, high: int) -> Sightings:
        """Rows with codes in ``[low, high]``."""
        rows = from_table(self._rows.between(trait, low, high, SCHEMA))
        return rows[(rows["code"] >= low) & (rows["code"] <= high)]

    def texts(self, trait: int, codes: Ints) -> pa.Table:
        """``code`` and ``text`` of these codes (int64[n], rising)."""
        parts = [
            table.filter(pa.array(_among(table.column("code").to_numpy(), codes)))
            for table in self._texts.touching(trait, codes)
        ]
        return pa.concat_tables([_TEXT.empty_table(), *parts])

    def text_range(self, trait: int, low: int, high: int) -> pa.Table:
        """``trait``, ``code`` and ``text`` with codes in ``[low, high]``."""
        table = self._texts.between(trait, low, high, _TEXT)
        codes = table.column("code").to_numpy()
        return table.filter(pa.array((codes >= low) & (codes <= high)))

    def rows_of(self, trait: int) -> int:
        """Number of rows of a trait."""
        return self._rows.rows_of(trait)

    def last_seen(self) -> Ints:
        """When each row was last seen (int64[rows])."""
        return self._rows.column("last_us")


class _SortedFile:
    """A Parquet file in order of trait and code, no row group of which holds two traits."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = pq.ParquetFile(path, pre_buffer=False)
            metadata = self._file.metadata
            groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
            edges = [(group.column(0).statistics.min, group.column(1).statistics) for group in groups]
        except (OSError, pa.ArrowException) as error:
            raise StateError(
                f"a file of the first-seen memory cannot be read: {error}",
                where=str(path),
                hint="Run: rarebit event seen --rebuild",
            ) from error
        self._traits = np.array([trait for trait, _ in edges], np.int64)
        self._low = np.array([codes.min for _, codes in edges], np.int64)
        self._high = np.array([codes.max for _, codes in edges], np.int64)
        self._sizes = np.array([group.num_rows for group in groups], np.int64)

    def rows_of(self, trait: int) -> int:
        return int(self._sizes[self._traits == trait].sum())

    def column(self, name: str) -> Ints:
        found: Ints = self._file.read(columns=[name]).column(0).to_numpy()
        return found

    def touching(self, trait: int, codes: Ints) -> Iterator[pa.Table]:
        """Row groups that may hold some of the codes (rising), a few at a time."""
        own = np.flatnonzero(self._traits == trait)
        begin = np.searchsorted(codes, self._low[own], side="left")
        end = np.searchsorted(codes, self._high[own], side="right")
        groups = own[end > begin]
        if groups.size > _FEW_GROUPS:
            groups = np.array([group for group in groups.tolist() if self._holds(group, codes)], np.int64)
        yield from self._read(groups)

    def _holds(self, group: int, codes: Ints) -> bool:
        """Whether a row group has any of the codes; reads no more of it than its codes."""
        held = self._file.read_row_group(group, columns=["code"], use_threads=False).column(0).to_numpy()
        return bool(_among(codes, held).any() if codes.size < held.size else _among(held, codes).any())

    def between(self, trait: int, low: int, high: int, schema: pa.Schema) -> pa.Table:
        """Row groups that may hold codes in ``[low, high]``."""
        own = np.flatnonzero((self._traits == trait) & (self._low <= high) & (self._high >= low))
        return pa.concat_tables([schema.empty_table(), *self._read(own)])

    def _read(self, groups: NDArray[np.int64]) -> Iterator[pa.Table]:
        few = max(1, CHUNK_ROWS // GROUP_ROWS)
        for at in range(0, groups.size, few):
            yield self._file.read_row_groups(groups[at : at + few].tolist(), use_threads=groups.size > 1)


def _among(codes: Ints, wanted: Ints) -> NDArray[np.bool_]:
    """Whether each code is among those wanted, which rise."""
    if wanted.size == 0:
        return np.zeros(codes.size, np.bool_)
    at = np.minimum(np.searchsorted(wanted, codes), wanted.size - 1)
    found: NDArray[np.bool_] = wanted[at] == codes
    return found


def write(folder: Path, rows: Iterable[Sightings], texts: Iterable[pa.Table]) -> Segment:
    """Write a segment; it belongs to the memory only once the memory names it.

    Parameters
    ----------
    folder : Path
        Where to write.
    rows : iterable of SIGHTING[n]
        In order; each part of one trait, no key in two parts.
    texts : iterable of Table
        ``trait``, ``code``, ``text``, in order; each part of one trait.

    Raises
    ------
    StateError
        If the disk is full or the directory cannot be written.
    """
    name = uuid4().hex
    count, size = _written(folder / f"{name}.sightings.parquet", SCHEMA, (to_table(part) for part in rows))
    _, more = _written(folder / f"{name}.texts.parquet", _TEXT, texts)
    sync(folder)
    return Segment(name, count, size + more)


def _written(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> tuple[int, int]:
    packed = {name: kind for name, kind in _PACKED.items() if name in schema.names}
    rows = 0
    try:
        with path.open("xb") as file:
            with pq.ParquetWriter(
                file,
                schema,
                compression="zstd",
                use_dictionary=[name for name in schema.names if name not in packed and name != "text"],
                column_encoding=packed,
                write_statistics=["trait", "code"],
            ) as writer:
                for table in tables:
                    if table.num_rows:
                        writer.write_table(table, row_group_size=GROUP_ROWS)
                        rows += table.num_rows
            file.flush()
            os.fsync(file.fileno())
            return rows, file.tell()
    except (OSError, pa.ArrowException) as error:
        path.unlink(missing_ok=True)
        raise StateError(
            f"the first-seen memory cannot be written: {error}",
            where=str(path.parent),
            hint="Free disk space or make the directory writable; what was remembered before is kept.",
        ) from error


Age = Callable[[Sightings], Sightings]


def merge(folder: Path, readers: Sequence[SegmentReader], traits: Sequence[int], age: Age | None = None) -> Segment:
    """Write several segments as one, a range of codes at a time.

    Parameters
    ----------
    folder : Path
        Where to write.
    readers : sequence of SegmentReader
        What to merge.
    traits : sequence of int
        All traits there are.
    age : callable, optional
        What to keep of a range of rows; texts of values that are gone go too.
    """
    ranges = [(trait, *part) for trait in sorted(traits) for part in _ranges(sum(r.rows_of(trait) for r in readers))]
    texts: list[pa.Table] = []

    def rows() -> Iterator[Sightings]:
        for trait, low, high in ranges:
            joined = reduced(np.concatenate([reader.range(trait, low, high) for reader in readers]))
            kept = age(joined) if age is not None else joined
            named = pa.concat_tables([reader.text_range(trait, low, high) for reader in readers])
            texts.append(distinct(named, None if age is None or kept.size == joined.size else kept["code"]))
            yield kept

    return write(folder, rows(), texts)


def distinct(texts: pa.Table, only: Ints | None = None) -> pa.Table:
    """Texts of one trait in order of their codes, each once; those of some codes (rising) if any are given."""
    codes, first = rising(texts.column("code").to_numpy())
    if only is not None:
        first = first[_among(codes, only)]
    return texts.take(pa.array(first))


def _ranges(rows: int) -> list[tuple[int, int]]:
    """Codes cut into ranges of about as many rows; codes are hashes, hence spread evenly."""
    least, most = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
    parts = max(1, -(-rows // CHUNK_ROWS)) if rows else 0
    step = (most - least + 1) // max(1, parts)
    return [(least + at * step, most if at == parts - 1 else least + (at + 1) * step - 1) for at in range(parts)]
