"""Bytes of a file, decompressed, in blocks cut at line ends."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol

import numpy as np
import zstandard
from numpy.typing import NDArray

from rarebit.source.json_bytes import NEWLINE
from rarebit.source.json_parts import count_lines, last_newline

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)
"""What a damaged or truncated compressed file raises while it is read."""


_HEAD: Final = 64 * 1024


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Member(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Part(io.RawIOBase):
    """Bytes ``[start, end)`` of a file, as a file of its own."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start, self._end = start, end
        self._file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        view = memoryview(buffer)
        return self._file.readinto(view[: max(0, self._end - self._file.tell())])

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        return self._file.seek(self._start + offset) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def close(self) -> None:
        self._file.close()
        super().close()


class ByteStream:
    """One file open for reading, decompressed by content, with progress in bytes of the file itself.

    Damage does not raise: reading stops before it and :attr:`error` says what it was.

    Parameters
    ----------
    path : Path
    start, end : int, optional
        Read only bytes ``[start, end)``; of a compressed file nothing can be made of a part.

    Raises
    ------
    OSError
        On opening, if the file cannot be opened.
    """

    def __init__(self, path: Path, start: int = 0, end: int | None = None) -> None:
        self.path = path
        self.error = ""
        size = path.stat().st_size
        end = size if end is None else min(end, size)
        whole = start == 0 and end == size
        self._file: BinaryIO = path.open("rb") if whole else io.BufferedReader(_Part(path, start, end))
        self.total = max(0, end - start)
        magic = self._file.read(4)
        self._file.seek(0)
        self.compression = "gzip" if magic[:2] == GZIP_MAGIC else "zstd" if magic == ZSTD_MAGIC else ""
        self._stream = self._decompressed()
        self._head = b""

    @property
    def done(self) -> int:
        """Bytes of the file consumed so far, before decompression."""
        return self.total if self._file.closed else min(self._file.tell(), self.total)

    def peek(self, size: int) -> bytes:
        """The next bytes, up to ``size``, which :meth:`read` gives again."""
        self._head = self.read(size)
        return self._head

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer only at the end or before damage."""
        parts: list[bytes] = []
        if self._head:
            parts, self._head = [self._head[:size]], self._head[size:]
            size -= len(parts[0])
        while size > 0 and not self.error:
            try:
                part = self._stream.read(size)
            except (*DAMAGE, OSError) as error:
                self.error = f"{self.compression or 'file'} is damaged or cut short: {error}"
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def read_into(self, view: memoryview) -> int:
        """Fill a buffer; how many bytes were had, fewer only at the end or before damage."""
        done = 0
        if self._head or self.compression:
            part = self.read(len(view))
            view[: len(part)] = part
            return len(part)
        while done < len(view) and not self.error:
            try:
                count = self._file.readinto(view[done:])  # type: ignore[attr-defined]
            except OSError as error:
                self.error = f"the file cannot be read: {error.strerror or error}"
                break
            if not count:
                break
            done += count
        return done

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decompressed(self) -> _Readable:
        if self.compression == "gzip":
            return _Pieces(self._file, _new_gzip, 1 << 17)
        if self.compression == "zstd":
            return _Pieces(self._file, _new_zstd, 4096)
        return self._file


def _new_gzip() -> _Member:
    return zlib.decompressobj(wbits=31)


def _new_zstd() -> _Member:
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


class _Pieces:
    """Members or frames after one another, decompressed piece by piece, so that all before damage is had.

    A piece is small enough that even the densest one swells to no more than some 100 MB.
    """

    def __init__(self, file: BinaryIO, new: Callable[[], _Member], piece: int) -> None:
        self._file = file
        self._new = new
        self._piece = piece
        self._member: _Member | None = None
        self._left = b""
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none only at the end.

        Raises
        ------
        EOFError
            If the file ends inside a member.
        """
        while not self._ready:
            packed = self._left or self._file.read(self._piece)
            self._left = b""
            if not packed:
                if self._member is not None:
                    raise EOFError("the compressed file ended before its end marker")
                return b""
            if self._member is None:
                packed = packed.lstrip(b"\0")
                if not packed:
                    continue
                self._member = self._new()
            self._ready = self._member.decompress(packed)
            if self._member.eof:
                self._left, self._member = self._member.unused_data, None
        out, self._ready = self._ready[:size], self._ready[size:]
        return out


Spare = deque[NDArray[np.uint8]]
"""Buffers to be filled again."""
_SPARE_BYTES: Final = 1 << 18


class LineBlock(NamedTuple):
    """Whole lines of a file, or the head of one that is too long."""

    data: NDArray[np.uint8]
    number: int
    """Number of the first line, from 1."""
    too_long: bool = False

    def lines(self) -> list[bytes]:
        """The lines, without their newlines."""
        lines = self.data.tobytes().split(b"\n")
        return lines[:-1] if not lines[-1] else lines


def line_blocks(
    stream: ByteStream, *, block_bytes: int, max_line_bytes: int, spare: Spare | None = None
) -> Iterator[LineBlock]:
    """Blocks of whole lines, each ending in a newline, which is added to the last line if it has none.

    A line longer than ``max_line_bytes`` may come as a block of its own, cut to its head. Memory stays near
    ``block_bytes + max_line_bytes``. Buffers that whoever is done with a block has put into ``spare`` are filled anew,
    which spares the system the clearing of new memory.
    """
    number, held = 1, np.empty(0, np.uint8)
    while True:
        buffer = _buffer(held.size + block_bytes + 1, spare)
        buffer[: held.size] = held
        size = held.size + stream.read_into(memoryview(buffer.data)[held.size : -1])
        if size == held.size:
            break
        if size < buffer.size - 1 and buffer[size - 1] != NEWLINE:
            buffer[size] = NEWLINE
            size += 1
        cut = last_newline(buffer, size) + 1
        held = buffer[max(cut, 0) : size].copy()
        if cut > 0:
            block = LineBlock(buffer[:cut], number)
            yield block
            number += count_lines(block.data)
        if held.size > max_line_bytes:
            yield LineBlock(held[:_HEAD], number, too_long=True)
            number, held = number + 1, _skip_line(stream, block_bytes)
    if held.size:
        yield LineBlock(np.append(held, np.uint8(NEWLINE)), number)


def _buffer(size: int, spare: Spare | None) -> NDArray[np.uint8]:
    """A spare buffer cut to size, or a new one that will serve again after a somewhat longer line."""
    while spare:
        found = spare.pop()
        if found.size >= size:
            return found[:size]
    return np.empty(size + _SPARE_BYTES, np.uint8)[:size]


def _skip_line(stream: ByteStream, block_bytes: int) -> NDArray[np.uint8]:
    while piece := stream.read(block_bytes):
        cut = piece.find(b"\n") + 1
        if cut:
            return np.frombuffer(piece[cut:], np.uint8)
    return np.empty(0, np.uint8)
