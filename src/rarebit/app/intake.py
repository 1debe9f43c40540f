"""Events as programs send them: lines of NDJSON, or the bulk form of Elasticsearch; each judged by itself."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import orjson

from rarebit.core.errors import InputError
from rarebit.source.event_time import ABSENT, parse_one
from rarebit.source.record_id import span_ids
from rarebit.source.shapes import shape_of

LONGEST_LINE: Final = 4 << 20
MOST_LINES: Final = 250_000
_DEEPEST: Final = 64
_BLANK: Final = b" \t\r"
_OWN_NAMES: Final = ("ECS JSON", "JSON")
"""Shapes whose names are taken as they are."""


class Fault(NamedTuple):
    """Why an event was not taken."""

    kind: str
    """As Elasticsearch names errors."""
    reason: str


class BulkItem(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one action of a bulk request."""

    action: str
    index: str
    id: str
    fault: Fault | None


class Line(NamedTuple):
    """What became of one line: the event as it is kept, or its fault."""

    event: bytes
    fault: Fault | None


def read_events(data: bytes) -> list[Line]:
    """Each line that is not blank.

    Raises
    ------
    InputError
        If there are more than :data:`MOST_LINES`.
    """
    lines = [line for line in (each.strip(_BLANK) for each in data.split(b"\n")) if line]
    _bounded(len(lines))
    return [Line(line, _fault(line)[1]) for line in lines]


def read_bulk(data: bytes, index: str = "") -> tuple[list[BulkItem], list[bytes]]:
    """Actions of a bulk request, and the events of those that are taken, in order.

    Parameters
    ----------
    data : bytes
        Lines of an action each, ``create`` or ``index``, and its event.
    index : str
        Of actions that name none.

    Raises
    ------
    InputError
        If the form itself is wrong, so that nobody can say which line is what; nothing is taken then.
    """
    if not data.endswith(b"\n"):
        raise InputError("The bulk request must be terminated by a newline [\\n]")
    lines = data.split(b"\n")[:-1]
    _bounded(len(lines) // 2)
    known: dict[bytes, tuple[str, dict[str, Any]]] = {}
    read: list[tuple[str, dict[str, Any], bytes, Fault | None]] = []
    at = 0
    while at < len(lines):
        text = lines[at].strip(_BLANK)
        at += 1
        if not text:
            continue
        action, about = known.get(text) or known.setdefault(text, _action(text, at))
        if action == "delete":
            read.append((action, about, b"", Fault("illegal_argument_exception", "events cannot be deleted")))
            continue
        if at >= len(lines):
            raise InputError(f"Validation Failed: 1: no source for the action at line [{at}]")
        line, at = lines[at].strip(_BLANK), at + 1
        if action == "update":
            read.append((action, about, b"", Fault("illegal_argument_exception", "events cannot be updated")))
            continue
        read.append((action, about, *_kept(line, about.get("_id"))))
    if not read:
        raise InputError("request body is required")
    taken = [line for _, _, line, fault in read if fault is None]
    return _items(read, taken, index), taken


def _items(
    read: list[tuple[str, dict[str, Any], bytes, Fault | None]], taken: list[bytes], index: str
) -> list[BulkItem]:
    ids = iter(_ids(taken))
    items = []
    for action, about, _, fault in read:
        made = next(ids) if fault is None else ""
        items.append(
            BulkItem(
                action=action, index=about.get("_index") or index or "events", id=about.get("_id") or made, fault=fault
            )
        )
    return items


def _ids(lines: list[bytes]) -> list[str]:
    """Ids that events without one of their own get in the lake."""
    if not lines:
        return []
    ends = np.cumsum([len(line) for line in lines])
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    ids: list[str] = span_ids(np.frombuffer(b"".join(lines), np.uint8), starts, ends).to_pylist()
    return ids


def _action(text: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict) or len(body) != 1:
        raise InputError(f"Malformed action/metadata line [{number}], expected one action")
    action, about = next(iter(body.items()))
    if action not in ("create", "index", "update", "delete"):
        raise InputError(
            f"Malformed action/metadata line [{number}], expected field [create], [delete], [index] or [update] "
            f"but found [{action[:40]}]"
        )
    if not isinstance(about, dict):
        raise InputError(f"Malformed action/metadata line [{number}], expected an object")
    for name in ("_id", "_index"):
        if not isinstance(about.get(name), str | None) or len(about.get(name) or "") > 512:  # noqa: PLR2004
            raise InputError(f"Malformed action/metadata line [{number}], [{name}] is no text of up to 512 bytes")
    return action, about


def _kept(line: bytes, given_id: str | None) -> tuple[bytes, Fault | None]:
    """The event with the id of its action, where it has none of its own."""
    record, fault = _fault(line)
    if fault is not None or not given_id:
        return line, fault
    event = record.get("event")
    if "event.id" in record or (isinstance(event, dict) and "id" in event):
        return line, None
    inner = line[1:].lstrip()
    return b'{"event.id":' + orjson.dumps(given_id) + (b"" if inner.startswith(b"}") else b",") + inner, None


def _fault(line: bytes) -> tuple[dict[str, Any], Fault | None]:
    if len(line) > LONGEST_LINE:
        return {}, _unread(f"an event of {len(line):,} bytes, more than {LONGEST_LINE:,}")
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return {}, _unread(f"not JSON: {error}")
    if type(record) is not dict:
        return {}, _unread("not a JSON object")
    if line.count(b"{") + line.count(b"[") > _DEEPEST and _depth(record) > _DEEPEST:
        return {}, _unread(f"nested deeper than {_DEEPEST}")
    return record, _time_fault(record)


def _time_fault(record: dict[str, Any]) -> Fault | None:
    time = record.get("@timestamp")
    if time is None:  # other shapes have it under another name
        return _unread("no @timestamp") if shape_of(record) in _OWN_NAMES else None
    if isinstance(time, str | int | float) and parse_one(str(time)) != ABSENT:
        return None
    return _unread(f"@timestamp cannot be read: {str(time)[:60]}")


def _unread(reason: str) -> Fault:
    return Fault("document_parsing_exception", reason)


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
    return deepest - 1


def _bounded(count: int) -> None:
    if count > MOST_LINES:
        raise InputError(f"{count:,} events in one request, more than {MOST_LINES:,}", hint="Send fewer at a time.")
