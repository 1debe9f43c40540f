"""NDJSON: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import orjson
import pyarrow as pa

from rarebit.source.intake import Intake
from rarebit.source.stream import ByteStream, line_blocks

_BOM: Final = b"\xef\xbb\xbf"


def read_ndjson(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of an NDJSON file."""
    number = 1
    settings = intake.settings
    for block, too_long in line_blocks(
        stream, block_bytes=settings.block_bytes, max_line_bytes=settings.max_line_bytes
    ):
        if too_long:
            intake.tally.read += 1
            intake.tally.skip(f"line longer than {settings.max_line_bytes} bytes", f"line {number}", block)
            number += 1
            continue
        for line in block.split(b"\n"):
            add_line(line, number, intake)
            number += 1
            if intake.full():
                yield from intake.flush()
        number -= block.endswith(b"\n")
    yield from intake.flush()


def add_line(line: bytes, number: int, intake: Intake) -> None:
    """Parse one line into the intake; blank lines are passed over."""
    line = line.strip()
    if number == 1:
        line = line.removeprefix(_BOM)
    if not line:
        return
    where = f"line {number}"
    if len(line) > intake.settings.max_line_bytes:
        intake.tally.read += 1
        intake.tally.skip(f"line longer than {intake.settings.max_line_bytes} bytes", where, line)
        return
    try:
        record = orjson.loads(line)
    except ValueError:
        record = parse_doubtful(line, where, intake)
        if record is None:
            return
    intake.add(record, line, where)


def parse_doubtful(raw: bytes, where: str, intake: Intake) -> Any:
    """A second, lenient look at what a strict parser refused; None, and a tally, if it is not JSON.

    Bytes that are no UTF-8 inside a string, and lone surrogates, become the replacement character.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode(errors="replace")
        intake.tally.note("bytes that are not UTF-8 replaced in {} rows")
    try:
        return _replaced(json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        intake.tally.read += 1
        intake.tally.skip(_fault(raw, error), where, raw)
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _replaced(value: Any) -> Any:
    """The value with lone surrogates replaced."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _fault(raw: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if b"\0" in raw:
        return "not JSON: holds NUL bytes"
    return "not JSON"
