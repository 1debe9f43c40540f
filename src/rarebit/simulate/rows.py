"""Events as arrays: the small integer form in which a fleet's events are made, merged and sorted."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Index = NDArray[np.int32]

_M1: Final = np.uint64(0xFF51AFD7ED558CCD)
_M2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_S33: Final = np.uint64(33)
_PROCESS: Final = 0x5DEECE66D
"""Parts process identities from event ids."""


class Rows(NamedTuple):
    """Events of one stretch of time, one array entry each."""

    ts: Ints
    """Microseconds since 1970, by the clock of the host."""
    host: Index
    user: Index
    act: Index
    """What happened: a row of the activity table."""
    eid: Ints
    """Becomes ``event.id``."""
    key: Ints
    """Identity of the process; 0 where it is the long-lived process of that name on that day."""
    parent: Ints
    """Identity of the parent process; 0 as for ``key``."""
    peer: Index
    """Host the event came from, or -1."""

    @property
    def size(self) -> int:
        """Number of events."""
        return self.ts.size

    def take(self, index: NDArray[Any] | slice) -> Rows:
        """Those rows, in that order; ``index`` is a mask, positions or a slice."""
        ts, host, user, act, eid, key, parent, peer = self
        return Rows(ts[index], host[index], user[index], act[index], eid[index], key[index], parent[index], peer[index])


def mix(value: Ints) -> Ints:
    """Scramble 64-bit integers one to one (MurmurHash3 finaliser); int64[n] in, int64[n] out."""
    x = value.astype(np.uint64)
    x ^= x >> _S33
    x *= _M1
    x ^= x >> _S33
    x *= _M2
    x ^= x >> _S33
    return x.view(np.int64)


def make_rows(
    rng: np.random.Generator,
    ts: Ints,
    host: NDArray[Any],
    user: NDArray[Any],
    act: NDArray[Any],
    *,
    peer: NDArray[Any] | None = None,
    key: Ints | None = None,
) -> Rows:
    """Rows with fresh event ids and, unless given, fresh process identities."""
    eid = rng.integers(1, 1 << 62, ts.size, dtype=np.int64)
    return Rows(
        ts=ts,
        host=host.astype(np.int32, copy=False),
        user=user.astype(np.int32, copy=False),
        act=act.astype(np.int32, copy=False),
        eid=eid,
        key=mix(eid ^ _PROCESS) if key is None else key,
        parent=np.zeros(ts.size, np.int64),
        peer=np.full(ts.size, -1, np.int32) if peer is None else peer.astype(np.int32, copy=False),
    )


def empty_rows() -> Rows:
    """No events."""
    long, short = np.empty(0, np.int64), np.empty(0, np.int32)
    return Rows(long, short, short, short, long, long, long, short)


def concat(parts: list[Rows]) -> Rows:
    """All rows of the parts, part after part."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty_rows()
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def in_order(rows: Rows) -> Rows:
    """The rows by time; events of one instant keep their order."""
    return rows.take(np.argsort(rows.ts, kind="stable"))
