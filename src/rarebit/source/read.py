"""Files and streams to batches of events: the way into this room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from rarebit.core.errors import InputError
from rarebit.core.report import FileReport
from rarebit.source.formats import HEAD_BYTES, describe, sniff
from rarebit.source.intake import Intake
from rarebit.source.ndjson import add_line
from rarebit.source.settings import ReadSettings
from rarebit.source.stream import ByteStream
from rarebit.source.tally import Tally

__all__ = ["FileRead", "Piece", "ReadSettings", "find_files", "followable", "read_lines"]

_LINES: Final = ("NDJSON", "syslog")
"""Formats of lines that mean something without the lines before them."""


def followable(path: Path) -> bool:
    """Whether a file can be read on from any of its line ends as it grows.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    stream = ByteStream(path)
    try:
        found = None if stream.compression else sniff(stream.peek(HEAD_BYTES))
    finally:
        stream.close()
    return found is not None and found.name in _LINES


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Files named or found in the directories named, sorted, each once; hidden ones are passed over.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file or directory", where=str(path), hint="Check the path.")
        if not path.is_dir():
            found[path] = None
            continue
        for each in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
            if each.is_file() and not hidden:
                found[each] = None
    return list(found)


class Piece(NamedTuple):
    """A file, or the part of one, to be read as events of a source."""

    path: Path
    start: int = 0
    end: int | None = None
    """Bytes ``[start, end)``; whole lines."""
    name: str = ""
    """What reports and ``rarebit.source`` call it; empty for its path."""
    source: str = ""
    """Whose events these are; empty where nobody keeps account of that."""


class FileRead:
    """One file being read, or whole lines of one.

    Parameters
    ----------
    piece : Path or Piece
    settings : ReadSettings
    """

    def __init__(self, piece: Path | Piece, settings: ReadSettings) -> None:
        self._piece = piece = piece if isinstance(piece, Piece) else Piece(piece)
        self.path = piece.path
        self.bytes_done = 0
        size = self.path.stat().st_size if self.path.is_file() else 0
        self.bytes_total = (size if piece.end is None else min(piece.end, size)) - piece.start
        self._settings = settings
        self._name = piece.name or str(self.path)
        self._tally = Tally(self._name, settings.quarantine)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Batches of events; bad content never raises but ends up in the report."""
        if self.path.is_dir():
            self._tally.fail("this is a directory")
            return
        try:
            stream = ByteStream(self.path, self._piece.start, self._piece.end)
        except OSError as error:
            self._tally.fail(f"cannot be opened: {error.strerror or error}")
            return
        try:
            yield from self._read(stream)
        finally:
            stream.close()
        if stream.error:
            self._tally.fail(stream.error)
        self.bytes_done = self.bytes_total

    def report(self) -> FileReport:
        """The line about this file; final once :meth:`batches` is exhausted."""
        return self._tally.report()

    def _read(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        head = stream.peek(HEAD_BYTES)
        found = sniff(head)
        if found is None:
            self._unknown(head, stream)
            return
        self._tally.format = describe(found, head)
        intake = Intake(self._name, self._settings, self._tally)
        for batch in found.read(stream, intake):
            self.bytes_done = stream.done
            yield batch

    def _unknown(self, head: bytes, stream: ByteStream) -> None:
        if head.strip():
            self._tally.fail("none of the formats that can be read")
        elif not stream.error:
            self._tally.format = "empty"
            self._tally.fail("the file is empty")


def read_lines(
    lines: Iterable[bytes], *, source: str, settings: ReadSettings
) -> tuple[Iterator[pa.RecordBatch], Callable[[], FileReport]]:
    """Events of a stream of NDJSON lines.

    Parameters
    ----------
    lines : iterable of bytes
        One JSON object each.
    source : str
        Name of the stream, kept in ``rarebit.source``.
    settings : ReadSettings

    Returns
    -------
    iterator of RecordBatch, function
        The batches, and a function that gives the report; it is final once the batches are exhausted.
    """
    tally = Tally(source, settings.quarantine)
    tally.format = "NDJSON"
    intake = Intake(source, settings, tally)

    def batches() -> Iterator[pa.RecordBatch]:
        for number, line in enumerate(lines, 1):
            add_line(line, number, intake)
            if intake.full():
                yield from intake.flush()
        yield from intake.flush()

    return batches(), tally.report
