"""Part ``curve``: time and memory of the rare job as the days grow; later days are earlier ones, dated anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data import DAYS, Data
from bench.jobs import RARE_JOB
from bench.measure import Case, Figures, Line, run
from rarebit.core.fields import DAY, ID, ID_CODE, TIME
from rarebit.core.time import DAY_US, day_of
from rarebit.lake.log import DataFile, DeltaLog
from rarebit.lake.parquet import TEXT_COLUMNS, encode, write_day

SIZES = (0.2, 1.0, 2.0, 4.0)
"""Of the set: 10, 50, 100 and 200 million events where it has 50."""
MOST_MB = 2_000
LINEAR = 1.5
"""Times an event may take longer in the largest set than in the set as it was made."""
_UNREAD = (
    "process.command_line", "process.args", "process.executable", "process.parent.command_line", "rarebit.rest",
    "process.entity_id", "process.parent.entity_id", "process.hash.sha256", "file.path", "message",
)  # fmt: skip
"""Left out of the days, which a disk would not hold else: the job reads none of them."""


def curve(data: Data, repeats: int) -> list[Line]:
    """The rare job over growing sets; the days are made for this part and removed after it."""
    del repeats  # the largest takes minutes
    folder = data.root / f"curve-{data.events}"
    found: list[Figures] = []
    try:
        days = _days(data.home / "lake", folder / "days")
        for size in SIZES:
            home = _home(data.home, folder, days[: max(1, round(size * DAYS))])
            given = {"home": str(home), "warm": str(data.warm_home), "jobs": [RARE_JOB]}
            found.append(run(Case(f"{size:g}", "jobs:run_jobs", given)))
            shutil.rmtree(home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    whole = found[SIZES.index(1.0)]
    lines = []
    for figures in found:
        each = figures["seconds"] / figures["events"] * 1e9
        ratio = each / (whole["seconds"] / whole["events"] * 1e9)
        told = f"{figures['seconds']:.2f} s, {each:.0f} ns an event, {figures['peak_mb']:.0f} MB peak"
        met = figures["peak_mb"] < MOST_MB and (figures["events"] < whole["events"] or ratio <= LINEAR)
        name = f"{figures['events'] / 1e6:.1f} M events"
        lines.append(
            Line("curve", name, told, "an event of the set as made", ratio, f"≤ {LINEAR:g}, < 2 GB", met, figures)
        )
    return lines


def _days(lake: Path, out: Path) -> list[DataFile]:
    """Days of the set, and copies of them dated later, with ids of their own."""
    log = DeltaLog(lake)
    made: list[DataFile] = []
    for turn in range(int(max(SIZES))):
        made += [_copied(lake, file, turn, out) for file in log.snapshot().files]
    return sorted(made, key=lambda file: file.day)


def _copied(lake: Path, file: DataFile, turn: int, out: Path) -> DataFile:
    shift = turn * DAYS * DAY_US
    source = pq.ParquetFile(lake / file.path, read_dictionary=TEXT_COLUMNS, pre_buffer=False)
    kept = [name for name in source.schema_arrow.names if name not in _UNREAD]

    def parts() -> Iterator[pa.Table]:
        for group in range(source.num_row_groups):
            table = source.read_row_group(group, columns=kept)
            times = table.column(TIME).cast(pa.int64()).to_numpy() + shift
            codes = table.column(ID_CODE).to_numpy() + turn
            for name, column in ((TIME, pa.array(times).cast(pa.timestamp("us", "UTC"))), (ID_CODE, pa.array(codes))):
                table = table.set_column(table.schema.get_field_index(name), name, column)
            if turn:
                ids = pa.array(np.char.add(f"{turn}-", codes.astype(str)).astype(object), pa.string())
                table = table.set_column(table.schema.get_field_index(ID), ID, ids)
            yield encode(table)

    day = day_of(file.first_us + shift)
    (out / f"{DAY}={day}").mkdir(parents=True, exist_ok=True)
    return write_day(out, day, parts(), version=1)


def _home(filled: Path, folder: Path, days: list[DataFile]) -> Path:
    """A home whose lake is made of some days; their files are linked, not copied."""
    home = folder / f"home-{len(days)}"
    lake = home / "lake"
    lake.mkdir(parents=True)
    log = DeltaLog(lake.absolute())
    log.create()
    for file in days:
        (lake / file.path).parent.mkdir(exist_ok=True)
        (lake / file.path).hardlink_to(folder / "days" / file.path)
    log.commit(add=days, expected_version=log.snapshot().version + 1)
    shutil.copyfile(filled / "assets.json", home / "assets.json")
    return home
