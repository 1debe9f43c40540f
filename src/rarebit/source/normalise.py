"""Cells to events: types, names, twins, codes and days, vectorised; every reader ends here."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.columns import map_unique
from rarebit.core.fields import CODED, DAY, FIELDS, ID, ID_CODE, NORMAL, REST, SOURCE, TIME, Kind
from rarebit.core.names import base_name, normal_form
from rarebit.core.schema import ARROW, EVENT_SCHEMA
from rarebit.core.time import DAY_US, day_of
from rarebit.source.accounts import settle_host, settle_users
from rarebit.source.alert_cells import ALERT_CELLS, settle_alerts
from rarebit.source.cells import BREAK, Cells
from rarebit.source.derived import settle_derived
from rarebit.source.event_time import ABSENT, parse_times
from rarebit.source.record_id import record_ids
from rarebit.source.strings import text_codes
from rarebit.source.tally import Tally
from rarebit.source.windows import WINDOWS_CELLS, settle_windows

HIT_ID: Final = "_id"
"""Id of a document in Elasticsearch: stands in for a missing event.id."""

KNOWN: Final[dict[str, Kind]] = {
    **dict.fromkeys((*WINDOWS_CELLS, *ALERT_CELLS), Kind.KEYWORD),
    HIT_ID: Kind.KEYWORD,
    **FIELDS,
}
"""Every cell that a reader should give a column."""

_CACHE: Final = 1 << 16
"""Values whose normal form is kept from batch to batch, for each field."""

_FORMS: Final = {name: lru_cache(maxsize=_CACHE)(normal_form(name)) for name in {**NORMAL, **CODED}}
_base_name: Final = lru_cache(maxsize=_CACHE)(base_name)

_BASE_NAMES: Final = {
    "process.executable": "process.name",
    "process.parent.executable": "process.parent.name",
    "file.path": "file.name",
    "dll.path": "dll.name",
}


def to_events(cells: Cells, *, source: str, earliest_us: int, latest_us: int, tally: Tally) -> pa.RecordBatch:
    """Events of one batch of cells; rows without a plausible time are skipped and tallied.

    Parameters
    ----------
    cells : Cells
        Taken apart in the process.
    source : str
        Kept in ``rarebit.source``.
    earliest_us, latest_us : int
        Times outside are absurd.

    Returns
    -------
    RecordBatch
        Of :data:`rarebit.core.schema.EVENT_SCHEMA`.
    """
    settle_windows(cells)
    _settle_words(cells)
    settle_host(cells)
    settle_users(cells, tally)
    for path, name in _BASE_NAMES.items():
        if cells.has(path) and cells.get(name).null_count:
            cells.fill(name, map_unique(_where(pc.is_null(cells.get(name)), cells.get(path)), _base_name))
    times, keep = _times(cells, earliest_us, latest_us, tally)
    cells.fill(ID, cells.get(HIT_ID))
    settle_alerts(cells)
    cells.set(ID, record_ids(cells))
    settle_derived(cells)
    columns = {name: _typed(cells, name, kind) for name, kind in FIELDS.items() if name != TIME}
    columns[TIME] = pa.array(times, pa.int64()).cast(ARROW[Kind.DATE])
    columns[REST] = cells.whole_rest()
    columns[SOURCE] = pa.repeat(pa.scalar(source), cells.count)
    columns[DAY] = _days(times)
    _twins_and_codes(columns)
    batch = pa.RecordBatch.from_arrays([columns[name] for name in EVENT_SCHEMA.names], schema=EVENT_SCHEMA)
    if not keep.all():
        batch = batch.filter(pa.array(keep))
        times = times[keep]
    if times.size:
        tally.span(int(times.min()), int(times.max()))
    tally.rows += batch.num_rows
    return batch


def _where(rows: pa.Array, column: pa.Array) -> pa.Array:
    """The column in some rows, null in the others."""
    return pc.if_else(rows, column, pa.scalar(None, pa.string()))


def _settle_words(cells: Cells) -> None:
    """Fixed vocabularies: lower case, sorted, without repeats."""
    for name, kind in FIELDS.items():
        if kind is Kind.SET and cells.has(name):
            cells.set(name, map_unique(cells.get(name), _word_set))
    for name in ("event.kind", "event.outcome", "host.os.type"):
        if cells.has(name):
            cells.set(name, pc.utf8_lower(cells.get(name)))


def _word_set(text: str) -> str | None:
    words = {word.strip().lower() for word in text.replace(BREAK, ",").split(",")}
    return ",".join(sorted(words - {""})) or None


def _times(cells: Cells, earliest_us: int, latest_us: int, tally: Tally) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    given = cells.get(TIME)
    times = parse_times(given)
    keep = (times >= earliest_us) & (times <= latest_us)
    for row in np.flatnonzero(~keep).tolist():
        tally.skip(_time_fault(given[row].as_py(), int(times[row]), earliest_us), cells.where(row), cells.raw(row))
    cells.columns.pop(TIME, None)
    return np.where(keep, times, 0), keep


def _time_fault(text: str | None, time: int, earliest_us: int) -> str:
    if text is None:
        return "no @timestamp"
    if time == ABSENT:
        return "@timestamp is not a time"
    return "@timestamp is absurdly early" if time < earliest_us else "@timestamp lies in the future"


def _days(times: NDArray[np.int64]) -> pa.Array:
    numbers = times // DAY_US
    distinct, inverse = np.unique(numbers, return_inverse=True)
    names = pa.array([day_of(int(number) * DAY_US) for number in distinct], pa.string())
    return names.take(pa.array(inverse))


def _typed(cells: Cells, name: str, kind: Kind) -> pa.Array:
    """The column in its type; a text that does not fit goes to the rest under the field's name."""
    column = cells.columns.pop(name, None)
    if column is None:
        return pa.nulls(cells.count, ARROW[kind])
    if kind in (Kind.KEYWORD, Kind.SET):
        return column
    if kind is Kind.LIST:
        return pc.split_pattern(column, BREAK)
    typed = _CONVERT[kind](column)
    if typed.null_count == column.null_count:
        return typed
    lost = pc.and_(pc.is_null(typed), pc.is_valid(column))
    cells.to_rest(name, _where(lost, column))
    return typed


