"""Measure: ``python -m bench`` runs every part and prints one table.

Data are made once under ``--data`` and used again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.count import count
from bench.curve import curve
from bench.data import Data, default_root
from bench.intake import intake
from bench.jobs import all_jobs, beside, rare
from bench.lookup import lookup
from bench.many import jobs20, minute
from bench.measure import ROOT, Line, as_json, machine, table
from bench.memory import memory
from bench.peers import peers
from bench.state import state

PARTS: Mapping[str, Callable[[Data, int], list[Line]]] = {
    "rare": rare,
    "jobs": all_jobs,
    "beside": beside,
    "jobs20": jobs20,
    "count": count,
    "minute": minute,
    "intake": intake,
    "lookup": lookup,
    "peers": peers,
    "state": state,
    "memory": memory,
    "curve": curve,
}

_ASKED_FOR = ("curve",)
"""Parts that run only when named: they take much disk and time."""


def main() -> None:
    """Measure what the command line asks for."""
    options = _options()
    data = Data(options.data, options.events)
    results = ROOT / "bench" / "results"
    results.mkdir(parents=True, exist_ok=True)
    _say(f"data in {data.root}; {_load()}")
    started = time.perf_counter()
    data.home  # noqa: B018 - made here, before any clock starts
    _say(f"data ready after {time.perf_counter() - started:.0f} s")
    lines: list[Line] = []
    for name in options.only or [part for part in PARTS if part not in _ASKED_FOR]:
        started = time.perf_counter()
        found = PARTS[name](data, options.repeats)
        (results / f"{name}-{options.events}.json").write_text(as_json(found), "utf-8")
        lines += found
        _say(f"{name}: {time.perf_counter() - started:.0f} s; {_load()}")
    about = machine()
    print(f"{options.events:,} events asked for, median of {options.repeats} rounds, {about['date']}")
    print(f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, Python {about['python']}, ", end="")
    print(", ".join(f"{name} {number}" for name, number in about["versions"].items()))
    print()
    print(table(lines))
    if options.strict and any(line.met is False for line in lines):
        sys.exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="events in the lake (default 10 million)")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--data", type=Path, default=default_root(), help="where data are made and kept")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    return parser.parse_args()


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
