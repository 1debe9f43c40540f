"""Model state on disk: named NumPy arrays in one file, written atomically, read back bit for bit.

A file is a magic line, the length and the text of a JSON header, and the bytes of the arrays one after the
other, each from a multiple of 64. The header names the format version, each array's dtype, shape and
place, and a hash of all the bytes. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from rarebit.core.disk import replacing
from rarebit.core.errors import InputError, StateError

Meta = Mapping[str, str | int | float]
FORMAT: Final = 1
SUFFIX: Final = ".state"
DTYPES: Final = frozenset({"int64", "int32", "int16", "uint64", "uint32", "uint8", "float64", "float32", "bool"})
_MAGIC: Final = b"RAREBIT STATE\n"
_ALIGN: Final = 64


class _Place(msgspec.Struct, frozen=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int


class _Version(msgspec.Struct, frozen=True):
    format: int


class _Header(msgspec.Struct, frozen=True):
    format: int
    hash: str
    size: int
    arrays: tuple[_Place, ...]
    meta: dict[str, str | int | float]


def save(directory: Path, name: str, arrays: Mapping[str, NDArray[Any]], meta: Meta) -> str:
    """Write arrays to a new file that appears whole or not at all.

    Parameters
    ----------
    directory : Path
        Made when missing.
    name : str
        First part of the file name; letters, digits, ``-``, ``_`` and ``.``.
    arrays : mapping
        Arrays of any shape, of a dtype in :data:`DTYPES`.
    meta : mapping
        What the reader must know: text and numbers.

    Returns
    -------
    str
        Name of the file in the directory. The same content under the same name gives the same file.

    Raises
    ------
    InputError
        If the name, a dtype or a value of the meta is not allowed.
    StateError
        If the file cannot be written.
    """
    if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
        raise InputError(f"{name!r} cannot name a snapshot", hint="Use letters, digits, '-', '_' and '.'.")
    places, chunks, size = _layout(arrays)
    kept = _checked(meta)
    digest = _digest(chunks, places, kept)
    header = msgspec.json.encode(_Header(FORMAT, digest, size, places, kept))
    file_name = f"{name}-{digest[:16]}{SUFFIX}"
    _publish(directory / file_name, [_MAGIC, len(header).to_bytes(8, "little"), header, *chunks])
    return file_name


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str | int | float]]:
    """Read a snapshot back: the arrays, writable, and the meta.

    Raises
    ------
    StateError
        If the file is missing, damaged, cut short, or of another format version.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(file, path)
            data = np.empty(header.size, np.uint8)
            if file.readinto(data.data) != header.size or file.read(1):
                raise _damaged(path, "its length is not what its header says")
    except OSError as error:
        raise StateError(
            f"the snapshot cannot be read: {error.strerror or error}",
            where=str(path),
            hint="Use another snapshot, or let the job learn again from the lake.",
        ) from error
    if _digest([data.data], header.arrays, header.meta) != header.hash:
        raise _damaged(path, "its content does not match its hash")
    return {place.name: _array(data, place, path) for place in header.arrays}, header.meta


def prune(directory: Path, keep: Iterable[str]) -> list[str]:
    """Delete all snapshots of a directory except those named, and what unfinished writes left.

    Returns
    -------
    list of str
        Names of the files deleted.
    """
    kept = set(keep)
    gone = [path for path in directory.glob(f"*{SUFFIX}") if path.name not in kept]
    gone += list(directory.glob(f".*{SUFFIX}.part"))
    for path in gone:
        path.unlink(missing_ok=True)
    return sorted(path.name for path in gone)


def _layout(arrays: Mapping[str, NDArray[Any]]) -> tuple[tuple[_Place, ...], list[bytes | memoryview], int]:
    places: list[_Place] = []
    chunks: list[bytes | memoryview] = []
    size = 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES or not array.dtype.isnative:
            raise InputError(f"array {name!r} has dtype {array.dtype}, which a snapshot cannot keep")
        whole = np.ascontiguousarray(array)
        places.append(_Place(name, array.dtype.name, array.shape, size))
        padding = -whole.nbytes % _ALIGN
        chunks += [whole.reshape(-1).view(np.uint8).data, bytes(padding)]
        size += whole.nbytes + padding
    return tuple(places), chunks, size


def _digest(chunks: Iterable[bytes | memoryview], places: tuple[_Place, ...], meta: Meta) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        digest.update(chunk)
    digest.update(msgspec.json.encode((places, meta), order="sorted"))
    return digest.hexdigest()


def _checked(meta: Meta) -> dict[str, str | int | float]:
    for key, value in meta.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"meta {key!r} is {value}, which a snapshot cannot keep")
    return {key: int(value) if isinstance(value, bool) else value for key, value in meta.items()}


def _publish(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft, draft.open("xb") as file:
            file.writelines(chunks)
    except OSError as error:
        raise StateError(
            f"the snapshot cannot be written: {error.strerror or error}",
            where=str(path),
            hint="Free disk space or make the directory writable.",
        ) from error


def _read_header(file: BinaryIO, path: Path) -> _Header:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise _damaged(path, "it does not begin as one")
    length = int.from_bytes(file.read(8), "little")
    if length > path.stat().st_size:
        raise _damaged(path, "its header is cut short")
    text = file.read(length)
    try:
        version = msgspec.json.decode(text, type=_Version).format
        if version != FORMAT:
            raise StateError(
                f"the snapshot has format version {version}; this release reads {FORMAT}",
                where=str(path),
                hint="Let the job learn again from the lake.",
            )
        header = msgspec.json.decode(text, type=_Header)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(path, "its header cannot be read") from error
    if header.size > path.stat().st_size:
        raise _damaged(path, "it is cut short")
    return header


def _array(data: NDArray[np.uint8], place: _Place, path: Path) -> NDArray[Any]:
    if place.dtype not in DTYPES:
        raise _damaged(path, f"array {place.name!r} has dtype {place.dtype!r}")
    kind = np.dtype(place.dtype)
    end = place.start + math.prod(place.shape) * kind.itemsize
    if min(place.start, *place.shape, 0) < 0 or end > data.size:
        raise _damaged(path, f"array {place.name!r} does not lie inside it")
    return data[place.start : end].view(kind).reshape(place.shape)


def _damaged(path: Path, reason: str) -> StateError:
    return StateError(
        f"the snapshot is damaged: {reason}",
        where=str(path),
        hint="Use another snapshot, or let the job learn again from the lake.",
    )
