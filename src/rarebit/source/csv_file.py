"""CSV and TSV: rows of a known table, or by a mapping of columns to ECS fields."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import orjson
import pyarrow as pa

from rarebit.source.csv_tables import TIMES, Table, table_for
from rarebit.source.event_time import ABSENT, parse_one
from rarebit.source.intake import Intake
from rarebit.source.stream import ByteStream, line_blocks

DELIMITERS: Final = ",\t;|"


def split_header(line: str) -> tuple[list[str], str]:
    """Columns and delimiter of a header line; the delimiter that gives most columns is taken."""
    delimiter = max(DELIMITERS, key=line.count)
    try:
        columns = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        columns = []
    return [column.strip() for column in columns], delimiter


def read_csv(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of a CSV file; one without a known header and without a mapping is reported, not guessed."""
    csv.field_size_limit(intake.settings.max_line_bytes)
    lines = _lines(stream, intake)
    header, delimiter = split_header(next(lines, ""))
    table = table_for(header, intake.settings.mapping)
    if table is None:
        intake.tally.fail(
            "CSV with an unknown header: "
            + ", ".join(header[:8])
            + (" …" if len(header) > 8 else "")  # noqa: PLR2004
            + ". Name the ECS field of each column in a YAML file and give it with --map"
        )
        return
    intake.tally.format = table.name
    names = [table.columns.get(column) or table.other + column for column in header]
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            intake.tally.read += 1
            intake.tally.skip(f"not CSV: {error}", f"line {rows.line_num + 1}")
            continue
        if row is None:
            break
        if row:
            _add_row(row, header, names, table, intake, f"line {rows.line_num + 1}")
        if intake.full():
            yield from intake.flush()
    yield from intake.flush()


def _add_row(row: list[str], header: list[str], names: list[str], table: Table, intake: Intake, where: str) -> None:
    raw = orjson.dumps(row)
    if len(row) != len(header):
        intake.tally.read += 1
        intake.tally.skip(f"{len(row)} columns where the header has {len(header)}", where, raw)
        return
    record = {**table.constants, **{name: value for name, value in zip(names, row, strict=True) if value}}
    given = dict(zip(header, row, strict=True))
    times = [column for column in table.times if given.get(column)]
    chosen = next((column for column in times if _is_time(given[column])), times[0] if times else None)
    if chosen is not None:
        record.pop(table.columns.get(chosen) or table.other + chosen, None)
        record[TIMES] = given[chosen]
    intake.add(record, raw, where)


@lru_cache(maxsize=65_536)
def _is_time(text: str) -> bool:
    return parse_one(text) != ABSENT


def _lines(stream: ByteStream, intake: Intake) -> Iterator[str]:
    settings = intake.settings
    for block in line_blocks(stream, block_bytes=settings.block_bytes, max_line_bytes=settings.max_line_bytes):
        if block.too_long:
            intake.too_long(block)
            continue
        for number, line in enumerate(block.lines(), block.number):
            yield _decoded(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, intake)


def _decoded(line: bytes, intake: Intake) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        intake.tally.note("bytes that are not UTF-8 replaced in {} rows")
        text = line.decode(errors="replace")
    return text if text.endswith("\n") else text + "\n"
