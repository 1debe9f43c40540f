"""Bytes of a file, decompressed, in blocks cut at line ends."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import zstandard

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)
"""What a damaged or truncated compressed file raises while it is read."""


class ByteStream:
    """One file open for reading, decompressed by content, with progress in bytes of the file itself.

    Damage does not raise: reading stops before it and :attr:`error` says what it was.

    Raises
    ------
    OSError
        On opening, if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error = ""
        self._file: BinaryIO = path.open("rb")
        self.total = path.stat().st_size
        magic = self._file.read(4)
        self._file.seek(0)
        self.compression = "gzip" if magic[:2] == GZIP_MAGIC else "zstd" if magic == ZSTD_MAGIC else ""
        self._stream: io.RawIOBase | BinaryIO = self._decompressed()
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

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decompressed(self) -> BinaryIO:
        if self.compression == "gzip":
            return _GzipPieces(self._file)  # type: ignore[return-value]
        if self.compression == "zstd":
            reader = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(
                self._file, read_across_frames=True
            )
            return reader  # type: ignore[return-value]
        return self._file


class _GzipPieces:
    """Gzip members read piece by piece, so that all bytes before damage are had."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(wbits=31)
        self._left = b""

    def read(self, size: int) -> bytes:
        while True:
            piece = self._left or self._file.read(1 << 20)
            self._left = b""
            if not piece:
                if self._inflate is not None and not self._inflate.eof:
                    raise EOFError("the compressed file ended before its end marker")
                return b""
            if self._inflate.eof:
                piece = piece.lstrip(b"\0")
                if not piece:
                    continue
                self._inflate = zlib.decompressobj(wbits=31)
            out = self._inflate.decompress(piece, size)
            self._left = self._inflate.unconsumed_tail or self._inflate.unused_data
            if out:
                return out


def line_blocks(stream: ByteStream, *, block_bytes: int, max_line_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """Blocks of whole lines; with each, whether it is the head of a line that is too long.

    A line longer than ``max_line_bytes`` gives one block ``(head, True)``; the remainder is passed over.
    Memory stays near ``block_bytes + max_line_bytes``.
    """
    held = b""
    while True:
        piece = stream.read(block_bytes)
        if not piece:
            break
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield held + piece[:cut], False
            held = piece[cut:]
        else:
            held += piece
        if len(held) > max_line_bytes:
            yield held[: 64 * 1024], True
            held = _skip_line(stream, block_bytes)
    if held:
        yield held, False


def _skip_line(stream: ByteStream, block_bytes: int) -> bytes:
    while piece := stream.read(block_bytes):
        cut = piece.find(b"\n") + 1
        if cut:
            return piece[cut:]
    return b""
