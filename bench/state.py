"""Part ``state``: what a job's memory weighs, and how quickly it is kept and taken up again."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.data import Data
from bench.jobs import RARE_JOB
from bench.measure import Case, Figures, Line, run


def state(data: Data, repeats: int) -> list[Line]:
    """Memory of the rare-process job after all events."""
    given = {"home": str(data.home), "repeats": repeats}
    found = run(Case("state", "state:weigh", given))
    memory, disk, plain = (found[name] / found["pairs"] for name in ("memory_bytes", "disk_bytes", "model_bytes"))
    size = f"{found['disk_bytes'] / 1e6:.1f} MB"
    raw = f"same bytes, written raw {found['raw_write_ms']:.0f} ms"
    back = f"same bytes, read raw {found['raw_read_ms']:.0f} ms"
    save, restore = found["save_ms"] / found["raw_write_ms"], found["restore_ms"] / found["raw_read_ms"]
    return [
        Line(
            "state", f"{found['pairs']:,} pairs in memory", f"{memory:.0f} B a pair", "12 B: key and count", memory / 12
        ),
        Line("state", "on disk, models alone", f"{plain:.0f} B a pair", "12 B: key and count", plain / 12),
        Line("state", "on disk, all of the job", f"{disk:.0f} B a pair, {size}", "12 B: key and count", disk / 12),
        Line("state", "save", f"{found['save_ms']:.0f} ms", raw, save, details=found),
        Line("state", "restore", f"{found['restore_ms']:.0f} ms", back, restore),
    ]


def weigh(given: Figures) -> Figures:
    """Child: run the job, then save and restore its state."""
    from bench.data import fresh_home
    from rarebit.app.home import Home
    from rarebit.app.jobs import get_job, planned
    from rarebit.app.run import RunOptions, open_stream, scan
    from rarebit.store import snapshots

    with tempfile.TemporaryDirectory() as scratch:
        home: Home = fresh_home(Path(given["home"]), Path(scratch) / "home")
        plan = planned(home, get_job(home, RARE_JOB))
        started = time.perf_counter()
        stream = open_stream(home, plan, RunOptions())
        scan(home, [stream])
        folder = Path(scratch) / "state"
        saved: list[str] = []
        figures: Figures = {"seconds": time.perf_counter() - started}
        save = _ms(lambda: saved.append(snapshots.save(folder, "job", stream.to_state(), {})), given["repeats"])
        kept = folder / saved[0]
        blank = open_stream(home, plan, RunOptions())
        figures |= {
            "save_ms": save,
            "restore_ms": _ms(lambda: blank.load_state(snapshots.load(kept)[0]), given["repeats"]),
        }
        data = kept.read_bytes()
        figures["raw_write_ms"] = _ms(lambda: _write(folder / "raw", data), given["repeats"])
        figures["raw_read_ms"] = _ms((folder / "raw").read_bytes, given["repeats"])
    arrays = stream.to_state()
    health = stream.health()
    models = sum(array.nbytes for name, array in arrays.items() if name.startswith("m"))
    figures |= {"memory_bytes": health["memory_bytes"], "model_bytes": models}
    pairs = sum(array.size for name, array in arrays.items() if name.endswith(".pairs.key"))
    return figures | {"disk_bytes": len(data), "pairs": pairs, "rows": health["rows"]}


def _ms(act: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
