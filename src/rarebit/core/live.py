"""What is noted of events that come in live: sources, files watched, datafeeds switched on and off."""

from __future__ import annotations

import msgspec


class SourceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How one source of live events stands: a watched directory, or whoever sends with one key."""

    id: str
    events: int = 0
    """Events taken in, those the lake had already among them."""
    watermark_us: int | None = None
    """Time of its newest event."""
    arrived_us: int | None = None
    """When events last came in, by the clock of this machine."""
    late_events: int = 0
    """Events more than ten minutes older than its newest one when they came."""
    latest_us: int = 0
    """The most that one was older."""


class WatchedFile(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file of a watched directory has been read."""

    id: str
    """Its path."""
    position: int
    """Bytes taken in, from the start."""
    size: int
    """Bytes it had then."""
    modified_ns: int
    inode: int
    head: str = ""
    """Hash of its first bytes, by which a file that took its place is told from it."""
    head_bytes: int = 0


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """How a job stands that runs only while it is open and its datafeed is started."""

    id: str
    """Of the job."""
    datafeed_id: str = ""
    """Empty while it has none."""
    opened: bool = False
    started: bool = False
    start_us: int | None = None
    """Events before this are not read."""
    end_us: int | None = None
    """Events from here on are not read, and the job is closed when what is before has been."""
    ran: bool = False
    """Whether it has run since it was made or reset."""
