"""The formats that can be read, and how each is told from the first bytes of its content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

import pyarrow as pa

from rarebit.source.csv_file import read_csv, split_header
from rarebit.source.event_log import read_evtx
from rarebit.source.intake import Intake
from rarebit.source.json_array import read_json_array
from rarebit.source.ndjson import read_ndjson
from rarebit.source.parquet import read_parquet
from rarebit.source.shapes import shape_of
from rarebit.source.stream import ByteStream
from rarebit.source.syslog import HEADER as SYSLOG_HEADER
from rarebit.source.syslog import read_syslog
from rarebit.source.zeek_table import SIGN as ZEEK
from rarebit.source.zeek_table import read_zeek

Reader = Callable[[ByteStream, Intake], Iterator[pa.RecordBatch]]

HEAD_BYTES: Final = 256 * 1024
"""How much of a file is looked at to tell its format."""
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


class Format(NamedTuple):
    """A format: its name, a test of the head of the content, and its reader."""

    name: str
    fits: Callable[[bytes], bool]
    read: Reader


def _is_pretty(head: bytes) -> bool:
    """An object laid out over several lines: its first line alone is no JSON, and begins or is ``{``."""
    if not head.startswith(b"{"):
        return False
    first, newline, _ = head.partition(b"\n")
    return bool(newline) and first.strip().rstrip(b",") in (b"{", b"{}") and first.strip() != b"{}"


def _is_array(head: bytes) -> bool:
    return head.startswith(b"[") and head[1:].lstrip()[:1] in (b"{", b"]", b"")


def _is_csv(head: bytes) -> bool:
    line = head.partition(b"\n")[0]
    if not line.strip() or b"\0" in line:
        return False
    columns, _ = split_header(line.decode(errors="replace").strip("\r"))
    return len(columns) > 1 and all(len(column) < 200 and column.isprintable() for column in columns)  # noqa: PLR2004


def _is_syslog(head: bytes) -> bool:
    lines = head.splitlines()[:5]
    return any(SYSLOG_HEADER.match(line.decode(errors="replace")) for line in lines)


FORMATS: Final[tuple[Format, ...]] = (
    Format("EVTX", lambda head: head.startswith(b"ElfFile\0"), read_evtx),
    Format("Parquet", lambda head: head.startswith(b"PAR1"), read_parquet),
    Format("JSON objects", _is_pretty, partial(read_json_array, bare=True)),
    Format("NDJSON", lambda head: head.startswith(b"{"), read_ndjson),
    Format("JSON array", _is_array, read_json_array),
    Format("Zeek", lambda head: head.startswith(ZEEK), read_zeek),
    Format("syslog", _is_syslog, read_syslog),
    Format("CSV", _is_csv, read_csv),
)
"""Tried in this order."""


def sniff(head: bytes) -> Format | None:
    """The format of a file by the head of its content; None if it is none of :data:`FORMATS`."""
    head = head.removeprefix(_BOM).lstrip(_BLANK)
    return next((each for each in FORMATS if each.fits(head)), None)


def describe(found: Format, head: bytes) -> str:
    """Name of the format for the report: for JSON also the shape of the first record that parses."""
    if "JSON" not in found.name:
        return found.name
    text = head.removeprefix(_BOM).lstrip(_BLANK + b"[").decode(errors="replace")
    try:
        record, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return found.name
    shape = shape_of(record) if type(record) is dict else "JSON"
    return f"{shape} array" if "array" in found.name else shape
