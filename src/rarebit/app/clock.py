"""The fleet's clock: how far in time enough hosts have come, whatever the clock of a single one says."""

from __future__ import annotations

from typing import Final

from rarebit.app.home import Home
from rarebit.core.fields import CODED, TIME
from rarebit.core.time import HOUR_US
from rarebit.detect.ahead import AHEAD_US
from rarebit.query import literal

_FEW: Final = 5
"""Hosts looked at where the inventory lists fewer than 250."""
_PART: Final = 50
"""Else one in so many."""


def fleet_clock(home: Home) -> int | None:
    """Newest time (microseconds since 1970) that is not only of a few hosts; None where there is no event.

    Of the hosts heard last, at least five or one in fifty of the inventory, it is the time that the upper half has
    reached: two wrong clocks among five move nothing. Of two hosts nobody can say which is right; the newer is taken.
    """
    version = home.lake.version()
    if home.clock is None or home.clock[0] != version:
        home.clock = version, _clock(home)
    return home.clock[1]


def _clock(home: Home) -> int | None:
    end = home.lake.summary().last_us
    if end is None:
        return None
    enough = max(_FEW, len(home.inventory().hosts) // _PART)
    newest: dict[int, int] = {}
    start: int | None = end - HOUR_US
    while start is not None and len(newest) < enough:
        newest = _newest(home, start, end) | newest
        before = home.lake.newest_before(start)
        end = start
        start = None if before is None else before - AHEAD_US
    reached = sorted(newest.values(), reverse=True)
    return reached[(min(len(reached), enough) + 1) // 2 - 1]


def _newest(home: Home, start_us: int, end_us: int) -> dict[int, int]:
    """Host code to the time of its last event in ``(start, end]``; events of no host count as those of one."""
    host, time = literal.identifier(CODED["host.name"]), literal.identifier(TIME)
    rows = home.lake.sql(
        f"SELECT coalesce({host}, 0) AS host, epoch_us(max({time})) AS newest FROM events "
        f"WHERE {time} > make_timestamptz({start_us}) AND {time} <= make_timestamptz({end_us}) GROUP BY 1"
    )
    return dict(zip(rows.column("host").to_pylist(), rows.column("newest").to_pylist(), strict=True))
