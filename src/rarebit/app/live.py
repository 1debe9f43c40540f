"""Live running: one worker that takes in what has come and runs everything over it, by the same code as a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

import msgspec

from rarebit.app.feeds import finish_feeds, waiting_feeds
from rarebit.app.home import Home
from rarebit.app.jobs import default_jobs
from rarebit.app.run import RunOptions, RunSummary, run
from rarebit.app.spool import BOUND, Spool
from rarebit.app.watch import STILL_SECONDS, Taken, Watch
from rarebit.core.errors import BusyError, RarebitError
from rarebit.source.read import Piece

EVERY_SECONDS: Final = 10.0
EVENTS: Final = 50_000
"""Events in the spool after which the worker does not wait for its time."""
_PATIENCE_SECONDS: Final = 30.0
_log = logging.getLogger("rarebit.live")


class LiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a server runs."""

    watch: tuple[Path, ...] = ()
    every_seconds: float = EVERY_SECONDS
    still_seconds: float = STILL_SECONDS
    spool_bytes: int = BOUND
    options: RunOptions = RunOptions(live=True)


class LiveStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the worker stands."""

    running: bool
    cycles: int
    events: int
    """New events taken in since the start."""
    last_seconds: float
    """What the last run took."""
    trouble: str
    """Why the last run failed; empty where it did not. What had come is kept, and tried again."""
    spool_bytes: int
    spool_bound: int
    files_with_trouble: dict[str, str]
    """Files and directories that could not be looked at, and why."""


class _StoppedError(Exception):
    """The worker is to stop; what is not committed is done again by the next one."""


class Live:
    """The worker of one installation; a thread after :meth:`start`, or one turn at a time by :meth:`turn`.

    Parameters
    ----------
    path : Path
        The home.
    settings : LiveSettings

    Raises
    ------
    StateError, InputError
        If what waits cannot be read, or a directory to watch is not there.
    """

    def __init__(self, path: Path, settings: LiveSettings | None = None) -> None:
        self._path = path
        self.settings = settings or LiveSettings()
        self._watch = Watch(self.settings.watch, still_seconds=self.settings.still_seconds)
        self.spool = Spool(path / "spool", bound=self.settings.spool_bytes)
        self._turning = Lock()
        self._wake, self._stop = Event(), Event()
        self._thread: Thread | None = None
        self._cycles = self._events = 0
        self._seconds, self._trouble = 0.0, ""

    def add(self, source: str, lines: Sequence[bytes]) -> None:
        """Keep lines of NDJSON until the worker takes them; safe on disk when this returns.

        Raises
        ------
        BusyError, StateError
            See :meth:`rarebit.app.spool.Spool.add`.
        """
        self.spool.add(source, lines)
        if self.spool.lines >= EVENTS:
            self.wake()

    def wake(self) -> None:
        """Let the worker look now."""
        self._wake.set()

    def start(self) -> None:
        """Begin to work in a thread."""
        self._thread = Thread(target=self._work, name="live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop at the next step; what is unfinished is done by the next process."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def standing(self) -> LiveStanding:
        """How it stands now."""
        return LiveStanding(
            running=self._thread is not None and self._thread.is_alive(),
            cycles=self._cycles,
            events=self._events,
            last_seconds=round(self._seconds, 3),
            trouble=self._trouble,
            spool_bytes=self.spool.bytes,
            spool_bound=self.spool.bound,
            files_with_trouble=dict(self._watch.troubles),
        )

    @contextmanager
    def between_turns(self) -> Iterator[None]:
        """Keep the worker from running, to change what jobs have learnt.

        Raises
        ------
        BusyError
            If it does not come to an end soon.
        """
        if not self._turning.acquire(timeout=_PATIENCE_SECONDS):
            raise BusyError("jobs are running just now", hint="Try again in some seconds.")
        try:
            yield
        finally:
            self._turning.release()

    def turn(self) -> RunSummary | None:
        """Take in what is new and run everything over it; None where there is nothing.

        Raises
        ------
        RarebitError
            If it could not be done; nothing is lost then.
        """
        with self._turning:
            home = Home(self._path)
            try:
                return self._turn(home)
            finally:
                home.lake.close()
                home.close()

    def _turn(self, home: Home) -> RunSummary | None:
        sealed, taken = self.spool.seal(), self._watch.look(home)
        if not sealed and not taken and not _behind(home):
            finish_feeds(home)
            return None
        started = time.monotonic()
        pieces: list[Path | Piece] = [*sealed, *(each.piece for each in taken)]
        summary = run(
            home, pieces, self.settings.options, progress=self._go_on, taken_in=self._safe(home, sealed, taken)
        )
        finish_feeds(home)
        self._seconds, self._events = time.monotonic() - started, self._events + summary.events_new
        return summary

    def _safe(self, home: Home, sealed: Sequence[Piece], taken: Sequence[Taken]) -> Callable[[], None]:
        def taken_in() -> None:
            home.store.live.watched.put([each.after for each in taken])
            self.spool.remove(sealed)

        return taken_in

    def _go_on(self, _stage: str, _done: int, _total: int) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.turn()
            except _StoppedError:
                return
            except RarebitError as error:
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 told, and tried again: events keep coming
                _log.exception("a run failed")
                self._failed(f"{type(error).__name__}: {error}")
            else:
                self._trouble = ""
            self._cycles += 1
            self._wake.wait(self.settings.every_seconds)

    def _failed(self, why: str) -> None:
        if why != self._trouble:
            _log.error("a run failed, and is tried again: %s", why)
        self._trouble = why


def _behind(home: Home) -> bool:
    """Whether a job has not read all that the lake holds."""
    if home.lake.version() < 0:
        return False
    if waiting_feeds(home):
        return True
    positions = {position.job_id: position for position in home.store.list_positions()}
    stands = [positions.get(job.job_id) for job in default_jobs(home)]
    return any(each is None or home.lake.has_since(each.lake_version) for each in stands)
