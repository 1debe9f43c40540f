"""Watched directories: what is new in them, read once it stands still, and read on as it grows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from rarebit.app.home import Home
from rarebit.core.errors import InputError
from rarebit.core.live import WatchedFile
from rarebit.source.read import Piece, find_files, followable

STILL_SECONDS: Final = 3.0
"""A file is taken once it has not changed for so long."""
_GIVEN_UP_SECONDS: Final = 60.0
"""A last line without its end is taken once it has not grown for so long."""
_HEAD: Final = 1024
_LINE_END: Final = 1 << 20
"""How far back the end of the last whole line is looked for, at a time."""


class Taken(NamedTuple):
    """A part of a file to be read, and how the file stands once it has been."""

    piece: Piece
    after: WatchedFile


class _Look(NamedTuple):
    """How a file looked, and since when."""

    size: int
    modified_ns: int
    since: float


class Watch:
    """Directories that are watched for files.

    Parameters
    ----------
    paths : sequence of Path
    still_seconds : float
    clock : callable
        Seconds that only go forward.

    Raises
    ------
    InputError
        If one is not there.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        still_seconds: float = STILL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for path in paths:
            if not path.exists():
                raise InputError("there is no such directory to watch", where=str(path), hint="Make it first.")
        self.paths = [path.absolute() for path in paths]
        self._still = still_seconds
        self._clock = clock
        self._looks: dict[Path, _Look] = {}
        self.troubles: dict[str, str] = {}
        """Why a file or directory could not be looked at, by its path."""

    def look(self, home: Home) -> list[Taken]:
        """What can be read now, that was not read before."""
        held = {file.id: file for file in home.store.live.watched.list()} if self.paths else {}
        self.troubles = {}
        found: list[Taken] = []
        seen: set[Path] = set()
        for root in self.paths:
            for path in self._files(root):
                if path in seen:
                    continue
                seen.add(path)
                try:
                    taken = self._take(path, held.get(str(path)), str(root))
                except OSError as error:
                    self.troubles[str(path)] = f"cannot be read: {error.strerror or error}"
                    continue
                if taken is not None:
                    found.append(taken)
        self._looks = {path: look for path, look in self._looks.items() if path in seen}
        return found

    def _files(self, root: Path) -> list[Path]:
        try:
            return find_files([root])
        except (InputError, OSError) as error:
            self.troubles[str(root)] = str(error)
            return []

    def _take(self, path: Path, held: WatchedFile | None, source: str) -> Taken | None:
        stat = path.stat()
        if held is not None and (stat.st_size, stat.st_mtime_ns) == (held.size, held.modified_ns) and (
            held.position == held.size
        ):  # fmt: skip
            return None
        still = self._still_for(path, stat.st_size, stat.st_mtime_ns)
        if stat.st_size == 0:
            return None
        start = held.position if held is not None and _same(path, stat.st_ino, stat.st_size, held) else 0
        if still < self._still and not start:
            return None
        if not followable(path):
            if still < self._still:
                return None
            start, end = 0, stat.st_size
        else:
            end = _line_end(path, start, stat.st_size, given_up=still >= _GIVEN_UP_SECONDS)
        if end <= start and start:
            return None
        head, head_bytes = _head(path, end)
        after = WatchedFile(
            id=str(path),
            position=end,
            size=stat.st_size,
            modified_ns=stat.st_mtime_ns,
            inode=stat.st_ino,
            head=head,
            head_bytes=head_bytes,
        )
        return Taken(Piece(path, start, end, source=source), after) if end > start else None

    def _still_for(self, path: Path, size: int, modified_ns: int) -> float:
        """Seconds for which the file has not changed: as seen, or as its own time says, if that is of the past."""
        now = self._clock()
        before = self._looks.get(path)
        if before is None or (before.size, before.modified_ns) != (size, modified_ns):
            before = self._looks[path] = _Look(size, modified_ns, now)
        return max(now - before.since, time.time() - modified_ns / 1e9)


def _same(path: Path, inode: int, size: int, held: WatchedFile) -> bool:
    """Whether the file has only grown since, and no other has taken its place."""
    return inode == held.inode and size >= held.position and _head(path, held.head_bytes)[0] == held.head


def _head(path: Path, size: int) -> tuple[str, int]:
    with path.open("rb") as file:
        data = file.read(min(size, _HEAD))
    return hashlib.blake2b(data, digest_size=16).hexdigest(), len(data)


def _line_end(path: Path, start: int, size: int, *, given_up: bool) -> int:
    """Where the last whole line ends; a last line without an end counts if it is whole, or nothing more came."""
    with path.open("rb") as file:
        at = size
        while at > start:
            low = max(start, at - _LINE_END)
            file.seek(low)
            cut = file.read(at - low).rfind(b"\n")
            if cut >= 0:
                at = low + cut + 1
                break
            at = low
        file.seek(at)
        rest = file.read(min(size - at, 16 << 20))
    whole = at + len(rest) == size and (given_up or _is_object(rest))
    return size if rest and whole else at


def _is_object(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        return False
