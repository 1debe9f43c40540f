"""Tables of Zeek: tabulated text under a head that names its columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson
import pyarrow as pa

from rarebit.source.intake import Intake
from rarebit.source.stream import ByteStream, line_blocks
from rarebit.source.zeek import UNSET, Json, event_of

SIGN: Final = b"#separator"
"""How a table begins."""


class _Head:
    """What the lines with ``#`` at their beginning say of the rows below them."""

    def __init__(self) -> None:
        self.separator, self.between, self.path = "\t", ",", "log"
        self.fields: list[str] = []
        self.unset = set(UNSET)
        self.sets: list[bool] = []

    def take(self, line: str) -> None:
        """Read one such line."""
        key, _, value = line.partition(" " if line.startswith("#separator") else self.separator)
        if key == "#separator":
            self.separator = value.encode().decode("unicode_escape", "replace") or "\t"
        elif key == "#set_separator":
            self.between = value or ","
        elif key in ("#empty_field", "#unset_field"):
            self.unset.add(value)
        elif key == "#path":
            self.path = value
        elif key == "#fields":
            self.fields, self.sets = value.split(self.separator), []
        elif key == "#types":
            self.sets = [kind.startswith(("set[", "vector[")) for kind in value.split(self.separator)]

    def row(self, cells: list[str]) -> Json:
        """Values by column; those of sets as lists."""
        sets = self.sets if len(self.sets) == len(self.fields) else [False] * len(self.fields)
        return {
            name: cell.split(self.between) if several else cell
            for name, cell, several in zip(self.fields, cells, sets, strict=True)
            if cell not in self.unset
        }


def read_zeek(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of one table of Zeek's; rows that do not fit its columns are tallied."""
    settings, head = intake.settings, _Head()
    for block in line_blocks(stream, block_bytes=settings.block_bytes, max_line_bytes=settings.max_line_bytes):
        if block.too_long:
            intake.too_long(block)
            continue
        for number, raw in enumerate(block.lines(), block.number):
            line = raw.rstrip(b"\r\n").decode(errors="replace")
            if line.startswith("#"):
                head.take(line)
                intake.tally.format = f"Zeek {head.path}"
            elif line:
                _add(line, f"line {number}", head, intake)
            if intake.full():
                yield from intake.flush()
    yield from intake.flush()


def _add(line: str, where: str, head: _Head, intake: Intake) -> None:
    cells = line.split(head.separator)
    raw = orjson.dumps(line)
    if len(cells) != len(head.fields):
        intake.tally.read += 1
        intake.tally.skip(f"{len(cells)} columns where the header has {len(head.fields)}", where, raw)
        return
    intake.add(event_of(head.path, head.row(cells)), raw, where)
