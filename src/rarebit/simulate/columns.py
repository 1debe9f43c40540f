"""From small integers to Arrow columns of ECS fields."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.fields import FIELDS
from rarebit.core.schema import ARROW
from rarebit.core.time import DAY_US
from rarebit.simulate.activity import TEXTS, Columns, Kind
from rarebit.simulate.pool import FRESH, TAIL, USER, digest
from rarebit.simulate.rows import Ints, Rows, mix
from rarebit.simulate.world import World

ENDPOINT, SECURITY, LINUX = range(3)
"""Sensors: endpoint sensor on Windows, Windows event log, endpoint sensor on Linux."""
PLAIN: Final = ("@timestamp", "event.ingested", "event.id", "process.pid", "process.entity_id",
                "process.parent.pid", "process.parent.entity_id", "source.port", "destination.port",
                "process.code_signature.exists", "process.code_signature.trusted")  # fmt: skip
SPELLED: Final = ("process.command_line", "file.path", "file.name")
"""Texts that differ too much for a dictionary."""
_BY_KIND: Final = {
    "event.category": ("process", "process", "authentication", "authentication", "network", "network", "file",
                       "configuration"),
    "event.type": ("start", "end", "start", "start", "connection,start", "protocol", "creation", "installation"),
    "event.action": ("start", "end", "logged-in", "logon-failed", "connection_attempted", "lookup_requested",
                     "creation", "service-installed"),
    "event.outcome": ("", "", "success", "failure", "", "", "", ""),
}  # fmt: skip
_CODES: Final = ("4688", "4689", "4624", "4625", "5156", "", "", "7045")
_DATASETS: Final = ("process", "process", "security", "security", "network", "network", "file", "system")
_SECURITY_ACTIONS: Final = ("created-process", "exited-process")
_LOG_KINDS: Final = (Kind.LOGON, Kind.LOGON_FAILED, Kind.SERVICE)
_PROVIDER: Final = "Microsoft-Windows-Security-Auditing"
HIDDEN_FROM_LOG: Final = ("sha", "signer", "parent", "cwd", "file_path", "file_name", "question", "question_type")
"""Texts that the Windows event log does not give."""
_WINDOWS_ONLY: Final = ("logon_type", "signer")

_MARK: Final = 0xFFFFFF
"""Bits of a process's identity that fresh names show."""
_HEX: Final = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)


def hex_digits(values: Ints, digits: int) -> NDArray[np.uint8]:
    """Hexadecimal text of the low bytes of each value: uint8[n, digits]; ``digits`` is even."""
    raw = values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - digits // 2 :]
    return _HEX[raw].view(np.uint8).reshape(-1, digits)


def hex_strings(values: Ints, digits: int, keep: NDArray[np.bool_] | None = None) -> pa.Array:
    """Hexadecimal strings; empty where ``keep`` is False."""
    text = hex_digits(values, digits)
    if keep is None:
        offsets = np.arange(values.size + 1, dtype=np.int32) * np.int32(digits)
    else:
        text = text[keep]
        offsets = np.concatenate([[0], np.cumsum(keep, dtype=np.int32) * digits]).astype(np.int32)
    return pa.StringArray.from_buffers(
        values.size, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text).ravel())
    )


