"""Housekeeping: one sorted file a day in place of many, and old days dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rarebit.core.time import DAY_US, day_of
from rarebit.lake.log import DataFile, DeltaLog
from rarebit.lake.merge import merged
from rarebit.lake.parquet import write_day

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
            made = write_day(log.root, day, merged(log.root, files), version=None)
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


def retain(log: DeltaLog, *, days: int, now_us: int) -> list[str]:
    """Drop whole days; see :meth:`Lake.retain`."""
    oldest = day_of(now_us - days * DAY_US)
    snapshot = log.snapshot()
    old = [file for file in snapshot.files if file.day < oldest]
    if old:
        log.commit(add=[], remove=old, expected_version=snapshot.version + 1)
        log.vacuum(hours=GRACE_HOURS)
    return sorted({file.day for file in old})
