"""Files into the lake: every file accounted for, nothing twice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.app.sources import Sources
from rarebit.core.fields import TIME
from rarebit.core.report import FileReport, Skipped
from rarebit.source.read import FileRead, Piece, ReadSettings, find_files

_MANY_FILES = 4
"""Files a day from which it is rewritten as one."""


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an intake did."""

    files: tuple[FileReport, ...]
    read: int
    events: int
    """Events that came out of the files, in the span asked for."""
    new: int
    duplicates: int
    outside: int
    """Events before ``since`` or from ``until`` on, left out."""
    unread: int
    """Files of which a part, or every row, could not be read."""
    seconds: float
    lake_version: int


def ingest(
    home: Home,
    paths: Sequence[Path | Piece],
    *,
    mapping: dict[str, str] | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Read files of any known format into the lake; of a directory all, of a piece its lines, noted by its source.

    Raises
    ------
    InputError
        If a path does not exist.
    StateError
        If the lake is being written by somebody else.
    """
    started = time.monotonic()
    pieces = _pieces(paths)
    settings = ReadSettings(mapping=mapping or {}, quarantine=home.quarantine)
    readings = [FileRead(piece, settings) for piece in pieces]
    whole = sum(reading.bytes_total for reading in readings)
    sources = Sources(home)
    reports: list[FileReport] = []
    counts = {"events": 0, "new": 0, "duplicates": 0, "outside": 0, "unread": 0}
    done = 0
    with home.lake.writer() as writer:
        for piece, reading in zip(pieces, readings, strict=True):
            outside = rejected = 0
            for batch in reading.batches():
                kept = within(batch, since_us, until_us)
                outside += batch.num_rows - kept.num_rows
                result = writer.append(kept)
                sources.note(piece.source, kept)
                counts["events"] += kept.num_rows
                counts["new"] += result.new
                counts["duplicates"] += result.duplicate
                rejected += result.rejected
                progress("reading", done + reading.bytes_done, whole)
            done += reading.bytes_total
            counts["outside"] += outside
            left = {"outside --since and --until": outside, "no place in the lake": rejected}
            report = reading.report()
            counts["unread"] += bool(report.error) or (report.rows == 0 and report.read > 0)
            reports.append(_with_left(report, left))
            progress("reading", done, whole)
        version = writer.commit()
    sources.keep()
    crowded = home.lake.summary()
    if crowded.files > _MANY_FILES * max(1, len(crowded.days)):
        home.lake.compact()
        version = home.lake.version()
    return IngestReport(
        files=tuple(reports),
        read=sum(report.read for report in reports),
        seconds=time.monotonic() - started,
        lake_version=version,
        **counts,
    )


def _pieces(paths: Sequence[Path | Piece]) -> list[Piece]:
    files = find_files([path for path in paths if not isinstance(path, Piece)])
    return [*(Piece(file) for file in files), *(path for path in paths if isinstance(path, Piece))]


def within(batch: pa.RecordBatch, since_us: int | None, until_us: int | None) -> pa.RecordBatch:
    """The rows of a batch in ``[since_us, until_us)``."""
    if since_us is None and until_us is None:
        return batch
    times = batch.column(TIME).cast(pa.int64()).to_numpy(zero_copy_only=False)
    keep = np.ones(times.size, np.bool_)
    if since_us is not None:
        keep &= times >= since_us
    if until_us is not None:
        keep &= times < until_us
    return batch if keep.all() else batch.filter(pa.array(keep))


def _with_left(report: FileReport, left: dict[str, int]) -> FileReport:
    """The report with what was left out after reading; counts by reason."""
    parts = tuple(Skipped(reason=reason, count=count) for reason, count in left.items() if count)
    if not parts:
        return report
    rows = report.rows - sum(part.count for part in parts)
    return msgspec.structs.replace(report, rows=rows, skipped=(*report.skipped, *parts))
