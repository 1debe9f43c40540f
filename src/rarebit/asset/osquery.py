"""Result logs of osquery: lines of differential, batch and snapshot form, as what each host reported when."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import orjson

from rarebit.core.errors import InputError
from rarebit.core.names import host_key

KEPT: Final[dict[str, tuple[str, ...]]] = {
    "os_version": ("name", "version", "platform", "build"),
    "windows_optional_features": ("name", "state"),
    "services": ("name", "status", "start_type", "user_account", "path"),
    "listening_ports": ("port", "protocol", "address"),
    "interface_addresses": ("interface", "address"),
    "users": ("uid", "username", "uuid", "type"),
    "groups": ("gid", "groupname", "group_sid"),
    "user_groups": ("uid", "gid"),
    "logged_in_users": ("user", "type", "host", "sid"),
    "programs": ("name", "version", "publisher"),
    "certificates": ("common_name", "issuer", "sha1", "not_valid_after", "store_location", "store"),
}
"""Tables that the inventory is filled from, and the columns that are kept of each."""
_LONGEST_LINE: Final = 64 << 20
_PARTS: Final = re.compile(r"[^a-z_]+")
_TIMES: Final = range(1, 1 << 34)
How = Literal["added", "removed", "snapshot", "initial"]


class Reported(msgspec.Struct, frozen=True):
    """What one host said of one table at one time."""

    host: str
    """Short name, lower case."""
    table: str
    at_us: int
    how: How
    """``initial``: rows of the first differential answer, which holds all there are."""
    rows: tuple[str, ...]
    """Kept columns as JSON with sorted names."""


class Reading(msgspec.Struct, kw_only=True):
    """What became of the lines of a log."""

    lines: int = 0
    taken: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    """By reason."""
    others: Counter[str] = msgspec.field(default_factory=Counter)
    """Queries whose answers fill no part of the inventory, and how often."""


def is_osquery(head: bytes) -> bool:
    """Whether a file that begins so is a result log."""
    line = head.lstrip(b"\xef\xbb\xbf \r\n\t").partition(b"\n")[0]
    return line.startswith(b"{") and b'"hostIdentifier"' in line and b'"name"' in line


def head_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with _opened(path) as file:
            return bytes(file.read(1 << 16))
    except (OSError, EOFError) as error:
        raise InputError(f"cannot read: {error}", where=str(path)) from error


def _opened(path: Path) -> Any:  # noqa: ANN401 - two kinds of file
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")


def read_results(path: Path, reading: Reading) -> Iterator[Reported]:
    """The reports of a log in the order of its lines, plain or ``.gz``; what cannot be read is counted.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        with _opened(path) as file:
            yield from reports_of(iter(lambda: file.readline(_LONGEST_LINE), b""), reading)
    except (OSError, EOFError) as error:
        raise InputError(f"cannot read the result log: {error}", where=str(path)) from error


def reports_of(lines: Iterable[bytes], reading: Reading) -> Iterator[Reported]:
    """The reports of lines."""
    for line in lines:
        if not line.strip():
            continue
        reading.lines += 1
        found = list(_of_line(line, reading))
        reading.taken += bool(found)
        yield from found


def _of_line(line: bytes, reading: Reading) -> Iterator[Reported]:
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        reading.skipped["no JSON object"] += 1
        return
    host, at_us, table = _host(body), _time(body), _table(body)
    if not host or at_us is None:
        reading.skipped["no host or no time"] += 1
        return
    if table is None:
        reading.others[str(body.get("name", ""))[:200]] += 1
        return
    first = str(body.get("counter", "")) == "0"
    for how, rows in _answers(body):
        name: How = "initial" if how == "added" and first else how
        kept = tuple(dict.fromkeys(_kept(table, row) for row in rows if isinstance(row, Mapping)))
        yield Reported(host, table, at_us, name, kept)


def _answers(body: Mapping[str, Any]) -> list[tuple[Literal["added", "removed", "snapshot"], list[Any]]]:
    """Rows by what is said of them, in any of the three forms."""
    if isinstance(body.get("snapshot"), list):
        return [("snapshot", body["snapshot"])]
    batch = body.get("diffResults")
    if isinstance(batch, Mapping):
        return [(how, rows) for how in ("removed", "added") if isinstance(rows := batch.get(how), list) and rows]
    columns, action = body.get("columns"), body.get("action")
    if isinstance(columns, Mapping) and action in ("added", "removed"):
        return [(action, [columns])]
    return []


def _host(body: Mapping[str, Any]) -> str:
    """Name of the host: a decoration says it where the identifier is a UUID."""
    decorations = body.get("decorations")
    said = decorations if isinstance(decorations, Mapping) else {}
    name = said.get("hostname") or said.get("computer_name") or body.get("hostIdentifier") or ""
    return host_key(str(name)) if str(name).strip() else ""


def _time(body: Mapping[str, Any]) -> int | None:
    try:
        seconds = int(body.get("unixTime", ""))
    except (TypeError, ValueError):
        return None
    return seconds * 1_000_000 if seconds in _TIMES else None


def _table(body: Mapping[str, Any]) -> str | None:
    """Table by the last words of the query's name: ``pack_inventory_services``, ``pack/inventory/services``."""
    name = _PARTS.sub("_", str(body.get("name", "")).lower()).strip("_")
    fits = [table for table in KEPT if name == table or name.endswith(f"_{table}")]
    return max(fits, key=len, default=None)


def _kept(table: str, row: Mapping[str, Any]) -> str:
    kept = {name: str(row[name])[:1000] for name in KEPT[table] if row.get(name) not in (None, "")}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
