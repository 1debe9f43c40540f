"""EVTX: Windows event logs in their binary form."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson
import pyarrow as pa

from rarebit.source.intake import Intake
from rarebit.source.shapes import windows_event
from rarebit.source.stream import ByteStream

if TYPE_CHECKING:
    from evtx import PyRecordsIterator

_PLACE: Final = re.compile(r"parse (chunk|record) number ([0-9]+)")
_MOST_FAULTS: Final = 100_000
_CHUNK: Final = 65_536


def read_evtx(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of an EVTX file; a damaged record or chunk costs itself only."""
    import evtx

    if stream.compression:
        content = stream.read(1 << 34)
        if stream.error:
            intake.tally.fail(stream.error)
        where: Any = io.BytesIO(content + bytes(-len(content) % _CHUNK))
    else:
        where = str(stream.path)
    try:
        records = evtx.PyEvtxParser(where, number_of_threads=1).records_json()
    except (RuntimeError, OSError, ValueError) as error:
        intake.tally.fail(f"not a readable EVTX file: {error}")
        return
    for record in _each(records, intake):
        number = record["event_record_id"]
        data = record["data"].encode("utf-8", "replace")
        try:
            event = orjson.loads(data)["Event"]
            laid_out = windows_event(event)
        except (ValueError, KeyError, TypeError, AttributeError):
            intake.tally.read += 1
            intake.tally.skip("record without a System block", f"record {number}", data)
            continue
        laid_out.setdefault("@timestamp", record["timestamp"].removesuffix(" UTC"))
        intake.add(laid_out, data, f"record {number}")
        if intake.full():
            yield from intake.flush()
    yield from intake.flush()


def _each(records: PyRecordsIterator, intake: Intake) -> Iterator[dict[str, Any]]:
    """Records of the parser; each fault is tallied and passed over."""
    faults = 0
    while faults < _MOST_FAULTS:
        try:
            record = next(records)
            if record is not None:
                yield record
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            faults += 1
            text = str(error)
            place = _PLACE.search(text)
            intake.tally.read += 1
            reason = "damaged chunk" if place and place[1] == "chunk" else "damaged record"
            intake.tally.skip(reason, f"{place[1]} {place[2]}" if place else text[:120])
    intake.tally.fail(f"more than {_MOST_FAULTS} damaged places; the rest was not read")
