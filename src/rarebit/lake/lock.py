"""One writer at a time: an operating-system lock on a file, freed by the system when its holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rarebit.core.errors import StateError

if sys.platform == "win32":
    import msvcrt

    def _seize(file: IO[str]) -> None:
        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _seize(file: IO[str]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class WriterLock:
    """Exclusive right to write one directory, held from :meth:`acquire` to :meth:`release`.

    A lock left by a killed process is free at once, whatever the file says.

    Parameters
    ----------
    path : Path
        The lock file; made when missing, never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> Self:
        """Take the lock.

        Raises
        ------
        StateError
            If another writer holds it, or the directory cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise StateError(
                f"cannot be written: {error.strerror or error}",
                where=str(self._path.parent),
                hint="Give the directory to the user who runs this, or name another with --home.",
            ) from error
        try:
            _seize(file)
        except OSError as error:
            file.seek(0)
            holder = file.read(80).strip() or "another process"
            file.close()
            raise StateError(
                f"{holder} is already writing here",
                where=str(self._path.parent),
                hint="Wait until it ends, or stop it; there is one writer at a time.",
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        self._file = file
        return self

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
