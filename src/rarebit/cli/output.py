"""What goes out: data to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rarebit.app.progress import Progress as Report
from rarebit.cli.interruption import give_way

_PLAIN_WIDTH = 160


def data() -> Console:
    """Console of stdout; wide and plain where nobody looks on."""
    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False, soft_wrap=False)


def notes() -> Console:
    """Console of stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def write_json(items: Iterable[Any]) -> None:
    """NDJSON, one object a line."""
    for item in items:
        sys.stdout.buffer.write(msgspec.json.encode(item) + b"\n")
    sys.stdout.flush()


def safe(value: object) -> Text:
    """Text from outside: no markup is read from it, and control characters cannot move the cursor."""
    return Text("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)))


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An empty table of the house style."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    numbers = set(right)
    for name in columns:
        made.add_column(safe(name), justify="right" if name in numbers else "left", overflow="fold")
    return made


@contextmanager
def progress() -> Iterator[Report]:
    """A progress bar on stderr while somebody looks on, else nothing; both stop at Ctrl-C."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield give_way
        return
    columns = (TextColumn("{task.description:<11}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes(), transient=True) as bars:
        known: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            give_way()
            if stage not in known:
                known[stage] = bars.add_task(stage, total=total or None)
            bars.update(known[stage], completed=done, total=total or None)

        yield report


def count(number: float) -> str:
    """A number with separators."""
    return f"{number:,.0f}"
