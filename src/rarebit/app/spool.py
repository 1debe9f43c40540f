"""Events that were accepted and are not in the lake yet: files of whole lines that outlive the process.

What :meth:`Spool.add` has returned from is on disk. A file is deleted only when its events are in the lake, so after a
crash it is read again; events that the lake has already are then dropped by their ids.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from rarebit.core.disk import sync
from rarebit.core.errors import BusyError, StateError
from rarebit.source.read import Piece

BOUND: Final = 256 << 20
"""Bytes kept before senders are told to wait."""
_NAME: Final = re.compile(r"\d{20}-(\d{6})-([0-9a-f]+)\.ndjson")


class Spool:
    """The directory of files not yet taken in.

    Parameters
    ----------
    path : Path
        Made when something is added.
    bound : int
        Bytes kept at most.

    Raises
    ------
    StateError
        If files of an earlier process cannot be read.
    """

    def __init__(self, path: Path, *, bound: int = BOUND) -> None:
        self.path = path
        self.bound = bound
        self._lock = Lock()
        self._open: dict[str, Path] = {}
        self._serial = 0
        self.lines = 0
        """Lines added since the last :meth:`seal`."""
        self.bytes = self._recover()

    def add(self, source: str, lines: Sequence[bytes]) -> None:
        """Keep lines of a source; they are safe when this returns.

        Raises
        ------
        BusyError
            If there is no more room until some are in the lake.
        StateError
            If they cannot be written; nothing is kept then.
        """
        if not lines:
            return
        data = b"\n".join(lines) + b"\n"
        with self._lock:
            if self.bytes and self.bytes + len(data) > self.bound:
                raise BusyError(
                    f"{self.bytes:,} bytes of events wait to be taken in, of {self.bound:,} that may",
                    hint="Send them again in some seconds.",
                )
            try:
                self._write(source, data)
            except OSError as error:
                raise StateError(
                    f"events cannot be kept: {error.strerror or error}", where=str(self.path), hint="Send them again."
                ) from error
            self.bytes += len(data)
            self.lines += len(lines)

    def seal(self) -> list[Piece]:
        """All files as they are, to be read; what is added from now on goes to others."""
        with self._lock:
            self._open.clear()
            self.lines = 0
            return [_piece(path) for path in self._files() if path.stat().st_size]

    def remove(self, pieces: Sequence[Piece]) -> None:
        """Delete files whose events are in the lake."""
        for piece in pieces:
            size = piece.path.stat().st_size
            piece.path.unlink()
            with self._lock:
                self.bytes -= size

    def _write(self, source: str, data: bytes) -> None:
        path = self._open.get(source) or self._begin(source)
        with path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                left = memoryview(data)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                del self._open[source]
                file.truncate(before)
                raise

    def _begin(self, source: str) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        self._serial += 1
        path = self.path / f"{time.time_ns():020d}-{self._serial % 1_000_000:06d}-{source.encode().hex()}.ndjson"
        path.open("xb").close()
        sync(self.path)
        self._open[source] = path
        return path

    def _recover(self) -> int:
        """Bytes left by an earlier process. A line that was cut off was never answered for."""
        whole = 0
        try:
            for path in self._files():
                data = path.read_bytes()
                end = data.rfind(b"\n") + 1
                if end < len(data):
                    os.truncate(path, end)
                if end:
                    whole += end
                else:
                    path.unlink()
        except OSError as error:
            raise StateError(
                f"events of an earlier process cannot be read: {error.strerror or error}", where=str(self.path)
            ) from error
        return whole

    def _files(self) -> list[Path]:
        found = self.path.iterdir() if self.path.is_dir() else ()
        return sorted(path for path in found if _NAME.fullmatch(path.name))


def _piece(path: Path) -> Piece:
    match = _NAME.fullmatch(path.name)
    source = bytes.fromhex(match[2]).decode() if match else ""
    return Piece(path, name=source, source=source)
