"""A process of its own that appends to a lake and remembers until it is killed; run by the tests of the memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from rarebit.core.fields import CODED, ID, ID_CODE, TIME
from rarebit.core.time import DAY_US, parse_time
from rarebit.lake import FirstSeen, Lake
from rarebit.maths.hashing import hash_text

START = parse_time("2026-11-20")


def _events(first: int) -> pa.Table:
    numbers = range(first, first + 50)
    ids = [f"id-{n}" for n in numbers]
    return pa.table(
        {
            TIME: pa.array([START + n % 3 * DAY_US + n for n in numbers]).cast(pa.timestamp("us", "UTC")),
            ID: ids,
            ID_CODE: [hash_text(text) for text in ids],
            "host.name": [f"h{n % 4}" for n in numbers],
            CODED["host.name"]: [hash_text(f"h{n % 4}") for n in numbers],
            "process.name": [f"p{n % 5}" for n in numbers],
        }
    )


def _work(path: Path, seen: Path, mark: Path) -> None:
    lake, memory = Lake(path), FirstSeen(seen)
    while True:
        first = lake.summary().events
        with lake.writer() as writer:
            writer.append(_events(first))
        memory.update(lake)
        mark.write_text(str(first))


if __name__ == "__main__":
    _work(*map(Path, sys.argv[1:4]))
