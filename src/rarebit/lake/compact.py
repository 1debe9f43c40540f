"""Housekeeping: one sorted file a day in place of many, and old days dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from rarebit.core.time import DAY_US, day_of
from rarebit.lake.layout import BLOCK_ROWS
from rarebit.lake.log import DataFile, DeltaLog
from rarebit.lake.merge import merged
from rarebit.lake.parquet import write_day

MOST_HELD_ROWS: Final = 4 * BLOCK_ROWS
_ROUND: Final = 4
GRACE_HOURS: Final = 1
"""How long files that are no longer part of the lake stay for readers of an older version."""


@dataclass(frozen=True, kw_only=True)
class CompactReport:
    """What a compaction did."""

    days: int
    """Days rewritten."""
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    version: int


def compact(log: DeltaLog, *, before_day: str | None) -> CompactReport:
    """Rewrite each day of more than one file as one sorted file; see :meth:`Lake.compact`."""
    log.vacuum(hours=GRACE_HOURS)
    snapshot = log.snapshot()
    days: dict[str, list[DataFile]] = {}
    for file in snapshot.files:
        if before_day is None or file.day < before_day:
            days.setdefault(file.day, []).append(file)
    version, old, new = snapshot.version, [], []
    for day, files in days.items():
        if len(files) > 1:
            made = _merge(log, day, files)
            version = log.commit(add=[made], remove=files, expected_version=version + 1, new_rows=False)
            old.extend(files)
            new.append(made)
    return CompactReport(
        days=len(new),
        files_before=len(old),
        files_after=len(new),
        bytes_before=sum(file.size for file in old),
        bytes_after=sum(file.size for file in new),
        version=version,
    )


def _merge(log: DeltaLog, day: str, files: list[DataFile]) -> DataFile:
    """One file of many; in rounds, where so many overlap in time that a block of each is too much to hold."""
    made: list[DataFile] = []
    while len(files) > _ROUND and overlapping(files) > MOST_HELD_ROWS:
        ordered = sorted(files, key=lambda file: (file.first_us, file.path))
        parts = (ordered[at : at + _ROUND] for at in range(0, len(ordered), _ROUND))
        files = [write_day(log.root, day, merged(log.root, part), version=None) for part in parts]
        _drop(log, made)
        made = files
    last = write_day(log.root, day, merged(log.root, files), version=None)
    _drop(log, made)
    return last


def _drop(log: DeltaLog, made: list[DataFile]) -> None:
    for file in made:
        (log.root / file.path).unlink()


def overlapping(files: Sequence[DataFile]) -> int:
    """Most rows a merge must hold at once: a block of every file that covers one moment."""
    held = [min(file.rows, BLOCK_ROWS) for file in files]
    times = [(file.first_us, rows) for file, rows in zip(files, held, strict=True)]
    times += [(file.last_us + 1, -rows) for file, rows in zip(files, held, strict=True)]
    return max(accumulate(rows for _, rows in sorted(times)))


def retain(log: DeltaLog, *, days: int, now_us: int) -> list[str]:
    """Drop whole days; see :meth:`Lake.retain`."""
    oldest = day_of(now_us - days * DAY_US)
    snapshot = log.snapshot()
    old = [file for file in snapshot.files if file.day < oldest]
    if old:
        log.commit(add=[], remove=old, expected_version=snapshot.version + 1)
        log.vacuum(hours=GRACE_HOURS)
    return sorted({file.day for file in old})