class Describer:
    """Turns rows into record batches.

    Parameters
    ----------
    world : World
        The fleet.
    columns : Columns
        Its activity table.
    """

    def __init__(self, world: World, columns: Columns) -> None:
        self._world = world
        self._columns = columns
        pool = world.pool
        self._sensor = np.array([LINUX if host.linux else ENDPOINT for host in world.hosts], np.int8)
        never = np.iinfo(np.int64).max
        self._log_until = np.array([(h.migrates_us or never) if h.legacy else 0 for h in world.hosts], np.int64)
        self._host = self._host_codes()
        self._event = self._event_codes()
        self._user = np.array([[pool.add(u.name), pool.add(u.domain), pool.add(u.sid)] for u in world.users], np.int32)
        self._log_user = np.array([pool.add(f"{u.domain}\\{u.name}" if u.domain else u.name) for u in world.users])
        self._reinstalled = np.array([host.reinstalled_us for host in world.hosts], np.int64)
        self._host_again = {
            "host.id": np.array([pool.add(_id(f"{h.name} again")) for h in world.hosts], np.int32),
            "agent.id": np.array([pool.add(_id(f"agent {h.name} again")) for h in world.hosts], np.int32),
        }
        self._texts = pool.array()
        self.schema = self._schema()

    def _host_codes(self) -> dict[str, NDArray[np.int32]]:
        """Code of each text of a host, by the endpoint sensor and by the event log: int32[2, hosts]."""
        hosts, pool = self._world.hosts, self._world.pool
        texts: dict[str, tuple[list[str], list[str]]] = {
            "host.name": ([h.name for h in hosts], [h.fqdn.upper() for h in hosts]),
            "host.hostname": ([h.fqdn for h in hosts], [""] * len(hosts)),
            "agent.type": (["endpoint"] * len(hosts), ["winlogbeat"] * len(hosts)),
            "agent.id": ([_id(f"agent {h.name}") for h in hosts], [_id(f"beat {h.name}") for h in hosts]),
        }
        same = {
            "host.id": [_id(h.name) for h in hosts],
            "host.os.type": ["linux" if h.linux else "windows" for h in hosts],
            "host.os.family": ["debian" if h.linux else "windows" for h in hosts],
            "host.os.name": [h.os for h in hosts],
            "source.ip": [h.ip for h in hosts],
        }
        texts |= {field: (column, column) for field, column in same.items()}
        return {field: np.array([[pool.add(t) for t in ts] for ts in two], np.int32) for field, two in texts.items()}

    def _event_codes(self) -> dict[str, NDArray[np.int32]]:
        """Code of each ``event.*`` text: int32[sensors, kinds]."""
        add = self._world.pool.add
        out = {field: np.tile([add(text) for text in texts], (3, 1)) for field, texts in _BY_KIND.items()}
        out["event.type"][SECURITY, Kind.NETWORK] = add("start")
        out["event.action"][SECURITY, :2] = [add(text) for text in _SECURITY_ACTIONS]
        code = np.zeros((3, len(Kind)), np.int32)
        code[SECURITY] = [add(text) for text in _CODES]
        code[ENDPOINT, list(_LOG_KINDS)] = code[SECURITY, list(_LOG_KINDS)]
        logged = code != 0
        out["event.code"] = code
        system = np.arange(len(Kind)) == Kind.SERVICE
        out["event.provider"] = np.where(logged, np.where(system, add("Service Control Manager"), add(_PROVIDER)), 0)
        out["winlog.channel"] = np.where(logged, np.where(system, add("System"), add("Security")), 0)
        endpoint = np.array([add(f"endpoint.events.{name}") for name in _DATASETS])
        out["event.dataset"] = np.where(logged, add("system.security"), endpoint)
        out["event.module"] = np.where(logged, add("system"), add("endpoint"))
        out["event.kind"] = np.full((3, len(Kind)), add("event"))
        return {field: codes.astype(np.int32) for field, codes in out.items()}

    def _schema(self) -> pa.Schema:
        text = {*self._host, *self._event, *TEXTS.values(), "user.name", "user.domain", "user.id"}
        names = [name for name in FIELDS if name in text or name in PLAIN]
        coded = pa.dictionary(pa.int32(), pa.string())
        return pa.schema([pa.field(n, ARROW[FIELDS[n]] if n in PLAIN or n in SPELLED else coded) for n in names])

    def _shape(self, rows: Rows) -> NDArray[np.int8]:
        """Which sensor reports each event."""
        return np.where(rows.ts < self._log_until[rows.host], np.int8(SECURITY), self._sensor[rows.host])

    def visible(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether the host's sensor reports the event at all."""
        kind = self._columns.kind[rows.act]
        unseen = (self._shape(rows) == SECURITY) & np.isin(kind, (Kind.DNS, Kind.FILE))
        return np.asarray(~unseen, np.bool_)

    def batch(self, rows: Rows, ingested: Ints, versions: NDArray[np.int32]) -> pa.RecordBatch:
        """The rows as columns; texts dictionary-encoded, each dictionary holding only what is used.

        Parameters
        ----------
        rows : Rows
            Events in order.
        ingested : int64[n]
            ``event.ingested`` in microseconds.
        versions : int32[hosts, cadences]
            Current version of programs on each host.
        """
        shape, kind = self._shape(rows), self._columns.kind[rows.act]
        log = shape == SECURITY
        codes = {field: table[log.astype(np.int8), rows.host] for field, table in self._host.items()}
        again = (self._reinstalled[rows.host] != 0) & (rows.ts >= self._reinstalled[rows.host])
        for field in ("host.id", "agent.id"):
            codes[field] = np.where(again, self._host_again[field][rows.host], codes[field])
        codes |= {field: table[shape, kind] for field, table in self._event.items()}
        codes["user.name"] = np.where(log, self._log_user[rows.user], self._user[rows.user, 0])
        codes["user.domain"] = np.where(log, 0, self._user[rows.user, 1])
        codes["user.id"] = self._user[rows.user, 2]
        codes["source.ip"] = self._source(rows, kind)
        ready: dict[str, pa.Array] = self._plain(rows, ingested, kind, shape)
        for column, field in TEXTS.items():
            code = self._text_codes(column, rows, versions)
            if column in HIDDEN_FROM_LOG:
                code = np.where(log, 0, code)
            if column in _WINDOWS_ONLY:
                code = np.where(shape == LINUX, 0, code)
            ready[field] = self._text(column, code, rows)
        for field, code in codes.items():
            ready[field] = self._encode(code)
        return pa.RecordBatch.from_arrays([ready[name] for name in self.schema.names], schema=self.schema)

    def _source(self, rows: Rows, kind: NDArray[np.int8]) -> NDArray[np.int32]:
        ip = self._host["source.ip"][0]
        own = np.where((kind == Kind.NETWORK) | (kind == Kind.DNS), ip[rows.host], 0)
        return np.where(rows.peer >= 0, ip[rows.peer], own)

    def _text_codes(self, column: str, rows: Rows, versions: NDArray[np.int32]) -> NDArray[np.int32]:
        table = self._columns
        code = table.codes[column][rows.act]
        if column == "sha":
            fixed = table.fresh["sha"][rows.act] | (code == 0)
            return np.where(fixed, code, code + versions[rows.host, table.cadence[rows.act]])
        return code + np.where(table.personal[column][rows.act], rows.user, 0).astype(np.int32)

    def _text(self, column: str, code: NDArray[np.int32], rows: Rows) -> pa.Array:
        table = self._columns
        fresh = table.fresh[column][rows.act] & (code != 0)
        coded = self._fresh_text(code, fresh, rows) if fresh.any() else self._encode(code)
        if TEXTS[column] not in SPELLED:
            return coded
        ends = table.tail[column][rows.act] & (code != 0)
        return pc.binary_join_element_wise(coded.cast(pa.string()), hex_strings(rows.eid, 8, ends), "")

    def _fresh_text(self, code: NDArray[np.int32], fresh: NDArray[np.bool_], rows: Rows) -> pa.Array:
        """Texts of which some are filled event by event; one string is made for each distinct filling."""
        at = np.flatnonzero(fresh)
        mark = rows.key[at] & _MARK
        filling = mix(code[at].astype(np.int64) << 32 | rows.user[at]) ^ mark
        _, first, inverse = np.unique(filling, return_index=True, return_inverse=True)
        where = zip(code[at][first].tolist(), rows.user[at][first].tolist(), mark[first].tolist(), strict=True)
        made = [self._fill(*place) for place in where]
        used, index = _compact(np.where(fresh, 0, code), len(self._texts))
        index[at] = used.size + inverse
        words = pa.concat_arrays([self._texts.take(pa.array(used)), pa.array(made, pa.string())])
        return pa.DictionaryArray.from_arrays(pa.array(index, mask=code == 0), words)

    def _fill(self, code: int, user: int, mark: int) -> str:
        text = self._world.pool.text(code).replace(USER, self._world.users[user].name)
        text = text.replace(FRESH, f"{mark:06x}").removesuffix(TAIL)
        return digest(text) if text.startswith("sha256:") else text

    def _encode(self, code: NDArray[np.int32]) -> pa.Array:
        used, index = _compact(code, len(self._texts))
        return pa.DictionaryArray.from_arrays(pa.array(index, mask=code == 0), self._texts.take(pa.array(used)))

    def _plain(
        self, rows: Rows, ingested: Ints, kind: NDArray[np.int8], shape: NDArray[np.int8]
    ) -> dict[str, pa.Array]:
        table, log = self._columns, shape == SECURITY
        key = np.where(rows.key != 0, rows.key, self._long_lived("exe", rows))
        parent = np.where(rows.parent != 0, rows.parent, self._long_lived("parent_exe", rows))
        none = table.codes["exe"][rows.act] == 0
        childless = (kind > Kind.END) | (table.codes["parent_exe"][rows.act] == 0)
        signed = table.codes["signer"][rows.act] != 0
        unsigned = (kind != Kind.START) | (shape != ENDPOINT)
        out: dict[str, Any] = {
            "@timestamp": pa.array(rows.ts, pa.timestamp("us", tz="UTC")),
            "event.ingested": pa.array(ingested, pa.timestamp("us", tz="UTC")),
            "event.id": hex_strings(mix(rows.eid), 16),
            "process.pid": pa.array(_pid(key), mask=none),
            "process.entity_id": _null_where(hex_strings(key, 16), none | log),
            "process.parent.pid": pa.array(_pid(parent), mask=childless),
            "process.parent.entity_id": _null_where(hex_strings(parent, 16), childless | log),
            "source.port": pa.array(49152 + (rows.eid & 0x3FFF), mask=kind != Kind.NETWORK),
            "destination.port": pa.array(table.port[rows.act], mask=kind != Kind.NETWORK),
            "process.code_signature.exists": pa.array(signed, mask=unsigned),
            "process.code_signature.trusted": pa.array(table.trusted[rows.act] & signed, mask=unsigned),
        }
        return out

    def _long_lived(self, column: str, rows: Rows) -> Ints:
        """Identity of the process of that program which ran on the host that day, for that user if it is theirs."""
        table = self._columns
        owner = np.where(table.personal[column][rows.act], rows.user, -1).astype(np.int64)
        program = rows.host.astype(np.int64) << 32 | table.marks[column][rows.act]
        return mix(mix(program) ^ owner << 20 ^ rows.ts // DAY_US)


def event_id(eid: int) -> str:
    """The ``event.id`` that an event with this number carries."""
    return bytes(hex_digits(mix(np.array([eid], np.int64)), 16)[0]).decode()


def _id(text: str) -> str:
    return digest(text)[:32]


def _pid(key: Ints) -> Ints:
    return ((mix(key) & 0x3FFF) + 100) * 4


def _null_where(array: pa.Array, missing: NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), array)


def _compact(code: NDArray[np.int32], size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Codes in use but 0 in ascending order, and the place of each row's code among them."""
    seen = np.zeros(size, np.bool_)
    seen[code] = True
    seen[0] = False
    used = np.flatnonzero(seen)
    place = np.zeros(size, np.int32)
    place[used] = np.arange(used.size, dtype=np.int32)
    return used, place[code]
