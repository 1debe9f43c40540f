"""A process of its own that writes to a lake until it is killed; run by the tests of writing."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from rarebit.core.errors import StateError
from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.time import DAY_US, parse_time
from rarebit.lake import Lake
from rarebit.maths.hashing import hash_text

START = parse_time("2026-11-20")


def _events(numbers: Iterable[int]) -> pa.Table:
    """Events of two days; time and id follow from the number."""
    held = list(numbers)
    times = pa.array([START + n % 2 * DAY_US + n for n in held]).cast(pa.timestamp("us", "UTC"))
    ids = [f"id-{n}" for n in held]
    return pa.table({TIME: times, ID: ids, ID_CODE: [hash_text(text) for text in ids]})


def _append(path: Path, marks: Path) -> None:
    with Lake(path).writer() as writer:
        for step in range(10_000):
            writer.append(_events(range(50 * step, 50 * step + 50)))
            (marks / str(writer.commit())).write_text(str(50 * (step + 1)))


def _compact(path: Path, marks: Path) -> None:
    lake = Lake(path)
    (marks / "begun").touch()
    for step in range(10_000):
        lake.compact()
        with lake.writer() as writer:
            writer.append(_events([10**6 + 2 * step, 10**6 + 2 * step + 1]))


def _fill(path: Path, marks: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
    try:
        with Lake(path).writer() as writer:
            writer.append(_events(range(20_000)))
    except StateError as error:
        (marks / "outcome").write_text(str(error))


if __name__ == "__main__":
    {"append": _append, "compact": _compact, "fill": _fill}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
