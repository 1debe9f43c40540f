"""What became of each file that was read."""

from __future__ import annotations

import msgspec


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Rows or parts of one file left out for one reason."""

    reason: str
    """Why, in a few words that name the field: ``no @timestamp``, ``not JSON``, ``damaged chunk``."""
    count: int
    where: str = ""
    """The first place: ``line 17``, ``chunk 3``."""


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One line about one file: nothing is left out in silence."""

    path: str
    format: str
    """Name of the format, or ``unknown``."""
    read: int = 0
    """Rows found in the file, good and bad."""
    rows: int = 0
    """Events that came out."""
    first_us: int | None = None
    last_us: int | None = None
    skipped: tuple[Skipped, ...] = ()
    error: str = ""
    """Why the file as a whole could not be read, or could not be read to its end."""
    notes: tuple[str, ...] = ()
    """What a reader of the report should know: ``user of 12 rows resolved by SID``."""


def joined(before: FileReport, after: FileReport) -> FileReport:
    """The report of a file read in two parts."""
    counts: dict[str, Skipped] = {}
    for part in (*before.skipped, *after.skipped):
        held = counts.get(part.reason)
        counts[part.reason] = (
            part if held is None else Skipped(reason=part.reason, count=held.count + part.count, where=held.where)
        )
    firsts = [each.first_us for each in (before, after) if each.first_us is not None]
    lasts = [each.last_us for each in (before, after) if each.last_us is not None]
    return FileReport(
        path=after.path,
        format=after.format,
        read=before.read + after.read,
        rows=before.rows + after.rows,
        first_us=min(firsts, default=None),
        last_us=max(lasts, default=None),
        skipped=tuple(counts.values()),
        error=after.error,
        notes=after.notes,
    )
