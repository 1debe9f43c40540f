"""Hosts and users of events: one spelling each, and the well-known accounts by their SID."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.columns import map_unique
from rarebit.core.names import split_host, split_user
from rarebit.source.cells import Cells
from rarebit.source.strings import has_byte
from rarebit.source.tally import Tally

WELL_KNOWN: Final[dict[str, tuple[str, str]]] = {
    "S-1-5-18": ("SYSTEM", "NT AUTHORITY"),
    "S-1-5-19": ("LOCAL SERVICE", "NT AUTHORITY"),
    "S-1-5-20": ("NETWORK SERVICE", "NT AUTHORITY"),
    "S-1-5-7": ("ANONYMOUS LOGON", "NT AUTHORITY"),
}
"""Accounts that have one SID everywhere and a name in the language of the system."""

_SYSTEM_NAMES: Final = frozenset(name for name, _ in WELL_KNOWN.values())
_CACHE: Final = 1 << 16
_host_parts: Final = lru_cache(maxsize=_CACHE)(split_host)
_user_parts: Final = lru_cache(maxsize=_CACHE)(split_user)
_NONE: Final = pa.scalar(None, pa.string())


def settle_host(cells: Cells) -> None:
    """Short lower-case ``host.name``; the full name goes to ``host.hostname``, its suffix to ``host.domain``."""
    cells.fill("host.name", cells.get("host.hostname"))
    given = cells.get("host.name")
    if given.null_count == cells.count:
        return
    short, full, domain = _parts(given)
    cells.set("host.name", short)
    hostname = cells.get("host.hostname")
    if full.null_count < cells.count:
        longer = pc.or_(pc.is_null(hostname), pc.invert(pc.fill_null(pc.match_substring(hostname, "."), False)))
        cells.set("host.hostname", pc.if_else(pc.and_(longer, pc.is_valid(full)), full, hostname))
    if cells.has("host.hostname"):
        cells.fill("host.domain", _parts(cells.get("host.hostname"))[2])
    cells.fill("host.domain", domain)


def _parts(column: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Short names, full names and domains of a column of host names."""
    encoded = column.dictionary_encode()
    parts = [_host_parts(value) for value in encoded.dictionary.to_pylist()]
    columns = (pa.array([part[at] or None for part in parts], pa.string()).take(encoded.indices) for at in range(3))
    return next(columns), next(columns), next(columns)


def settle_users(cells: Cells, tally: Tally) -> None:
    """Name and domain apart; well-known accounts and bare SIDs under their names."""
    for prefix in ("user", "user.target"):
        name, domain, sid = f"{prefix}.name", f"{prefix}.domain", f"{prefix}.id"
        if not (cells.has(name) or cells.has(sid)):
            continue
        _sid_as_name(cells, name, sid)
        _split(cells, prefix)
        tally.note(f"{name} of {{}} rows resolved by SID", _names_by_sid(cells, name, domain, sid))
        _well_known(cells, name, domain, sid)


def _split(cells: Cells, prefix: str) -> None:
    r"""``DOMAIN\user`` and ``user@domain`` taken apart; a mail address is kept in ``user.email`` as well."""
    given = cells.get(f"{prefix}.name")
    if has_byte(given, "@"):
        mails = pc.if_else(pc.fill_null(pc.match_substring(given, "@"), False), given, _NONE)
        if prefix == "user":
            cells.fill("user.email", map_unique(mails, lambda text: text if "." in text.partition("@")[2] else None))
    if has_byte(given, "@\\ "):
        cells.set(f"{prefix}.name", map_unique(given, lambda text: _user_parts(text)[0] or None))
        cells.fill(f"{prefix}.domain", map_unique(given, lambda text: _user_parts(text)[1]))


def _sid_as_name(cells: Cells, name: str, sid: str) -> None:
    """A SID given as a name is an id."""
    given = cells.get(name)
    if not has_byte(given, "S"):
        return
    is_sid = pc.fill_null(pc.match_substring_regex(given, r"^S-1-[0-9]+(-[0-9]+)+$"), False)
    if pc.any(is_sid).as_py():
        cells.fill(sid, pc.if_else(is_sid, given, _NONE))
        cells.set(name, pc.if_else(is_sid, _NONE, given))


def _names_by_sid(cells: Cells, name: str, domain: str, sid: str) -> int:
    """Fill names from rows of this batch that pair the same SID with one; returns how many."""
    ids, names = cells.get(sid), cells.get(name)
    lacking = pc.and_(pc.is_valid(ids), pc.is_null(names))
    if not pc.any(lacking).as_py():
        return 0
    paired = pc.and_(pc.is_valid(ids), pc.is_valid(names))
    table = pa.table({"sid": ids, "name": names, "domain": cells.get(domain)}).filter(paired)
    pairs = table.group_by(table.column_names, use_threads=False).aggregate([]).to_pylist()
    known = {pair["sid"]: (pair["name"], pair["domain"]) for pair in reversed(pairs)}
    found = map_unique(ids, lambda text: known[text][0] if text in known else None)
    where = map_unique(ids, lambda text: known[text][1] if text in known else None)
    cells.set(name, pc.if_else(lacking, found, names))
    cells.fill(domain, pc.if_else(lacking, where, _NONE))
    return int(pc.sum(pc.and_(lacking, pc.is_valid(found))).as_py() or 0)


def _well_known(cells: Cells, name: str, domain: str, sid: str) -> None:
    ids = cells.get(sid)
    encoded = ids.dictionary_encode()
    if any(text in WELL_KNOWN for text in encoded.dictionary.to_pylist()):
        for target, at in ((name, 0), (domain, 1)):
            canonical = map_unique(ids, lambda text, at=at: WELL_KNOWN[text][at] if text in WELL_KNOWN else None)  # type: ignore[misc]
            cells.set(target, pc.coalesce(canonical, cells.get(target)))
    cells.set(name, map_unique(cells.get(name), lambda text: text.upper() if text.upper() in _SYSTEM_NAMES else text))
