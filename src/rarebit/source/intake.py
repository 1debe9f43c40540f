"""What every format shares while one file is read: settings, tally, builder and the step to events."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rarebit.core.errors import InputError
from rarebit.source.cells import CellBuilder, Cells
from rarebit.source.normalise import KNOWN, to_events
from rarebit.source.settings import ReadSettings
from rarebit.source.shapes import reshape
from rarebit.source.stream import LineBlock
from rarebit.source.tally import Tally

Batches = list[pa.RecordBatch]


class Intake:
    """Takes records or cells of one file and gives batches of events.

    Parameters
    ----------
    source : str
        Name kept in ``rarebit.source``.
    settings : ReadSettings
    tally : Tally
        Gets every record that is left out.
    """

    def __init__(self, source: str, settings: ReadSettings, tally: Tally) -> None:
        self.source = source
        self.settings = settings
        self.tally = tally
        self._latest = settings.latest()
        self._builder = CellBuilder(KNOWN, settings.max_depth)

    def part(self) -> Intake:
        """An intake for one block of the file, to be filled by another thread."""
        return Intake(self.source, self.settings, self.tally.part())

    def add(self, record: object, raw: bytes, where: str) -> bool:
        """Count and keep one parsed record; False if it was not kept but tallied."""
        self.tally.read += 1
        if type(record) is not dict:
            self.tally.skip("not a JSON object", where, raw)
            return False
        fields: dict[str, Any] = record
        if self.settings.mapping:
            names = self.settings.mapping
            fields = {names.get(key, key): value for key, value in fields.items()}
        try:
            self._builder.add(reshape(fields), raw, where)
        except InputError as error:
            self.tally.skip(error.what, where, raw)
        except (TypeError, AttributeError, RecursionError) as error:
            self.tally.skip(f"cannot be laid out in columns: {error}", where, raw)
        else:
            return True
        return False

    def too_long(self, block: LineBlock) -> None:
        """Tally a line that is too long."""
        self.tally.read += 1
        reason = f"line longer than {self.settings.max_line_bytes} bytes"
        self.tally.skip(reason, f"line {block.number}", block.data.tobytes())

    def full(self) -> bool:
        """Whether a batch is ready."""
        return len(self._builder) >= self.settings.batch_rows

    def take(self) -> Cells:
        """The records kept so far, as cells."""
        return self._builder.finish()

    def flush(self) -> Batches:
        """Events of the records kept so far; no batch where there are none."""
        return self.events(self._builder.finish()) if len(self._builder) else []

    def events(self, cells: Cells) -> Batches:
        """Events of ready cells."""
        batch = to_events(
            cells,
            source=self.source,
            earliest_us=self.settings.earliest_us,
            latest_us=self._latest,
            tally=self.tally,
        )
        return [batch] if batch.num_rows else []
