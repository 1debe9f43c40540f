"""Cells: a batch of records as text columns, before types and names are settled.

Every reader ends here, so that one normalisation serves them all. A column holds text or null; a column of
kind LIST holds its elements with :data:`BREAK` between them. What has no column stays in ``rest``, one JSON
object a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.errors import InputError
from rarebit.core.fields import Kind

BREAK: Final = "\x1f"
"""Stands between the elements of a list cell."""

Raw = Callable[[int], bytes]
"""Gives the raw bytes of a row."""


class Spans(NamedTuple):
    """Raw records as spans of one buffer."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def raw(self, row: int) -> bytes:
        """Bytes of one record."""
        return self.data[self.starts[row] : self.ends[row]].tobytes()


class Cells:
    """One batch of records as text columns.

    Parameters
    ----------
    columns : dict of string arrays
        Columns by field name, all of the same length; a field that is absent has no entry.
    rest : string array
        One JSON object a row of the values without a column by dotted name; null where there are none.
    raw : function
        Raw bytes of a row, for ids and the quarantine.
    where : function
        Place of a row, for reports.
    spans : Spans, optional
        The raw bytes again, where they lie in one buffer.
    """

    def __init__(
        self,
        count: int,
        columns: dict[str, pa.Array],
        rest: pa.Array,
        raw: Raw,
        where: Callable[[int], str],
        spans: Spans | None = None,
    ) -> None:
        self.count = count
        self.columns = columns
        self.rest = rest
        self.raw = raw
        self.where = where
        self.spans = spans
        self._members: list[pa.Array] = []

    def get(self, name: str) -> pa.Array:
        """A column, all null where the field is absent."""
        column = self.columns.get(name)
        return pa.nulls(self.count, pa.string()) if column is None else column

    def has(self, name: str) -> bool:
        """Whether any row has the field."""
        return name in self.columns

    def set(self, name: str, column: pa.Array) -> None:
        """Put a column, or drop it where it is all null."""
        if column.null_count == len(column):
            self.columns.pop(name, None)
        else:
            self.columns[name] = column

    def fill(self, name: str, column: pa.Array) -> None:
        """Fill the nulls of a column from another."""
        self.set(name, pc.coalesce(self.columns[name], column) if name in self.columns else column)

    def to_rest(self, name: str, column: pa.Array) -> None:
        """Add the non-null values of a text column to ``rest`` under a name."""
        if column.null_count == len(column):
            return
        encoded = column.dictionary_encode()
        dumped = [orjson.dumps(value).decode() for value in encoded.dictionary.to_pylist()]
        values = pa.array(dumped, pa.string()).take(encoded.indices)
        key = pa.scalar("," + orjson.dumps(name).decode() + ":")
        self._members.append(pc.fill_null(pc.binary_join_element_wise(key, values, ""), ""))

    def whole_rest(self) -> pa.Array:
        """``rest`` with all that was added to it, put together once."""
        if not self._members:
            return self.rest
        inner = pc.binary_join_element_wise(",", pc.utf8_slice_codeunits(self.rest, 1, stop=-1), "")
        joined = pc.binary_join_element_wise(pc.fill_null(inner, ""), *self._members, "")
        closed = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 1), "}", "")
        return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), closed)


