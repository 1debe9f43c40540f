"""Reads content through a file, as every test of this room does."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from rarebit.core.report import FileReport
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.source.read import FileRead, ReadSettings


def read_path(path: Path, settings: ReadSettings | None = None) -> tuple[pa.Table, FileReport]:
    file = FileRead(path, settings or ReadSettings(threads=1))
    batches = list(file.batches())
    for batch in batches:
        batch.validate(full=True)
    table = pa.Table.from_batches(batches, EVENT_SCHEMA)
    report = file.report()
    assert report.rows == table.num_rows
    assert report.read == report.rows + sum(part.count for part in report.skipped)
    return table, report


def read_bytes(folder: Path, content: bytes, settings: ReadSettings | None = None) -> tuple[pa.Table, FileReport]:
    path = folder / "file"
    path.write_bytes(content)
    return read_path(path, settings)


def reasons(report: FileReport) -> dict[str, int]:
    return {part.reason: part.count for part in report.skipped}
