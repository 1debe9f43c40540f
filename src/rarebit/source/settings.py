"""What a reader may be told: mapping, quarantine and limits."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import msgspec

from rarebit.core.time import DAY_US

_MEBI: Final = 1 << 20
EARLIEST_US: Final = 631_152_000_000_000
"""1990-01-01: no event log is older."""


class ReadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How files are read."""

    mapping: dict[str, str] = {}
    """Column of a CSV file or top-level name of a JSON record, and the ECS field it fills."""
    quarantine: Path | None = None
    """NDJSON file that gets every bad record: file, where, reason, raw (at most 64 KiB)."""
    max_line_bytes: int = 16 * _MEBI
    max_depth: int = 64
    batch_rows: int = 65_536
    block_bytes: int = 32 * _MEBI
    """Text is read in blocks of about this size."""
    threads: int = 0
    """Blocks of NDJSON read at a time; 0 means one for each processor, at most 8."""
    earliest_us: int = EARLIEST_US
    latest_us: int | None = None
    """Times after this are absurd; None means two days after now."""

    def workers(self) -> int:
        """How many threads read."""
        return self.threads or min(8, os.cpu_count() or 1)

    def latest(self) -> int:
        """The latest time that is believed, microseconds since 1970."""
        return int(time.time() * 1e6) + 2 * DAY_US if self.latest_us is None else self.latest_us
