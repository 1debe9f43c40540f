"""Windows events to ECS, column by column: event data moved to its fields, codes given their meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.columns import map_unique
from rarebit.source.cells import BREAK, Cells
from rarebit.source.event_time import ABSENT, parse_times
from rarebit.source.windows_codes import MEANINGS, MODULES
from rarebit.source.windows_fields import HEADER, MOVES, NOTHING, PREFIX, SOURCES, Move

WINDOWS_CELLS: Final = (*(PREFIX + name for name in SOURCES), *HEADER)
"""Cells, beside the columns of an event, that this step needs."""

Bools = NDArray[np.bool_]

_AUDIT_FAILURE: Final = 1 << 52
_AUDIT_SUCCESS: Final = 1 << 53
_TRANSPORT: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp"}
_DIRECTION: Final = {"true": "egress", "false": "ingress", "%%14592": "ingress", "%%14593": "egress"}
_DATASET: Final = {"security": "system.security", "system": "system.system", "application": "system.application"}


def settle_windows(cells: Cells) -> None:
    """Move every Windows field of the cells to its ECS field, in place; other rows are left alone.

    What was given in ECS names already stays; event data that fills no field goes to the rest.
    """
    if not any(cells.has(name) for name in WINDOWS_CELLS):
        return
    _system_fields(cells)
    events = _Events(cells)
    present = [move for move in MOVES if cells.has(PREFIX + move.source)]
    used: dict[str, Bools] = {}
    by_target = _as_target(cells, events)
    for move in present:
        rows = events.among(move)
        if move.target.startswith("user.") and not move.target.startswith("user.target."):
            rows &= ~by_target if move.source.startswith("Subject") else by_target | ~events.matching("security:4688")
        taken = _move(cells, move, rows)
        used[move.source] = used.get(move.source, np.zeros(cells.count, np.bool_)) | taken
    _leftovers(cells, used)
    _derived(cells)


class _Events:
    """Which rows are which Windows events: ``module`` and ``module:code`` of every row."""

    def __init__(self, cells: Cells) -> None:
        module, code = cells.get("event.module"), cells.get("event.code")
        windows = pc.is_valid(cells.get("winlog.event_id"))
        key = pc.if_else(windows, pc.binary_join_element_wise(pc.coalesce(module, pa.scalar("")), code, ":"), None)
        encoded = key.dictionary_encode()
        self._keys: list[str] = encoded.dictionary.to_pylist()
        self._rows: NDArray[np.int64] = encoded.indices.fill_null(len(self._keys)).to_numpy().astype(np.int64)

    def matching(self, *events: str, but: tuple[str, ...] = ()) -> Bools:
        """Rows of these events; of all Windows events where none is named."""
        wanted = [
            (not events or key in events or key.partition(":")[0] in events)
            and key not in but
            and key.partition(":")[0] not in but
            for key in self._keys
        ]
        return np.array([*wanted, False], np.bool_)[self._rows]

    def among(self, move: Move) -> Bools:
        """Rows for which a rule holds."""
        return self.matching(*move.events, but=move.but)


def _as_target(cells: Cells, events: _Events) -> Bools:
    """Rows of 4688 that name a target user: the new process runs as that user."""
    rows = events.matching("security:4688")
    if not rows.any() or not cells.has(PREFIX + "TargetUserName"):
        return np.zeros(cells.count, np.bool_)
    return rows & _truth(pc.is_valid(_value(cells, "TargetUserName")))


def _truth(mask: pa.Array) -> Bools:
    return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)


def _value(cells: Cells, source: str) -> pa.Array:
    return map_unique(cells.get(PREFIX + source), lambda text: None if text.strip() in NOTHING else text)


def _guid(text: str) -> str:
    bare = text.strip("{}").lower()
    return f"{{{bare}}}"


_TRANSLATE: Final[dict[str, Callable[[str], str | None]]] = {
    "network.transport": lambda text: _TRANSPORT.get(text, text.lower()),
    "network.direction": lambda text: _DIRECTION.get(text.lower(), text),
    "source.ip": lambda text: "127.0.0.1" if text == "LOCAL" else text,
    "process.entity_id": _guid,
    "process.parent.entity_id": _guid,
}


def _move(cells: Cells, move: Move, rows: Bools) -> Bools:
    """Fill the target where it is null; returns the rows whose source is spent."""
    source = cells.get(PREFIX + move.source)
    if not rows.any():
        return np.zeros(cells.count, np.bool_)
    value = _value(cells, move.source)
    if move.target in _TRANSLATE:
        value = map_unique(value, _TRANSLATE[move.target])
    free = rows & _truth(pc.is_null(cells.get(move.target)))
    cells.fill(move.target, pc.if_else(pa.array(free), value, pa.scalar(None, pa.string())))
    empty = rows & _truth(pc.is_valid(source)) & _truth(pc.is_null(value))
    return (free & _truth(pc.is_valid(value))) | empty


def _leftovers(cells: Cells, used: dict[str, Bools]) -> None:
    for source in SOURCES:
        name = PREFIX + source
        if cells.has(name):
            spent = pa.array(used.get(source, np.zeros(cells.count, np.bool_)))
            cells.to_rest(name, pc.if_else(spent, pa.scalar(None, pa.string()), cells.get(name)))
            cells.columns.pop(name)


def _system_fields(cells: Cells) -> None:
    """Code, host, module, provider and outcome from the header of the event; spent cells are dropped."""
    windows = pc.is_valid(cells.get("winlog.event_id"))
    cells.fill("event.code", cells.get("winlog.event_id"))
    computer = cells.get("winlog.computer_name")
    collector = pc.if_else(
        pc.and_kleene(
            pc.is_valid(computer), pc.not_equal(pc.utf8_lower(cells.get("host.name")), pc.utf8_lower(computer))
        ),
        cells.get("host.name"),
        pa.scalar(None, pa.string()),
    )
    cells.to_rest("observer.name", collector)
    cells.set("host.name", pc.coalesce(computer, cells.get("host.name")))
    module = _module(cells)
    cells.fill("event.module", pc.if_else(windows, module, pa.scalar(None, pa.string())))
    cells.fill("host.os.type", _only(windows, "windows"))
    cells.fill("event.kind", _only(windows, "event"))
    cells.fill("event.provider", cells.get("winlog.provider_name"))
    cells.fill("event.dataset", _dataset(cells, windows))
    _meaning(cells)
    _other_times(cells)


def _only(rows: pa.Array, text: str) -> pa.Array:
    return pc.if_else(rows, pa.scalar(text, pa.string()), pa.scalar(None, pa.string()))


def _module(cells: Cells) -> pa.Array:
    channel = map_unique(cells.get("winlog.channel"), lambda text: MODULES.get(text.lower()))
    provider = map_unique(cells.get("winlog.provider_name"), lambda text: MODULES.get(text.lower()))
    return pc.coalesce(channel, provider, pa.scalar("windows"))


def _dataset(cells: Cells, windows: pa.Array) -> pa.Array:
    def name(channel: str) -> str:
        low = channel.lower()
        short = low.removeprefix("microsoft-windows-").replace("/", "_").replace(" ", "_").replace("-", "_")
        return _DATASET.get(low, "windows." + short)

    return pc.if_else(windows, map_unique(cells.get("winlog.channel"), name), pa.scalar(None, pa.string()))


def _meaning(cells: Cells) -> None:
    windows = pc.is_valid(cells.get("winlog.event_id"))
    module = _module(cells)
    key = pc.if_else(windows, pc.binary_join_element_wise(module, cells.get("event.code"), ":"), None)
    encoded = key.dictionary_encode()
    meanings = [MEANINGS.get((k.partition(":")[0], k.partition(":")[2])) for k in encoded.dictionary.to_pylist()]
    for at, name in enumerate(("event.category", "event.type", "event.action")):
        words = pa.array([(m[at] or None) if m else None for m in meanings], pa.string())
        cells.fill(name, words.take(encoded.indices))
    cells.fill("event.outcome", map_unique(cells.get("winlog.keywords"), _audit_outcome))
    cells.fill("event.outcome", map_unique(cells.get("nxlog.EventType"), _audit_outcome))
    outcomes = pa.array([(m.outcome or None) if m else None for m in meanings], pa.string())
    cells.fill("event.outcome", outcomes.take(encoded.indices))


def _audit_outcome(text: str) -> str | None:
    low = text.lower().replace("_", " ")
    if "audit failure" in low:
        return "failure"
    if "audit success" in low:
        return "success"
    try:
        bits = int(text, 16) if low.startswith("0x") else int(text)
    except ValueError:
        return None
    return "failure" if bits & _AUDIT_FAILURE else "success" if bits & _AUDIT_SUCCESS else None


def _other_times(cells: Cells) -> None:
    """Where ``@timestamp`` is missing or no time: Sysmon's UtcTime, then NXLog's local EventTime."""
    given = cells.get("@timestamp")
    bad = pa.array(parse_times(given) == ABSENT)
    for name in (PREFIX + "UtcTime", "nxlog.EventTime"):
        if cells.has(name):
            given = pc.if_else(pc.and_(bad, pc.is_valid(cells.get(name))), cells.get(name), given)
            bad = pa.array(parse_times(given) == ABSENT)
    cells.set("@timestamp", given)


def _derived(cells: Cells) -> None:
    """What takes more than a move: hashes, DNS answers, the account of the header."""
    for target in ("process", "file", "dll"):
        if cells.has(f"hashes.{target}"):
            _hashes(cells, target)
    if cells.has("dns.results"):
        cells.fill("dns.resolved_ip", map_unique(cells.get("dns.results"), _addresses))
        cells.to_rest(PREFIX + "QueryResults", cells.columns.pop("dns.results"))
    if cells.has("dns.status"):
        cells.to_rest("dns.response_code", map_unique(cells.get("dns.status"), _RESPONSES.get))
        cells.to_rest(PREFIX + "QueryStatus", cells.columns.pop("dns.status"))
    if cells.has("group.name"):
        cells.to_rest("group.name", cells.columns.pop("group.name"))
    own = pc.fill_null(pc.not_equal(cells.get("event.module"), "sysmon"), True)
    lacking = pc.and_(own, pc.is_null(pc.coalesce(cells.get("user.name"), cells.get("user.id"))))
    pairs = (
        ("winlog.user.name", "user.name"),
        ("winlog.user.domain", "user.domain"),
        ("winlog.user.identifier", "user.id"),
    )
    for name, target in pairs:
        taken = pc.if_else(lacking, cells.get(name), pa.scalar(None, pa.string()))
        cells.fill(target, taken)
        cells.to_rest(name, pc.if_else(lacking, pa.scalar(None, pa.string()), cells.get(name)))
        cells.columns.pop(name, None)
    for name in HEADER:
        if cells.has(name) and name not in _SPENT:
            cells.to_rest(name, cells.get(name))
        cells.columns.pop(name, None)


_RESPONSES: Final = {"0": "NOERROR", "9001": "FORMERR", "9002": "SERVFAIL", "9003": "NXDOMAIN", "9005": "REFUSED"}
"""What Windows calls the answers of DNS, and what DNS does."""
_SPENT: Final = frozenset({"winlog.event_id", "winlog.computer_name", "winlog.provider_name"})
_HASH_FIELDS: Final[dict[str, dict[str, str]]] = {
    "process": {
        "md5": "process.hash.md5",
        "sha1": "process.hash.sha1",
        "sha256": "process.hash.sha256",
        "imphash": "process.pe.imphash",
    },
    "file": {"sha256": "file.hash.sha256"},
    "dll": {},
}


def _hashes(cells: Cells, target: str) -> None:
    """``SHA1=…,MD5=…``: each to the field of its algorithm, never told by length."""
    listed = cells.columns.pop(f"hashes.{target}")
    for algorithm in ("md5", "sha1", "sha256", "imphash"):
        value = map_unique(listed, _hash_of(algorithm))
        field = _HASH_FIELDS[target].get(algorithm)
        if field:
            cells.fill(field, value)
        else:
            spot = "pe.imphash" if algorithm == "imphash" else f"hash.{algorithm}"
            cells.to_rest(f"{target}.{spot}", value)


def _hash_of(algorithm: str) -> Callable[[str], str | None]:
    def pick(text: str) -> str | None:
        for part in text.split(","):
            name, sign, digest = part.partition("=")
            if sign and name.strip().lower() == algorithm and digest.strip().strip("0"):
                return digest.strip().lower()
        return None

    return pick


def _addresses(text: str) -> str | None:
    parts = (part.strip().removeprefix("::ffff:") for part in text.split(";"))
    found = [part for part in parts if part and not part.startswith("type:")]
    return BREAK.join(found) or None
