"""The Delta log: which Parquet files make up a version of the lake, and atomic changes to that list."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from rarebit.core.disk import sync
from rarebit.core.errors import StateError
from rarebit.core.fields import DAY, TIME
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.core.time import iso
from rarebit.lake.layout import PLACE

VERSION: Final = "rarebit.lake.version"
"""Column of the version in which a row was first committed; kept through compaction."""

TABLE_SCHEMA: Final[pa.Schema] = pa.schema(
    [
        *(field for field in EVENT_SCHEMA if field.name != DAY),
        *(pa.field(name, pa.int64()) for name in (VERSION, PLACE)),
        EVENT_SCHEMA.field(DAY),
    ]
)
"""Columns of the Delta table: those of an event, :data:`VERSION` and :data:`PLACE`."""

_SETTINGS: Final[dict[str, str | None]] = {
    "delta.dataSkippingStatsColumns": f"`{TIME}`,`{VERSION}`",
    "delta.checkpointInterval": "50",
}


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One Parquet file of one day, laid out as :mod:`rarebit.lake.layout` says."""

    path: str
    """Relative to the lake, with ``/``."""
    day: str
    rows: int
    size: int
    """Bytes."""
    first_us: int
    last_us: int
    first_version: int
    last_version: int


@dataclass(frozen=True)
class Snapshot:
    """All files of one version, by day and time."""

    version: int
    files: tuple[DataFile, ...]

    def between(
        self,
        start_us: int | None = None,
        end_us: int | None = None,
        since_version: int | None = None,
        until_version: int | None = None,
    ) -> list[DataFile]:
        """Files that may hold events in ``[start_us, end_us)`` committed after one version and up to another."""
        return [
            file
            for file in self.files
            if (start_us is None or file.last_us >= start_us)
            and (end_us is None or file.first_us < end_us)
            and (since_version is None or file.last_version > since_version)
            and (until_version is None or file.first_version <= until_version)
        ]


EMPTY: Final = Snapshot(-1, ())


class DeltaLog:
    """Reads and extends the log of one Delta table.

    Parameters
    ----------
    root : Path
        Directory of the table, absolute; it need not exist yet.

    Raises
    ------
    StateError
        If the path holds what looks like an escape of a URL: the Delta library would read and write elsewhere.
    """

    def __init__(self, root: Path) -> None:
        if re.search("%[0-9A-Fa-f]{2}", str(root)):
            raise StateError("the path may not hold % and two digits", where=str(root), hint="Use another directory.")
        self.root = root
        self._held: tuple[Snapshot, tuple[int, int]] | None = None

    def snapshot(self) -> Snapshot:
        """The newest version, or :data:`EMPTY` when there is none.

        Raises
        ------
        StateError
            If the log cannot be read.
        """
        if not (self.root / "_delta_log").is_dir():
            return EMPTY
        if self._held is not None and self._is_newest(*self._held):
            return self._held[0]
        try:
            if not DeltaTable.is_deltatable(self.root.as_uri()):
                return EMPTY
            table = DeltaTable(self.root.as_uri())
            version, actions = table.version(), pa.table(table.get_add_actions(flatten=True))
        except (DeltaError, OSError) as error:
            raise _unusable(self.root, error) from error
        found = Snapshot(version, tuple(sorted(_files(actions), key=lambda file: (file.first_us, file.last_us))))
        mark = self._commit_mark(version)
        self._held = None if mark is None else (found, mark)
        return found

    def _is_newest(self, held: Snapshot, mark: tuple[int, int]) -> bool:
        """Whether a snapshot is still of this table, and nothing was committed since."""
        return self._commit_mark(held.version) == mark and self._commit_mark(held.version + 1) is None

    def _commit_mark(self, version: int) -> tuple[int, int] | None:
        """What tells the file of a commit from another of its name; None where there is none."""
        try:
            found = (self.root / "_delta_log" / f"{version:020}.json").stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def identity(self) -> str:
        """Id of the table, or nothing where there is none."""
        if self.snapshot().version < 0:
            return ""
        return str(DeltaTable(self.root.as_uri()).metadata().id)

    def create(self) -> None:
        """Make an empty table where there is none."""
        try:
            DeltaTable.create(
                self.root.as_uri(),
                TABLE_SCHEMA,
                mode="ignore",
                partition_by=[DAY],
                name="events",
                configuration=_SETTINGS,
            )
        except (DeltaError, OSError) as error:
            raise _unusable(self.root, error) from error

    def commit(
        self, *, add: Sequence[DataFile], remove: Sequence[DataFile] = (), expected_version: int, new_rows: bool = True
    ) -> int:
        """Replace files in one atomic step.

        Parameters
        ----------
        add, remove : sequences of DataFile
            Files to add, already in place, and files of the current version to take out.
        expected_version : int
            The version this makes.
        new_rows : bool
            Whether rows come or go; False when the same rows are only laid out anew.

        Returns
        -------
        int
            The version made.

        Raises
        ------
        StateError
            If the log cannot be written, or something else wrote to it meanwhile.
        """
        now = int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = [
            AddAction(f.path, f.size, {DAY: f.day}, now, new_rows, _statistics(f)) for f in add
        ]
        actions += [
            RemoveAction(f.path, new_rows, deletion_timestamp=now, size=f.size, partition_values={DAY: f.day})
            for f in remove
        ]
        try:
            table = DeltaTable(self.root.as_uri())
            if table.version() != expected_version - 1:
                raise StateError(
                    f"version {table.version()} was made by another program while this one was writing",
                    where=str(self.root),
                    hint="Run again; leave writing to one program.",
                )
            table.create_write_transaction(
                actions,
                mode="append",
                schema=TABLE_SCHEMA,
                partition_by=[DAY],
                commit_properties=CommitProperties(max_commit_retries=0),
            )
            sync(self.root / "_delta_log" / f"{expected_version:020d}.json")
            sync(self.root / "_delta_log")
        except (DeltaError, OSError) as error:
            raise _unusable(self.root, error) from error
        return expected_version

    def vacuum(self, *, hours: int) -> int:
        """Delete files that no version of the last `hours` needs, and those of writes that never ended.

        Returns
        -------
        int
            Number of files deleted.
        """
        try:
            table = DeltaTable(self.root.as_uri())
            return len(table.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True))
        except (DeltaError, OSError) as error:
            raise _unusable(self.root, error) from error


def _unusable(root: Path, error: Exception) -> StateError:
    return StateError(
        f"the event lake cannot be used: {str(error).splitlines()[0]}",
        where=str(root),
        hint="Check that the disk is not full and that the directory can be read and written.",
    )


def _statistics(file: DataFile) -> str:
    return json.dumps(
        {
            "numRecords": file.rows,
            "minValues": {TIME: iso(file.first_us), VERSION: file.first_version},
            "maxValues": {TIME: iso(file.last_us), VERSION: file.last_version},
            "nullCount": {TIME: 0, VERSION: 0},
        }
    )


def _files(actions: pa.Table) -> list[DataFile]:
    def column(name: str) -> list[object]:
        values = actions.column(name)
        return list((values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values).to_pylist())

    if actions.num_rows == 0:
        return []
    names = (
        "path", f"partition.{DAY}", "num_records", "size_bytes",
        f"min.{TIME}", f"max.{TIME}", f"min.{VERSION}", f"max.{VERSION}",
    )  # fmt: skip
    fields = ("path", "day", "rows", "size", "first_us", "last_us", "first_version", "last_version")
    return [
        DataFile(**dict(zip(fields, row, strict=True))) for row in zip(*(column(name) for name in names), strict=True)
    ]