class CellBuilder:
    """Turns parsed records into :class:`Cells`, one at a time: the careful way in.

    Parameters
    ----------
    known : dict of Kind
        Fields that get a column; all others go to ``rest``.
    max_depth : int
        Deepest nesting of objects and arrays that is read.
    """

    def __init__(self, known: dict[str, Kind], max_depth: int = 64) -> None:
        self._known = known
        self._max_depth = max_depth
        self._cells: dict[str, tuple[list[int], list[str]]] = {name: ([], []) for name in known}
        self._rest: list[bytes | None] = []
        self._raw: list[bytes] = []
        self._where: list[str] = []

    def __len__(self) -> int:
        return len(self._rest)

    def add(self, record: dict[str, Any], raw: bytes, where: str) -> None:
        """Add one record.

        Raises
        ------
        InputError
            If it is nested too deeply; nothing of it is kept then.
        """
        row = len(self._rest)
        rest: dict[str, Any] = {}
        try:
            self._put(row, "", record, rest, 1)
            dumped = orjson.dumps(rest) if rest else None
        except InputError:
            self._forget(row)
            raise
        self._rest.append(dumped)
        self._raw.append(raw)
        self._where.append(where)

    def finish(self) -> Cells:
        """The records added so far as cells; the builder is empty afterwards."""
        count = len(self._rest)
        columns = {name: _column(rows, values, count) for name, (rows, values) in self._cells.items() if rows}
        rest = pa.array(self._rest, pa.binary()).cast(pa.string())
        raw, where = self._raw, self._where
        cells = Cells(count, columns, rest, raw.__getitem__, where.__getitem__)
        self.__init__(self._known, self._max_depth)  # type: ignore[misc]
        return cells

    def _put(self, row: int, prefix: str, record: dict[str, Any], rest: dict[str, Any], depth: int) -> None:
        if depth > self._max_depth:
            raise InputError(f"nested deeper than {self._max_depth}")
        for key, value in record.items():
            if value is None or value == "":
                continue
            name = prefix + key
            if type(value) is dict:
                self._put(row, name + ".", value, rest, depth + 1)
                continue
            cell = self._cells.get(name)
            if cell is None:
                if type(value) is list:
                    _check_depth(value, self._max_depth - depth)
                rest[name] = value
            elif type(value) is str and self._known[name] not in (Kind.SET, Kind.LIST):
                self._put_text(cell, row, name, value, rest)
            else:
                self._put_other(cell, row, name, value, rest, depth)

    def _put_text(
        self, cell: tuple[list[int], list[str]], row: int, name: str, text: str, rest: dict[str, Any]
    ) -> None:
        rows, values = cell
        if rows and rows[-1] == row:
            if values[-1] != text:
                rest[name] = text
            return
        rows.append(row)
        values.append(text)

    def _put_other(
        self, cell: tuple[list[int], list[str]], row: int, name: str, value: object, rest: dict[str, Any], depth: int
    ) -> None:
        kind = self._known[name]
        items = value if type(value) is list else [value]
        texts = [scalar_text(item) for item in items if type(item) not in (dict, list) and item is not None]
        texts = [text for text in texts if text]
        if len(texts) < len(items) or (len(texts) > 1 and kind not in (Kind.SET, Kind.LIST)):
            _check_depth(items, self._max_depth - depth)
            if any(item is not None and item != "" for item in items):
                rest[name] = value
        if not texts:
            return
        if kind is Kind.LIST:
            if any(BREAK in text for text in texts):
                rest[name] = value
            text = BREAK.join(text.replace(BREAK, " ") for text in texts)
        elif kind is Kind.SET:
            text = ",".join(sorted({word for text in texts for word in text.split(",") if word}))
        else:
            text = texts[0]
        if text:
            self._put_text(cell, row, name, text, rest)

    def _forget(self, row: int) -> None:
        for rows, values in self._cells.values():
            while rows and rows[-1] == row:
                rows.pop()
                values.pop()


def scalar_text(value: object) -> str:
    """Text of a JSON scalar as it stands in a text column."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int:
        return str(value)
    return orjson.dumps(value, default=str).decode().strip('"')


def _check_depth(value: object, left: int) -> None:
    if left < 0:
        raise InputError("nested too deeply")
    if type(value) is list:
        for item in value:
            if type(item) in (list, dict):
                _check_depth(item, left - 1)
    elif type(value) is dict:
        for item in value.values():
            if type(item) in (list, dict):
                _check_depth(item, left - 1)


def _column(rows: list[int], values: list[str], count: int) -> pa.Array:
    column = pa.array(values, pa.string())
    if len(rows) == count:
        return column
    at: NDArray[np.int64] = np.full(count, -1, np.int64)
    at[rows] = np.arange(len(rows))
    return column.take(pa.array(at, pa.int64(), mask=at < 0))
