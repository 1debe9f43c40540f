"""Hourly flow features of office clients and of malware, as ECS events; labels are kept aside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from rarebit.core.time import DAY_US, HOUR_US, to_us

FIRST_DAY: Final = to_us(datetime(2021, 3, 1, tzinfo=UTC))
"""The captures name no date: their five days are laid on a Monday to a Friday."""
JUDGED: Final = (4, 5)
DAYS: Final = 5
_NAME: Final = re.compile(r"(?P<who>.+)_Day(?P<day>[1-5])\.csv(?:\.gz)?$")
_COLUMNS: Final[dict[str, pa.DataType]] = {
    "num_flows": pa.float64(),
    "total_size_of_flows_orig": pa.float64(),
    "total_size_of_flows_resp": pa.float64(),
    "id.orig_h": pa.string(),
    "id.resp_h": pa.string(),
    "id.resp_p": pa.float64(),
    "proto": pa.string(),
    "hour": pa.float64(),
}


@dataclass(frozen=True)
class Capture:
    """The vectors of one client or one malware, all days."""

    name: str
    malware: bool
    vectors: pa.Table
    """The columns read, and ``day`` from 1 to 5."""

    @property
    def hours(self) -> frozenset[tuple[int, int]]:
        """Day and hour of every vector."""
        days, hours = self.vectors["day"].to_pylist(), self.vectors["hour"].to_pylist()
        return frozenset((int(day), int(hour)) for day, hour in zip(days, hours, strict=True))


def captures(folder: Path) -> list[Capture]:
    """Clients and malware of a folder of ``NAME_DayN.csv`` files, by name.

    Raises
    ------
    FileNotFoundError
        If the folder holds none.
    """
    parts: dict[str, list[pa.Table]] = {}
    for path in sorted(folder.glob("*_Day*.csv*")):
        if match := _NAME.match(path.name):
            table = pa_csv.read_csv(
                path, convert_options=pa_csv.ConvertOptions(include_columns=list(_COLUMNS), column_types=_COLUMNS)
            )
            day = pa.array(np.full(table.num_rows, int(match["day"])), pa.int64())
            parts.setdefault(match["who"], []).append(table.append_column("day", day))
    if not parts:
        raise FileNotFoundError(f"no NAME_DayN.csv in {folder}")
    return [Capture(name, not name.startswith("Client"), pa.concat_tables(found)) for name, found in parts.items()]


def joined(malware: Capture) -> Capture:
    """The malware on the judged days only; one of fewer days than that begins with the first of them."""
    days = malware.vectors["day"]
    if pc.max(days).as_py() < JUDGED[0]:
        shifted = pc.add(days, JUDGED[0] - 1)
        moved = malware.vectors.set_column(malware.vectors.schema.get_field_index("day"), "day", shifted)
        return Capture(malware.name, malware=True, vectors=moved)
    kept = malware.vectors.filter(pc.greater_equal(days, JUDGED[0]))
    return Capture(malware.name, malware=True, vectors=kept)


def events(clients: Sequence[Capture], malware: Capture | None = None, victim: str = "") -> pa.Table:
    """ECS events of clients, and of a malware as if it were on one of them. Nothing in them tells which is which."""
    parts = [_events(client, client.name.lower(), "") for client in clients]
    if malware is not None:
        address = next(client for client in clients if client.name == victim).vectors["id.orig_h"]
        own = Counter(address.to_pylist()).most_common(1)[0][0]
        parts.append(_events(joined(malware), victim.lower(), own))
    whole = pa.concat_tables(parts)
    order = np.lexsort((whole["destination.ip"].to_numpy(zero_copy_only=False), whole["@timestamp"].cast(pa.int64())))
    whole = whole.take(order)
    return whole.append_column("event.id", pa.array([f"v{number}" for number in range(whole.num_rows)]))


def _events(capture: Capture, host: str, source: str) -> pa.Table:
    vectors = capture.vectors
    day = vectors["day"].to_numpy().astype(np.int64)
    hour = vectors["hour"].to_numpy().astype(np.int64)
    # Of the time of a vector no more than its hour is known: those of an hour are spread over it in their order.
    _, inverse, sizes = np.unique(day * 24 + hour, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    place = np.empty(day.size, np.int64)
    place[order] = np.arange(day.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    within = (HOUR_US * (2 * place + 1)) // (2 * sizes[inverse])
    times = FIRST_DAY + (day - 1) * DAY_US + hour * HOUR_US + within
    size = vectors.num_rows
    same = {
        "event.kind": "event",
        "event.category": "network",
        "event.type": "connection",
        "host.name": host,
    }
    return pa.table(
        {
            "@timestamp": pa.array(times).cast(pa.timestamp("us", tz="UTC")),
            **{name: pa.array([value] * size) for name, value in same.items()},
            "source.ip": pa.array([source] * size) if source else vectors["id.orig_h"],
            "destination.ip": vectors["id.resp_h"],
            "destination.port": vectors["id.resp_p"].cast(pa.int64()),
            "network.transport": vectors["proto"],
            "source.bytes": vectors["total_size_of_flows_orig"].cast(pa.int64()),
            "destination.bytes": vectors["total_size_of_flows_resp"].cast(pa.int64()),
            "network.flows": vectors["num_flows"].cast(pa.int64()),
        }
    )


def write(table: pa.Table, path: Path) -> Path:
    """Events as a Parquet file."""
    pq.write_table(table, path)
    return path


def labelled(malware: Capture) -> frozenset[int]:
    """Starts of the hours (µs) in which the joined malware spoke."""
    return frozenset(FIRST_DAY + (day - 1) * DAY_US + hour * HOUR_US for day, hour in joined(malware).hours)
