"""The table of things that can happen: every activity is one row of texts, ports and rules for its user."""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from rarebit.simulate.people import Who
from rarebit.simulate.pool import FRESH, TAIL, USER, Pool


class Kind(IntEnum):
    """Kind of an event."""

    START = 0
    END = 1
    LOGON = 2
    LOGON_FAILED = 3
    NETWORK = 4
    DNS = 5
    FILE = 6
    SERVICE = 7


class Cadence(IntEnum):
    """How often a program gets a new version, and so a new hash."""

    NEVER = 0
    WEEKLY = 1
    MONTHLY = 2


TEXTS: Final = {
    "name": "process.name",
    "exe": "process.executable",
    "cmd": "process.command_line",
    "cwd": "process.working_directory",
    "sha": "process.hash.sha256",
    "signer": "process.code_signature.subject_name",
    "parent": "process.parent.name",
    "parent_exe": "process.parent.executable",
    "dst_ip": "destination.ip",
    "dst_domain": "destination.domain",
    "transport": "network.transport",
    "protocol": "network.protocol",
    "direction": "network.direction",
    "question": "dns.question.name",
    "question_type": "dns.question.type",
    "file_path": "file.path",
    "file_name": "file.name",
    "logon_type": "winlog.logon.type",
    "service": "service.name",
}
"""Text columns of an activity, and the event field each fills."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can happen. Texts may hold the placeholders of :mod:`rarebit.simulate.pool`."""

    kind: Kind
    who: Who = Who.SYSTEM
    name: str = ""
    exe: str = ""
    cmd: str = ""
    cwd: str = ""
    sha: str = ""
    """What is hashed: a program and its cadence; empty for none."""
    cadence: Cadence = Cadence.NEVER
    signer: str = ""
    trusted: bool = True
    rare: bool = False
    """Whether it is too rare for its texts to be kept ready for every user."""
    parent: str = ""
    parent_exe: str = ""
    dst_ip: str = ""
    dst_domain: str = ""
    dst_port: int = 0
    transport: str = ""
    protocol: str = ""
    direction: str = ""
    question: str = ""
    question_type: str = ""
    file_path: str = ""
    file_name: str = ""
    logon_type: str = ""
    service: str = ""


class Table:
    """All activities of a fleet, as codes a column.

    Parameters
    ----------
    pool : Pool
        Vocabulary the texts go into.
    versions : tuple of int
        How many versions a program of each cadence has in the span.
    """

    def __init__(self, pool: Pool, versions: tuple[int, int, int]) -> None:
        self.pool = pool
        self._versions = versions
        self._rows: list[Activity] = []
        self._known: dict[Activity, int] = {}

    def add(self, activity: Activity) -> int:
        """Row of an activity; the same activity is added once."""
        row = self._known.get(activity)
        if row is None:
            row = self._known[activity] = len(self._rows)
            self._rows.append(activity)
        return row

    def __getitem__(self, row: int) -> Activity:
        return self._rows[row]

    def __len__(self) -> int:
        return len(self._rows)

    def freeze(self) -> Columns:
        """The table as arrays; the end of the process that row ``a`` starts is row ``len(self) + a``."""
        rows = self._rows
        ends = [msgspec.structs.replace(row, kind=Kind.END, cmd="", cwd="") for row in rows]
        every = rows + ends
        texts = {column: [str(getattr(row, column)) for row in every] for column in TEXTS}
        fresh = {c: np.array([_is_fresh(row, t) for row, t in zip(every, ts, strict=True)]) for c, ts in texts.items()}
        return Columns(
            size=len(rows),
            kind=np.array([row.kind for row in every], np.int8),
            who=np.array([row.who for row in every], np.int8),
            cadence=np.array([row.cadence if row.sha else 0 for row in every], np.int8),
            trusted=np.array([row.trusted for row in every], np.bool_),
            port=np.array([row.dst_port for row in every], np.int64),
            codes={column: self._codes(column, every) for column in TEXTS},
            marks={c: np.array([zlib.crc32(t.encode()) for t in texts[c]]) for c in ("exe", "parent_exe")},
            personal={c: np.array([USER in t for t in ts]) & ~fresh[c] for c, ts in texts.items()},
            fresh=fresh,
            tail={c: np.array([t.endswith(TAIL) for t in ts]) & ~fresh[c] for c, ts in texts.items()},
        )

    def _codes(self, column: str, rows: list[Activity]) -> NDArray[np.int32]:
        return np.array([self._code(column, row) for row in rows], np.int32)

    def _code(self, column: str, row: Activity) -> int:
        text = str(getattr(row, column))
        if column == "sha" and text:
            if FRESH in text:
                return self.pool.add_template(f"sha256:{text}")
            return self.pool.add_hashes(text, self._versions[row.cadence])
        return self.pool.add_template(text) if _is_fresh(row, text) else self.pool.add(text.removesuffix(TAIL))


def _is_fresh(row: Activity, text: str) -> bool:
    return FRESH in text or (row.rare and USER in text)


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """The activity table as arrays; process ends fill its second half."""

    size: int
    """Number of activities without the ends."""
    kind: NDArray[np.int8]
    who: NDArray[np.int8]
    cadence: NDArray[np.int8]
    trusted: NDArray[np.bool_]
    port: NDArray[np.int64]
    codes: dict[str, NDArray[np.int32]]
    """Code of each text, or of the first of its block."""
    marks: dict[str, NDArray[np.int64]]
    """A number of 32 bits for the path of the program, and of its parent, that no other setting moves."""
    personal: dict[str, NDArray[np.bool_]]
    """Whether the text differs by user."""
    fresh: dict[str, NDArray[np.bool_]]
    """Whether the text is filled event by event."""
    tail: dict[str, NDArray[np.bool_]]
    """Whether the text ends in fresh digits."""
