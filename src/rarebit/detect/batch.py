"""One table of the scan, made ready for jobs: each part once, when a job first asks for it, and for rows of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.detect.engine import INFORMATION, LATITUDE, LONGITUDE
from rarebit.detect.place_texts import places_of
from rarebit.detect.text_codes import Texts

Ints = NDArray[np.int64]
Numbers = NDArray[Any]
TIME_COLUMN, ID_COLUMN = "time", "id"
FIELD, NUMBER, TEXT, PLACE, JOB = "field:", "number:", "text:", "place:", "job:"
"""Before the name of a field, or the number of a condition, in the columns of a scan."""
_MOST = 0.7
"""Where jobs ask for the texts of up to this share of the rows, only these are brought to normal form."""


class Batch:
    """Columns of a table by the rows that meet a condition.

    Jobs of one condition share what is taken; nobody may change it.

    Parameters
    ----------
    table : Table
        As a scan gives it.
    asking : mapping of str to sequence of int
        Numbers of the conditions whose jobs ask for a column, by the names of :meth:`take`.
    """

    def __init__(self, table: pa.Table, asking: Mapping[str, Sequence[int]]) -> None:
        self._table = table
        self._asking = asking
        self._rows: dict[int, Ints | None] = {}
        self._made: dict[str, Numbers] = {}
        self._taken: dict[tuple[str, int], Numbers] = {}

    @property
    def last_us(self) -> int:
        """Time of the last row."""
        return int(self._table.column(TIME_COLUMN)[-1].as_py())

    def rows(self, condition: int) -> Ints | None:
        """Rows that meet a condition (int64[n]); None for all of them."""
        if condition not in self._rows:
            name = f"{JOB}{condition}"
            met = np.flatnonzero(self._table.column(name).to_numpy()) if name in self._table.column_names else None
            self._rows[condition] = None if met is None or met.size == self._table.num_rows else met
        return self._rows[condition]

    def is_empty(self, condition: int) -> bool:
        """Whether no row meets a condition."""
        rows = self.rows(condition)
        return rows is not None and rows.size == 0

    def take(self, name: str, condition: int) -> Numbers:
        """A column at the rows that meet a condition: times, ids, codes of fields, numbers.

        ``name`` is that of the column in the scan; information and places have names of
        :mod:`rarebit.detect.engine`.
        """
        key = name, condition
        if key not in self._taken:
            whole, rows = self._whole(name), self.rows(condition)
            self._taken[key] = whole if rows is None else whole[rows]
        return self._taken[key]

    def _whole(self, name: str) -> Numbers:
        if name not in self._made:
            self._make(name)
        return self._made[name]

    def _make(self, name: str) -> None:
        """Make a column ready, and what comes with it."""
        field = name.removeprefix(LATITUDE).removeprefix(LONGITUDE)
        if name.startswith(INFORMATION):
            self._make_texts(name.removeprefix(INFORMATION))
        elif field != name:
            self._made[LATITUDE + field], self._made[LONGITUDE + field] = places_of(self._table.column(PLACE + field))
        elif name.startswith(NUMBER):
            numbers = np.ascontiguousarray(self._table.column(name).to_numpy(), np.float64)
            self._made[name] = np.where(np.isfinite(numbers), numbers, np.nan)
        elif self._is_text(name):
            self._make_texts(name.removeprefix(FIELD))
        else:
            whole = self._table.column(name).cast(pa.int64())
            self._made[name] = np.ascontiguousarray(pc.fill_null(whole, 0).to_numpy(), np.int64)

    def _is_text(self, name: str) -> bool:
        if name not in self._table.column_names:
            return False
        kind = self._table.column(name).type
        return not pa.types.is_integer(kind) and not pa.types.is_boolean(kind)

    def _make_texts(self, field: str) -> None:
        """Codes of a field's texts, and how much they tell, as far as jobs ask for it."""
        code, tells = FIELD + field, INFORMATION + field
        is_text = self._is_text(code)
        wanted = [name for name in ((code, tells) if is_text else (tells,)) if name in self._asking]
        column = self._table.column(code if is_text else TEXT + field)
        rows = self._asked_rows(wanted)
        texts = Texts(field, column if rows is None else column.take(pa.array(rows)))
        for name in wanted:
            found: Numbers = texts.information() if name == tells else texts.codes()
            self._made[name] = found
            if rows is not None:
                self._made[name] = np.zeros(self._table.num_rows, found.dtype)
                self._made[name][rows] = found

    def _asked_rows(self, names: Sequence[str]) -> Ints | None:
        """Rows of the jobs that ask for any of these columns; None for all, or for most."""
        asked = np.zeros(self._table.num_rows, np.bool_)
        for condition in {each for name in names for each in self._asking[name]}:
            rows = self.rows(condition)
            if rows is None:
                return None
            asked[rows] = True
        found = np.flatnonzero(asked)
        return found if found.size <= _MOST * asked.size else None
