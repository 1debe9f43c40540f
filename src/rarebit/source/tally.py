"""Counts of what was left out of one file and why, and the quarantine that keeps it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import orjson

from rarebit.core.report import FileReport, Skipped

_RAW_LIMIT: Final = 64 * 1024


class Tally:
    """What one file gave: rows read, events out, bad records by reason, notes.

    Parameters
    ----------
    path : str
        Name of the file or stream.
    quarantine : Path, optional
        NDJSON file that gets every bad record; opened at the first one.
    """

    def __init__(self, path: str, quarantine: Path | None = None) -> None:
        self.path = path
        self.format = "unknown"
        self.read = 0
        self.rows = 0
        self.error = ""
        self._first_us: int | None = None
        self._last_us: int | None = None
        self._skipped: dict[str, tuple[int, str]] = {}
        self._notes: dict[str, int] = {}
        self._quarantine = quarantine
        self._held: list[tuple[str, str, bytes]] | None = None

    def skip(self, reason: str, where: str, raw: bytes = b"", *, count: int = 1) -> None:
        """Count records left out for a reason, and keep the raw bytes of this one."""
        seen, first = self._skipped.get(reason, (0, where))
        self._skipped[reason] = (seen + count, first)
        if self._quarantine is None:
            return
        if self._held is None:
            self._keep(reason, where, raw)
        else:
            self._held.append((reason, where, raw[:_RAW_LIMIT]))

    def note(self, text: str, count: int = 1) -> None:
        """Count something worth knowing; ``{}`` in the text stands for the count."""
        if count:
            self._notes[text] = self._notes.get(text, 0) + count

    def fail(self, error: str) -> None:
        """Say why the file as a whole, or its rest, could not be read; the first reason stands."""
        self.error = self.error or error

    def span(self, first_us: int, last_us: int) -> None:
        """Widen the span of event times, in microseconds since 1970."""
        self._first_us = first_us if self._first_us is None else min(self._first_us, first_us)
        self._last_us = last_us if self._last_us is None else max(self._last_us, last_us)

    def part(self) -> Tally:
        """A tally for one part of the file, to be filled by another thread and merged in order."""
        part = Tally(self.path, self._quarantine)
        part._held = []
        return part

    def merge(self, part: Tally) -> None:
        """Add the counts of a part, and write what it held for the quarantine."""
        self.read += part.read
        self.rows += part.rows
        for reason, (count, where) in part._skipped.items():
            seen, first = self._skipped.get(reason, (0, where))
            self._skipped[reason] = (seen + count, first)
        for text, count in part._notes.items():
            self.note(text, count)
        if part._first_us is not None and part._last_us is not None:
            self.span(part._first_us, part._last_us)
        for reason, where, raw in part._held or ():
            self._keep(reason, where, raw)

    def report(self) -> FileReport:
        """The line about this file."""
        return FileReport(
            path=self.path,
            format=self.format,
            read=self.read,
            rows=self.rows,
            first_us=self._first_us,
            last_us=self._last_us,
            skipped=tuple(Skipped(reason=r, count=n, where=w) for r, (n, w) in self._skipped.items()),
            error=self.error,
            notes=tuple(text.replace("{}", str(count)) for text, count in self._notes.items()),
        )

    def _keep(self, reason: str, where: str, raw: bytes) -> None:
        if self._quarantine is None:
            return
        line: dict[str, str] = {"file": self.path, "where": where, "reason": reason}
        part = raw[:_RAW_LIMIT]
        try:
            line["raw"] = part.decode()
        except UnicodeDecodeError:
            line["raw_base64"] = base64.b64encode(part).decode()
        try:
            with self._quarantine.open("ab") as out:
                out.write(orjson.dumps(line) + b"\n")
        except OSError as error:
            self._quarantine = None
            self.note(f"the quarantine file could not be written: {error.strerror}")
