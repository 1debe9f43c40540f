"""What intake reads out of a field for jobs that ask for a part of it: directories, extensions, registered domains.

A sensor that gives these fields itself is believed. They have no column, so they cost only the events that have them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.columns import map_unique
from rarebit.source.cells import Cells

_CACHE: Final = 1 << 16
_SHARED_ENDS: Final = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "ltd", "ne", "net", "or", "org", "plc"}
)
"""Labels that stand between a name and the country it is registered in: ``example.co.uk``."""
_NO_DOMAIN: Final = re.compile(r"[0-9.]+|.*:.*|.*\.(?:in-addr|ip6)\.arpa|.*\.local")
_COUNTRY: Final = 2
_LONGEST_EXTENSION: Final = 10


def settle_derived(cells: Cells) -> None:
    """Give the derived fields to the rest of the events that lack them, once every field has its ECS name."""
    if cells.has("file.path") and cells.has("event.category"):
        about_files = pc.fill_null(pc.match_substring(cells.get("event.category"), "file"), False)
        _derive(cells, "file.path", "file.directory", directory, about_files)
        _derive(cells, "file.path", "file.extension", extension, about_files)
    _derive(cells, "dns.question.name", "dns.question.registered_domain", registered_domain)
    _derive(cells, "powershell.file.script_block_text", "powershell.file.script_block_hash", script_block_hash)


def _derive(
    cells: Cells, source: str, target: str, make: Callable[[str], str | None], rows: pa.Array | None = None
) -> None:
    if not cells.has(source):
        return
    given = pc.fill_null(pc.match_substring(cells.rest, f'"{target}":'), False)
    wanted = pc.invert(given) if rows is None else pc.and_(rows, pc.invert(given))
    column = pc.if_else(wanted, cells.get(source), pa.scalar(None, pa.string()))
    if column.null_count < len(column):
        cells.to_rest(target, map_unique(column, make))


@lru_cache(maxsize=_CACHE)
def directory(path: str) -> str | None:
    r"""Directory of a Windows or POSIX path, without the separator at its end.

    >>> directory("C:\\Users\\ann\\report.txt"), directory("/etc/passwd"), directory("report.txt")
    ('C:\\Users\\ann', '/etc', None)
    """
    at = max(path.rfind("\\"), path.rfind("/"))
    return path[:at] or None if at >= 0 else None


@lru_cache(maxsize=_CACHE)
def extension(path: str) -> str | None:
    r"""Last extension of a path in lower case.

    >>> extension("C:\\a\\report.tar.GZ"), extension("/home/ann/.bashrc"), extension("/bin/ls")
    ('gz', None, None)
    """
    name = path[max(path.rfind("\\"), path.rfind("/")) + 1 :]
    stem, dot, end = name.rpartition(".")
    return end.lower() if stem and dot and 0 < len(end) <= _LONGEST_EXTENSION else None


@lru_cache(maxsize=_CACHE)
def registered_domain(name: str) -> str | None:
    """Domain under which a name was registered: its last two labels, or three below ends like ``co.uk``.

    An approximation without a list of public suffixes: hosters that give names to customers count as one domain.

    >>> registered_domain("a.b.example.com."), registered_domain("www.example.co.uk"), registered_domain("wpad")
    ('example.com', 'example.co.uk', None)
    >>> registered_domain("7.0.0.10.in-addr.arpa")
    """
    labels = name.strip().lower().rstrip(".").split(".")
    if len(labels) < _COUNTRY or not all(labels) or _NO_DOMAIN.fullmatch(".".join(labels)):
        return None
    shared = len(labels) > _COUNTRY and len(labels[-1]) == _COUNTRY and labels[-2] in _SHARED_ENDS
    return ".".join(labels[-3:] if shared else labels[-2:])


def script_block_hash(text: str) -> str:
    """Name of a script block's text: 32 hexadecimal digits that are the same for the same text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