def _longs(column: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring(column, "x", ignore_case=True)).as_py():
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    encoded = column.dictionary_encode()
    values = pa.array([_long(text) for text in encoded.dictionary.to_pylist()], pa.int64())
    return values.take(encoded.indices)


def _long(text: str) -> int | None:
    text = text.strip()
    try:
        value = int(text, 16) if text[:2].lower() == "0x" else _whole(text)
    except (ValueError, OverflowError):
        return None
    return value if value is not None and -(1 << 63) <= value < 1 << 63 else None


def _whole(text: str) -> int | None:
    if len(text) > 40 or "_" in text:  # noqa: PLR2004 - longer than any 64-bit number
        return None
    try:
        return int(text)
    except ValueError:
        value = float(text)
        return int(value) if value.is_integer() else None


def _booleans(column: pa.Array) -> pa.Array:
    low = pc.utf8_lower(column)
    true, false = pc.is_in(low, pa.array(["true", "1", "yes"])), pc.is_in(low, pa.array(["false", "0", "no"]))
    return pc.if_else(true, pa.scalar(True), pc.if_else(false, pa.scalar(False), pa.scalar(None, pa.bool_())))


def _dates(column: pa.Array) -> pa.Array:
    times = parse_times(column)
    return pa.array(times, pa.int64(), mask=times == ABSENT).cast(ARROW[Kind.DATE])


@lru_cache(maxsize=_CACHE)
def _address(text: str) -> str | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


_CONVERT: Final[dict[Kind, Callable[[pa.Array], pa.Array]]] = {
    Kind.LONG: _longs,
    Kind.BOOLEAN: _booleans,
    Kind.DATE: _dates,
    Kind.IP: lambda column: map_unique(column, _address),
}


_PATH_OF: Final = {"process.name": "process.executable", "process.parent.name": "process.parent.executable"}
_NAMELESS: Final = r"^[^\pL\pN]*\*[^\pL\pN]*(\.[\pL\pN]{1,4})?$"
"""A name of which masking left nothing: ``*.exe``, ``{*}.exe``."""


def _placed(names: pa.Array, paths: pa.Array) -> pa.Array:
    """Names; one that was random from end to end is known by its place, lest all such programs be one."""
    nameless = pc.fill_null(pc.match_substring_regex(names, _NAMELESS), False)
    if not pc.any(nameless).as_py():
        return names
    rows = pc.indices_nonzero(nameless)
    places = pc.coalesce(map_unique(paths.take(rows), normal_form("process.executable")), names.take(rows))
    return pc.replace_with_mask(names, nameless, places)


def _twins_and_codes(columns: dict[str, pa.Array]) -> None:
    """Normal forms of the hot fields and their codes, once for each distinct value."""
    for name in _FORMS:
        encoded = columns[name].dictionary_encode()
        form = _FORMS[name]
        forms = pa.array([form(value) for value in encoded.dictionary.to_pylist()], pa.string())
        if name in _PATH_OF:
            encoded = _placed(forms.take(encoded.indices), columns[_PATH_OF[name]]).dictionary_encode()
            forms = encoded.dictionary
        if name in NORMAL:
            columns[NORMAL[name]] = forms.take(encoded.indices)
        if name in CODED:
            codes = pa.array(text_codes(forms), pa.int64()).take(encoded.indices)
            columns[CODED[name]] = pc.fill_null(codes, 0)
    columns[ID_CODE] = pa.array(text_codes(columns[ID]), pa.int64())
