"""Jobs switched as Elastic does: opened and closed, their datafeed started and stopped."""

from __future__ import annotations

import msgspec

from rarebit.app.accounts import now_us
from rarebit.app.home import Home
from rarebit.app.model_snapshots import stand_on
from rarebit.core.errors import ConflictError, InputError, NotFoundError
from rarebit.core.live import Feed
from rarebit.core.time import iso


def switched_never(job_id: str) -> Feed:
    """How a job stands that nobody switches: it runs in every run."""
    return Feed(id=job_id, opened=True, started=True, ran=True)


def feed_of(home: Home, job_id: str) -> Feed:
    """How a job is switched; those that never were run always."""
    return home.store.live.feeds.find(job_id) or switched_never(job_id)


def running(home: Home, job_ids: list[str]) -> set[str]:
    """Those of the jobs that are not switched off."""
    held = {feed.id: feed for feed in home.store.live.feeds.list()}
    return {job_id for job_id in job_ids if job_id not in held or (held[job_id].opened and held[job_id].started)}


def span_of(home: Home, job_id: str) -> tuple[int | None, int | None]:
    """The stretch ``[start, end)`` of events that a job reads, microseconds since 1970; None is unbounded."""
    feed = home.store.live.feeds.find(job_id)
    return (None, None) if feed is None else (feed.start_us, feed.end_us)


def switch_job(home: Home, job_id: str, *, opened: bool, actor: str, force: bool = False) -> Feed:
    """Open or close a job; doing so twice changes nothing.

    Raises
    ------
    ConflictError
        If it is to be closed while its datafeed is started, unless ``force``: that stops the datafeed too.
    """
    held = feed_of(home, job_id)
    if not opened and held.started and not force and home.store.live.feeds.find(job_id) is not None:
        raise ConflictError(f"cannot close job [{job_id}] while its datafeed [{held.datafeed_id}] is started")
    made = msgspec.structs.replace(held, opened=opened, started=held.started and opened)
    return _put(home, held, made, "job open" if opened else "job close", actor)


def start_feed(home: Home, job_id: str, *, start_us: int | None, end_us: int | None, actor: str) -> Feed:
    """Start the datafeed of a job that is open; it is run over the events of a stretch, or on and on.

    A job that was given an end and is started again learns anew from its start, so that the results are those of one
    that had never stopped; nothing is told twice.

    Raises
    ------
    NotFoundError, ConflictError, InputError
        If it has no datafeed, is closed or started already, or the end does not come after the start.
    """
    held = feed_of(home, job_id)
    if not held.datafeed_id:
        raise NotFoundError(f"No datafeed for job [{job_id}] exists")
    if held.started:
        raise ConflictError(f"cannot start datafeed [{held.datafeed_id}] because it has already been started")
    if not held.opened:
        raise ConflictError(f"cannot start datafeed [{held.datafeed_id}] because job [{job_id}] is not open")
    start = start_us if held.start_us is None and not held.ran else held.start_us
    if end_us is not None and start is not None and end_us <= start:
        raise InputError("the end of a datafeed must come after its start")
    with home.store.transaction():
        if held.end_us is not None:
            stand_on(home, job_id, None)
        made = msgspec.structs.replace(held, started=True, start_us=start, end_us=end_us, ran=False)
        return _put(home, held, made, "datafeed start", actor)


def stop_feed(home: Home, job_id: str, *, close_job: bool = False, actor: str) -> Feed:
    """Stop the datafeed of a job; it goes on from there when it is started again."""
    held = feed_of(home, job_id)
    made = msgspec.structs.replace(held, started=False, opened=held.opened and not close_job)
    return _put(home, held, made, "datafeed stop", actor)


def begin_anew(home: Home, job_id: str) -> None:
    """A job has forgotten all: its datafeed may be given another start."""
    held = home.store.live.feeds.find(job_id)
    if held is not None:
        home.store.live.feeds.put([msgspec.structs.replace(held, start_us=None, end_us=None, ran=False)])


def waiting_feeds(home: Home) -> list[Feed]:
    """Datafeeds that are started and have not run since."""
    return [feed for feed in home.store.live.feeds.list() if feed.opened and feed.started and not feed.ran]


def finish_feeds(home: Home) -> None:
    """Note which datafeeds have run; those with an end are stopped once the lake reaches it, and their jobs closed."""
    last, now = home.lake.summary().last_us, now_us()
    reached = {position.job_id: position.lake_version for position in home.store.list_positions()}
    for feed in home.store.live.feeds.list():
        if not (feed.opened and feed.started) or feed.id not in reached or home.lake.has_since(reached[feed.id]):
            continue
        # A stretch that lies in the past is done; one whose end is still to come goes on until then.
        done = feed.end_us is not None and feed.end_us <= max(now, last or 0)
        made = msgspec.structs.replace(feed, ran=True)
        if done:
            made = msgspec.structs.replace(made, started=False, opened=False)
            home.store.add_audit("server", "datafeed end", f"job {feed.id}", "", f"up to {iso(feed.end_us or 0)}")
        if made != feed:
            home.store.live.feeds.put([made])


def _put(home: Home, before: Feed, after: Feed, action: str, actor: str) -> Feed:
    if before == after:
        return after
    with home.store.transaction():
        home.store.live.feeds.put([after])
        home.store.add_audit(actor, action, f"job {after.id}", _shown(before), _shown(after))
    return after


def _shown(feed: Feed) -> str:
    return msgspec.json.encode(feed).decode()
