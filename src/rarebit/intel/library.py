"""All indicators of an installation in one Parquet file, by kind and code; it is replaced as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rarebit.core.disk import replacing
from rarebit.core.errors import NotFoundError, StateError
from rarebit.core.indicator import Indicator, Kind, Worth
from rarebit.core.report import Skipped
from rarebit.core.time import iso
from rarebit.intel.codes import codes_of_text
from rarebit.intel.draft import EVER, SCHEMA, Draft
from rarebit.maths.hashing import hash_text, pair_codes

_META: Final = b"rarebit.sources"
KEPT: Final = pa.schema(
    [
        *SCHEMA, ("source", pa.string()), ("first_import_us", pa.int64()), ("last_seen_us", pa.int64()),
        ("code", pa.int64()),
    ]
)  # fmt: skip


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A list that indicators come from, as it stood at its last import."""

    name: str
    alert: bool = False
    """Whether its matches alert by themselves."""
    origin: str = ""
    """Files or address."""
    formats: tuple[str, ...] = ()
    imported_at: str = ""
    read: int = 0
    """Entries of the last import, good and bad."""
    taken: int = 0
    """Different values of them that were kept."""
    new: int = 0
    """Of those, not known before."""
    held: int = 0
    """Values kept of all its imports."""
    skipped: tuple[Skipped, ...] = ()


class Library:
    """The indicators of one installation.

    Parameters
    ----------
    path : Path
        Its directory; made by the first import.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path / "indicators.parquet"

    def table(self) -> pa.Table:
        """All indicators (:data:`KEPT`), by kind and code.

        Raises
        ------
        StateError
            If the file is damaged.
        """
        return self._read()[0]

    def sources(self) -> list[Source]:
        """All lists by name."""
        return [source for _, source in sorted(self._read()[1].items())]

    def take(self, draft: Draft, *, source: str, origin: str, alert: bool, now_us: int) -> Source:
        """Take in what a list says now.

        Values that it had before keep the time of their first import; those that it has no longer stay, and decay
        from when it last had them.
        """
        held, sources = self._read()
        mine = pc.equal(held.column("source"), source)
        before, others = held.filter(mine), held.filter(pc.invert(mine))
        fresh = _distinct(draft.table())
        count = fresh.num_rows
        fresh = (
            fresh.append_column("source", pa.array([source] * count, pa.string()))
            .append_column("first_import_us", pa.array(np.full(count, now_us)))
            .append_column("last_seen_us", pa.array(np.full(count, now_us)))
            .append_column("code", pa.array(codes_of_text(fresh.column("value"))))
        )
        known, at = _found(_keys(fresh), _keys(before))
        first = fresh.column("first_import_us").to_numpy().copy()
        first[known] = before.column("first_import_us").to_numpy()[at]
        fresh = fresh.set_column(KEPT.get_field_index("first_import_us"), "first_import_us", pa.array(first))
        gone = np.ones(before.num_rows, np.bool_)
        gone[at] = False
        merged = pa.concat_tables([others, before.filter(pa.array(gone)), fresh.cast(KEPT)])
        sources[source] = Source(
            name=source,
            alert=alert,
            origin=origin,
            formats=tuple(sorted(draft.formats)),
            imported_at=iso(now_us),
            read=draft.read,
            taken=count,
            new=count - int(known.sum()),
            held=int(gone.sum()) + count,
            skipped=draft.skipped,
        )
        self._write(merged, sources)
        return sources[source]

    def remove(self, source: str) -> int:
        """Forget a list and its indicators; how many there were.

        Raises
        ------
        NotFoundError
            If there is no such list.
        """
        held, sources = self._read()
        if source not in sources:
            raise NotFoundError(f"there is no list {source!r}", hint="List them with: rarebit intel list --sources")
        mine = pc.equal(held.column("source"), source)
        del sources[source]
        self._write(held.filter(pc.invert(mine)), sources)
        return int(pc.sum(mine).as_py() or 0)

    def _read(self) -> tuple[pa.Table, dict[str, Source]]:
        if not self._file.exists():
            return KEPT.empty_table(), {}
        try:
            table = pq.read_table(self._file)
            sources = msgspec.json.decode((table.schema.metadata or {})[_META], type=dict[str, Source])
            return table.replace_schema_metadata(None).cast(KEPT), sources
        except (OSError, KeyError, pa.ArrowInvalid, msgspec.DecodeError) as error:
            raise StateError(
                f"the indicators are damaged: {error}", where=str(self._file),
                hint="Delete the file and import the lists again.",
            ) from error  # fmt: skip

    def _write(self, table: pa.Table, sources: dict[str, Source]) -> None:
        ordered = table.sort_by([("kind", "ascending"), ("code", "ascending"), ("source", "ascending")])
        ordered = ordered.replace_schema_metadata({_META: msgspec.json.encode(sources)})
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with replacing(self._file) as draft:
                pq.write_table(ordered, draft, compression="zstd")
        except OSError as error:
            raise StateError(f"the indicators cannot be written: {error}", where=str(self._file)) from error


def described(table: pa.Table) -> list[Indicator]:
    """Rows as people and other programs read them."""
    return [
        Indicator(
            source=row["source"],
            kind=Kind(row["kind"]),
            value=row["value"],
            worth=Worth(row["worth"]),
            confidence=row["confidence"],
            valid_from=iso(row["valid_from_us"]) if row["valid_from_us"] else None,
            valid_until=iso(row["valid_until_us"]) if row["valid_until_us"] < EVER else None,
            first_import=iso(row["first_import_us"]),
            last_seen=iso(row["last_seen_us"]),
            tlp=row["tlp"],
            label=row["label"],
            reference=row["reference"],
        )
        for row in table.to_pylist()
    ]


def _keys(table: pa.Table) -> NDArray[np.int64]:
    """Code of kind, value and worth of each row (int64[n])."""
    what = pc.binary_join_element_wise(table.column("kind"), table.column("worth"), "/")
    encoded = pc.dictionary_encode(what).combine_chunks()
    names = np.array([hash_text(name) for name in encoded.dictionary.to_pylist()], np.int64)
    kinds = names[encoded.indices.to_numpy()] if len(encoded) else np.zeros(0, np.int64)
    return np.asarray(pair_codes(kinds, codes_of_text(table.column("value"))), np.int64)


def _distinct(table: pa.Table) -> pa.Table:
    """The last entry of each value: later ones of a list stand in place of earlier."""
    keys = _keys(table)[::-1]
    _, first = np.unique(keys, return_index=True)
    return table.take(pa.array(np.sort(keys.size - 1 - first)))


def _found(keys: NDArray[np.int64], among: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which keys (each once) are among others, and the places of those."""
    if not among.size:
        return np.zeros(keys.size, np.bool_), np.zeros(0, np.int64)
    order = np.argsort(among)
    at = np.minimum(np.searchsorted(among[order], keys), among.size - 1)
    known = among[order][at] == keys
    return known, order[at][known]
