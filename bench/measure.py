"""Measuring: every case in a process of its own, cases in turn, the median of the rounds."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
_LIBRARIES = ("rarebit", "duckdb", "polars", "pyarrow", "numba", "numpy")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Case:
    """One thing to measure: a function of this package, run in a process of its own."""

    name: str
    function: str
    """``module:function`` below ``bench``; it takes a mapping and returns figures, ``seconds`` among them."""
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    part: str
    name: str
    figure: str
    """What was measured, with its unit."""
    floor: str = ""
    """What it is held against."""
    ratio: float | None = None
    """Times the floor: above 1 is slower."""
    target: str = ""
    met: bool | None = None
    details: Figures = field(default_factory=dict)


def rounds(cases: Sequence[Case], repeats: int) -> dict[str, Figures]:
    """Run the cases in turn; median of every number of each case."""
    runs: dict[str, list[Figures]] = {case.name: [] for case in cases}
    for _ in range(repeats):
        for case in cases:
            runs[case.name].append(run(case))
    return {name: _median(found) for name, found in runs.items()}


def run(case: Case) -> Figures:
    """Figures of one run of a case."""
    command = [sys.executable, "-m", "bench.child", case.function, json.dumps(dict(case.arguments))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        sys.exit(f"bench: {case.name} failed: {last[0]}\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _median(runs: list[Figures]) -> Figures:
    middle: Figures = {}
    for name, value in runs[0].items():
        values = [run[name] for run in runs]
        middle[name] = statistics.median(values) if isinstance(value, int | float) else value
    middle["all_seconds"] = [run["seconds"] for run in runs]
    return middle


@contextmanager
def timed(figures: Figures) -> Iterator[None]:
    """Add the wall and processor time of a block."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    figures["seconds"] = time.perf_counter() - wall
    figures["cpu_seconds"] = time.process_time() - processor


def best(floors: Mapping[str, Figures]) -> tuple[str, Figures]:
    """The fastest of some floors."""
    name = min(floors, key=lambda each: floors[each]["seconds"])
    return name, floors[name]


def machine() -> Figures:
    """Where and when, with the load as it is now."""
    model = [line for line in _read("/proc/cpuinfo").splitlines() if line.startswith("model name")]
    memory = [line for line in _read("/proc/meminfo").splitlines() if line.startswith("MemTotal")]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "processor": model[0].split(":", 1)[1].strip() if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory[0].split()[1]) / 2**20, 1) if memory else None,
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "versions": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError:
        return ""


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table."""
    rows = [("part", "what", "measured", "floor", "times floor", "target")]
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
        verdict = "" if line.met is None else (" ✓" if line.met else " ✗")
        rows.append((line.part, line.name, line.figure, line.floor, ratio, line.target + verdict))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def as_json(lines: Sequence[Line]) -> str:
    """The lines with all details, and the machine."""
    return json.dumps({"machine": machine(), "lines": [asdict(line) for line in lines]}, indent=1, default=str)
