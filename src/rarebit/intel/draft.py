"""Entries of a list on their way in: checked one by one, kept as columns, refused ones counted by reason."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pyarrow as pa

from rarebit.core.errors import InputError
from rarebit.core.indicator import Kind, Worth
from rarebit.core.report import Skipped
from rarebit.intel.values import BadValueError, clean

MOST_ENTRIES: Final = 5_000_000
MOST_BYTES: Final = 1 << 30
EVER: Final = 1 << 60
"""Of an end that is not given."""
DEFAULT_CONFIDENCE: Final = 50.0
_LONGEST_LABEL: Final = 200
_EARLIEST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_000_000

SCHEMA: Final = pa.schema(
    [
        ("kind", pa.string()), ("value", pa.string()), ("worth", pa.string()), ("confidence", pa.float64()),
        ("valid_from_us", pa.int64()), ("valid_until_us", pa.int64()), ("tlp", pa.string()), ("label", pa.string()),
        ("reference", pa.string()),
    ]
)  # fmt: skip
"""What a reader gives of each entry; times are 0 and :data:`EVER` where the list gives none."""


class Draft:
    """Gathers the entries of one or several files.

    Parameters
    ----------
    worth : Worth
        What the files say of their values, where an entry does not say it itself.
    """

    def __init__(self, worth: Worth = Worth.BAD) -> None:
        self.worth = worth
        self.read = 0
        """Entries seen, good and bad."""
        self.formats: Counter[str] = Counter()
        self._columns: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
        self._refused: Counter[str] = Counter()
        self._where: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._columns["value"])

    def add(
        self,
        kind: Kind,
        text: str,
        *,
        where: str,
        worth: Worth | None = None,
        confidence: float | None = None,
        valid_from_us: int | None = None,
        valid_until_us: int | None = None,
        tlp: str = "",
        label: str = "",
        reference: str = "",
    ) -> None:
        """Take in an entry; one that cannot be an indicator costs itself only.

        Raises
        ------
        InputError
            If there are more than :data:`MOST_ENTRIES`.
        """
        self.count(where)
        worth = worth or self.worth
        try:
            kind, value = clean(kind, text, bad=worth is Worth.BAD)
        except BadValueError as error:
            self.refuse(str(error), where)
            return
        given = DEFAULT_CONFIDENCE if confidence is None or confidence != confidence else confidence  # noqa: PLR0124
        row = (
            kind.value, value, worth.value, min(max(float(given), 0.0), 100.0),
            min(max(valid_from_us or 0, _EARLIEST_US), _LATEST_US),
            EVER if valid_until_us is None else min(max(valid_until_us, _EARLIEST_US), _LATEST_US),
            tlp.lower()[:20], label[:_LONGEST_LABEL], reference[:_LONGEST_LABEL],
        )  # fmt: skip
        for column, cell in zip(self._columns.values(), row, strict=True):
            column.append(cell)

    def count(self, where: str) -> None:
        """Count an entry that was seen."""
        self.read += 1
        if self.read > MOST_ENTRIES:
            raise InputError(f"more than {MOST_ENTRIES:,} entries", where=where, hint="Import it in parts.")

    def refuse(self, reason: str, where: str) -> None:
        """Count an entry that was left out."""
        self._refused[reason] += 1
        self._where.setdefault(reason, where)

    def skip(self, reason: str, where: str) -> None:
        """Count an entry that was seen and left out."""
        self.count(where)
        self.refuse(reason, where)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was left out, by reason, the most frequent first."""
        return tuple(
            Skipped(reason=reason, count=count, where=self._where[reason])
            for reason, count in sorted(self._refused.items(), key=lambda item: (-item[1], item[0]))
        )

    def table(self) -> pa.Table:
        """The entries taken in (:data:`SCHEMA`)."""
        return pa.table(self._columns, schema=SCHEMA)
