"""The files of the first-seen memory: one small list, replaced at once, of the segments that make it up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from rarebit.core.disk import replacing
from rarebit.core.errors import StateError
from rarebit.core.time import DAY_US
from rarebit.lake.sighting_files import Segment, SegmentReader, merge
from rarebit.lake.sightings import Sightings, aged
from rarebit.lake.traits import DEFAULT

_STATE: Final = 1
_GROWTH: Final = 4
"""A segment is merged with the one before it until each is so much larger than the next."""
_AGEING_US: Final = 30 * DAY_US
"""What is past remembering is taken off the disk this often; no answer tells of it meanwhile."""
_UNUSED_S: Final = 600.0
"""Files that the list no longer names stay so long for readers that began before."""
_FILLED: Final = 0.8
"""Share of the allowed size that eviction leaves."""


class Kept(msgspec.Struct, frozen=True):
    """A trait in the memory."""

    fields: tuple[str, ...]
    version: int = -1
    """The version of the lake up to which its values have been taken in."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What makes up the memory at one moment."""

    state: int = _STATE
    lake: str = ""
    """Which lake it is of."""
    traits: tuple[Kept, ...] = tuple(Kept(trait.fields) for trait in DEFAULT)
    """A trait's number is its place."""
    segments: tuple[Segment, ...] = ()
    newest_us: int = 0
    """From here the memory counts back how long it keeps a value."""
    aged_us: int = 0
    forgotten: int = 0
    evicted: int = 0


class MemoryFiles:
    """Reads and replaces the list, merges segments.

    Parameters
    ----------
    path : Path
        Directory of the memory.
    keep_us : int
        How long a value is remembered after it was last seen.
    most_bytes : int
        Size on disk beyond which those seen longest ago are evicted.
    """

    def __init__(self, path: Path, *, keep_us: int, most_bytes: int) -> None:
        self.path = path
        self._keep_us = keep_us
        self._most_bytes = most_bytes
        self._readers: dict[str, SegmentReader] = {}

    def read(self) -> Contents:
        """The newest list; without one, an empty memory of the default traits.

        Raises
        ------
        StateError
            If it is damaged or of another version.
        """
        path = self.path / "memory.json"
        hint = "Run: rarebit event seen --rebuild"
        try:
            held = msgspec.json.decode(path.read_bytes(), type=Contents)
        except FileNotFoundError:
            return Contents()
        except (OSError, msgspec.DecodeError) as error:
            raise StateError(f"the first-seen memory is damaged: {error}", where=str(path), hint=hint) from error
        if held.state != _STATE:
            told = f"the first-seen memory is of version {held.state}, this is version {_STATE}"
            raise StateError(told, where=str(path), hint=hint)
        return held

    def commit(self, held: Contents) -> None:
        """Replace the list at once, then remove files that no reader can still need."""
        path = self.path / "memory.json"
        try:
            with replacing(path) as draft:
                draft.write_bytes(msgspec.json.encode(held))
        except OSError as error:
            raise StateError(
                f"the first-seen memory cannot be written: {error}",
                where=str(path),
                hint="Free disk space or make the directory writable; what was remembered before is kept.",
            ) from error
        used = {segment.name for segment in held.segments}
        self._readers = {name: reader for name, reader in self._readers.items() if name in used}
        for file in self.path.glob("*.parquet"):
            if file.name.split(".")[0] not in used and time.time() - file.stat().st_mtime > _UNUSED_S:
                file.unlink(missing_ok=True)

    def reader(self, segment: Segment) -> SegmentReader:
        """The segment, opened once."""
        return self._readers.setdefault(segment.name, SegmentReader(self.path, segment))

    def close(self) -> None:
        """Let go of open files."""
        self._readers = {}

    def living(self, held: Contents, rows: Sightings) -> Sightings:
        """Rows (as :func:`reduced` gives them, all of each value) without what is past remembering."""
        return aged(rows, held.newest_us - self._keep_us)[0]

    def tidied(self, held: Contents) -> Contents:
        """Merge segments of like size; let go of what is past remembering or beyond the size."""
        horizon = held.newest_us - self._keep_us
        if sum(segment.size for segment in held.segments) > self._most_bytes or horizon >= held.aged_us + _AGEING_US:
            return self._let_go(held, horizon)
        segments = sorted(held.segments, key=lambda segment: -segment.rows)
        while len(segments) > 1 and segments[-2].rows < _GROWTH * segments[-1].rows:
            few = [segments.pop(), segments.pop()]
            while segments and segments[-1].rows < _GROWTH * sum(segment.rows for segment in few):
                few.append(segments.pop())
            segments.append(self._merged(few, len(held.traits)))
        return msgspec.structs.replace(held, segments=tuple(segments))

    def _let_go(self, held: Contents, horizon: int) -> Contents:
        gone = 0

        def drop(rows: Sightings, before_us: int) -> Sightings:
            nonlocal gone
            left, lost = aged(rows, before_us)
            gone += lost
            return left

        traits = len(held.traits)
        merged = self._merged(held.segments, traits, partial(drop, before_us=horizon))
        forgotten, gone = gone, 0
        while merged.size > self._most_bytes and merged.rows > 1:
            before = self._oldest(merged, 1.0 - _FILLED * self._most_bytes / merged.size)
            smaller = self._merged([merged], traits, partial(drop, before_us=before))
            if smaller.rows == merged.rows:
                break
            merged = smaller
        return msgspec.structs.replace(
            held, segments=(merged,), aged_us=max(horizon, held.aged_us),
            forgotten=held.forgotten + forgotten, evicted=held.evicted + gone,
        )  # fmt: skip

    def _oldest(self, segment: Segment, share: float) -> int:
        """Time before which the given share of the rows was last seen."""
        last = self.reader(segment).last_seen()
        at = min(last.size - 1, int(share * last.size))
        return int(np.partition(last, at)[at]) + 1

    def _merged(
        self, segments: Sequence[Segment], traits: int, age: Callable[[Sightings], Sightings] | None = None
    ) -> Segment:
        return merge(self.path, [self.reader(segment) for segment in segments], range(traits), age)
