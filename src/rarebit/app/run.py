"""The main job: events into the lake, jobs over them, records, alerts, ranked cases."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from rarebit.alert.budget import Threshold
from rarebit.alert.rules import alerts_of
from rarebit.app.bucket_results import put_buckets
from rarebit.app.budget import alert_thresholds
from rarebit.app.cases import regroup
from rarebit.app.clock import fleet_clock
from rarebit.app.edr import EdrSummary, gather
from rarebit.app.home import Home
from rarebit.app.ingest import IngestReport, ingest
from rarebit.app.intel import IntelSummary, match_new
from rarebit.app.job_notes import annotate_run, drop_old_results
from rarebit.app.jobs import default_jobs, jobs_named, planned
from rarebit.app.learning import learning_until
from rarebit.app.left_out import left_out
from rarebit.app.memory import remember
from rarebit.app.model_snapshots import expire, note_of
from rarebit.app.outcome import JobOutcome
from rarebit.app.peers import labels, learn_peers, regroupings
from rarebit.app.progress import Laps, Progress, nothing, silent
from rarebit.app.rescore import settle_older
from rarebit.app.rule_run import RuleOutcome, prepare, run_rules
from rarebit.app.sight import Blind, blind_jobs
from rarebit.core.errors import StateError
from rarebit.core.names import host_key
from rarebit.core.result import Case
from rarebit.core.time import iso
from rarebit.detect.ahead import AHEAD_US
from rarebit.detect.evidence import Materialised
from rarebit.detect.influence import ranked
from rarebit.detect.plan import JobPlan
from rarebit.detect.records import materialise
from rarebit.detect.scan import feed, request
from rarebit.detect.standing import marks, standing
from rarebit.detect.stream import UNLISTED, JobStream
from rarebit.lake import MemoryReport
from rarebit.maths.hashing import hash_text
from rarebit.source.read import Piece
from rarebit.store import snapshots

DEFAULT_BUDGET = 10.0


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run."""

    jobs: tuple[str, ...] = ()
    """Ids of jobs, or of groups of them; the default set where there is none."""
    since_us: int | None = None
    until_us: int | None = None
    learn_until_us: int | None = None
    budget: float = DEFAULT_BUDGET
    """Cases a day."""
    mapping: dict[str, str] = msgspec.field(default_factory=dict)
    pool: bool = True
    collapse: bool = True
    remember: bool = True
    """Bring the first-seen memory up to date."""
    peers: bool = True
    """False leaves learnt peer groups out, to measure what they are worth."""
    rules: bool = True
    """False leaves out rules over events, to measure what they take."""
    keep_days: int | None = None
    """Whole days of events older than this, before the newest event, are dropped when all is done."""
    live: bool = False
    """One of very many runs, each over little: reports of a file are added up, and learning lasts a week at least."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did, and what it could not do."""

    events_read: int
    events_new: int
    duplicates: int
    skipped: int
    first: str | None
    last: str | None
    jobs: tuple[JobOutcome, ...]
    rules: tuple[RuleOutcome, ...] = ()
    """Rules over events and records besides those of the jobs."""
    records: int
    alerts: int
    """Of the rules of jobs."""
    cases: int
    cases_below: int
    budget_per_day: float
    days_dropped: tuple[str, ...] = ()
    records_dropped: int = 0
    """Older than their job's ``results_retention_days``."""
    seconds_reading: float
    seconds_remembering: float = 0.0
    seconds_peers: float = 0.0
    """Learning peer groups."""
    seconds_detecting: float
    seconds_rules: float = 0.0
    remembered: MemoryReport | None = None
    """How the first-seen memory stands; None where it was left out."""
    intel: IntelSummary | None = None
    """What indicators met; None where there is no list of any."""
    edr: EdrSummary | None = None
    """What sensors told of; None where they never did."""
    files: int
    files_unread: int
    run_id: str = ""
    """Under which the reports of its files are kept."""

    @property
    def degraded(self) -> bool:
        """Whether a part could not do its work: a job blind, a file unread."""
        return self.files_unread > 0 or all(job.blind is not None for job in self.jobs)


def run(
    home: Home,
    paths: Sequence[Path | Piece],
    options: RunOptions,
    *,
    progress: Progress = silent,
    taken_in: Callable[[], None] = nothing,
) -> RunSummary:
    """Read files, run the jobs over what is new, and group what they find.

    Results, state and positions are committed together; ``taken_in`` is called once the events are safe in the lake.

    Raises
    ------
    RarebitError
        If a path, job or condition is wrong, or the home is in use.
    """
    plans = [planned(home, job) for job in jobs_named(home, options.jobs) or default_jobs(home)]
    taken = ingest(
        home, paths, mapping=options.mapping, since_us=options.since_us, until_us=options.until_us, progress=progress
    )
    taken_in()
    watch = Laps()
    sensed = gather(home, home.lake.version(), progress=progress)
    if options.remember:
        prepare(home)
    memory = remember(home, progress=progress) if options.remember else None
    remembering = watch.lap()
    if options.peers:
        learn_peers(home, learn_until_us=_learning_until(home, options), progress=progress)
    grouping = watch.lap()
    streams = [open_stream(home, plan, options) for plan in plans]
    version = home.lake.version()
    intel = match_new(home, version, progress=progress)
    scan(home, streams, progress, until_version=version)
    outcomes = commit(home, streams, version, progress, budget=options.budget)
    detecting = watch.lap()
    ruled = run_rules(home, version, remembered=options.remember, progress=progress) if options.rules else ()
    ruling = watch.lap()
    dropped = _drop_old(home, options.keep_days)
    last = home.lake.summary().last_us
    with home.store.transaction():  # what is new in a case is told by the run that is kept with it
        cases = regroup(home, options.budget)
        forgotten = sum(drop_old_results(home, stream, last) for stream in streams) if last is not None else 0
        summary = _summary(home, taken, outcomes, cases, options, detecting + watch.lap(), dropped)
        summary = msgspec.structs.replace(
            summary,
            seconds_remembering=remembering,
            seconds_peers=grouping,
            seconds_rules=ruling,
            remembered=memory,
            rules=ruled,
            records_dropped=forgotten,
            intel=intel,
            edr=sensed,
        )
        keep = home.store.live.grow_file_reports if options.live else home.store.put_file_reports
        keep(list(taken.files), summary.run_id)
        home.store.put_run(msgspec.to_builtins(summary))
    return summary


def _drop_old(home: Home, keep_days: int | None) -> list[str]:
    """Days dropped from the lake; records, cases and what was learnt from them stay."""
    last = fleet_clock(home)
    if keep_days is None or last is None:
        return []
    dropped = home.lake.retain(days=keep_days, now_us=last)
    if dropped:
        home.store.add_audit("local", "drop events", "lake", "", f"{len(dropped)} days up to {dropped[-1]}")
    return dropped


def new_stream(home: Home, plan: JobPlan, options: RunOptions, learning_us: int | None = None) -> JobStream:
    """A stream of the job that has seen nothing yet; ``learning_us`` is the end of learning, where it is known."""
    inventory = home.inventory()
    peers = {hash_text(host_key(host)): role for host, role in inventory.peer_of().items()}
    return JobStream(
        plan,
        learn_until_us=_learning_until(home, options) if learning_us is None else learning_us,
        peer_of=peers,
        regroupings=regroupings(home) if options.peers else (),
        pool=options.pool,
        collapse=options.collapse,
    )


def open_stream(home: Home, plan: JobPlan, options: RunOptions, learning_us: int | None = None) -> JobStream:
    """The job's stream as the last run left it, or a new one."""
    stream = new_stream(home, plan, options, learning_us)
    learn_until = stream.learn_until_us
    position = home.store.get_position(plan.job.job_id)
    if position is not None:
        arrays, _ = snapshots.load(home.snapshots / position.state_name)
        stream.load_state(arrays)
        given = options.learn_until_us is not None
        stream.learn_until_us = learn_until if given else max(stream.learn_until_us, learn_until)
    return stream


def _learning_until(home: Home, options: RunOptions) -> int:
    return learning_until(home, options.learn_until_us, live=options.live)


def scan(
    home: Home, streams: Sequence[JobStream], progress: Progress = silent, *, until_version: int | None = None
) -> None:
    """Give each job the events committed since it last ran; jobs that stand at one place share a scan.

    Events committed after ``until_version`` are left for the next run, so that none is judged twice.
    """
    clock = fleet_clock(home)
    places: dict[int | None, list[JobStream]] = {}
    for stream in streams:
        stream.horizon_us = (clock or 0) + AHEAD_US
        position = home.store.get_position(stream.plan.job.job_id)
        places.setdefault(position.lake_version if position else None, []).append(stream)
    for since, together in places.items():
        asked = request([stream.plan for stream in together])
        summary = home.lake.summary()
        first, last = summary.first_us or 0, summary.last_us or 0
        tables = home.lake.scan(
            columns=asked.columns, where=asked.where, since_version=since, until_version=until_version
        )
        for reached in feed(together, tables):
            progress("detecting", reached - first, last - first)
        for stream in together:
            stream.catch_up()
        progress("detecting", last - first, last - first)


def commit(
    home: Home,
    streams: Sequence[JobStream],
    version: int,
    progress: Progress = silent,
    *,
    budget: float = DEFAULT_BUDGET,
) -> list[JobOutcome]:
    """Write what the streams found, their state and their position, all of it or nothing; ``budget`` is cases a day."""
    names = group_names(home)
    made = []
    for at, stream in enumerate(streams):
        progress("explaining", at, len(streams))
        found = [materialise(stream, i, home.lake.join, names) for i in range(len(stream.groups))]
        found = [replace(part, records=ranked(stream.sample, part.records)) for part in found]
        state_name = snapshots.save(home.snapshots, stream.plan.job.job_id, stream.to_state(), marks(stream))
        made.append((stream, found, state_name))
    progress("explaining", len(streams), len(streams))
    limits = alert_thresholds(home, streams, budget)
    blind = blind_jobs(home, [stream.plan for stream in streams if stream.rows == 0])
    outcomes = []
    with home.store.transaction():
        for stream, found, state_name in made:
            job_id = stream.plan.job.job_id
            outcomes.append(_keep(home, stream, found, limits[job_id], blind.get(job_id)))
            put_buckets(home, stream)
            home.store.put_position(stream.plan.job.job_id, version, stream.last_us or 0, state_name)
            size = (home.snapshots / state_name).stat().st_size
            home.store.care.put_snapshot(note_of(home, stream, version, state_name, size))
            annotate_run(home, stream)
    expire(home, [stream.plan.job for stream in streams])
    return outcomes


def group_names(home: Home) -> Mapping[int, str]:
    """Names of peer groups by their code."""
    named = {hash_text(role): role for role in {*home.inventory().peer_of().values(), UNLISTED}}
    return labels(home) | named


def _keep(
    home: Home, stream: JobStream, found: list[Materialised], limit: Threshold, blind: Blind | None
) -> JobOutcome:
    job = stream.plan.job
    fresh = [record for part in found for record in part.records]
    home.store.put_records(fresh)
    changed = settle_older(home, stream, found, {record.id for record in fresh})
    home.store.put_records(changed)
    renewed = {name for part in found for name in part.renewed}
    alerts = alerts_of(job, fresh, from_score=limit.score, told=home.store.alerted(sorted(renewed)))
    home.store.put_alerts(alerts)
    health = stream.health()
    return JobOutcome(
        job_id=job.job_id,
        events=stream.rows,
        observations=stream.observations,
        entities=health["entities"],
        records=sum(record.id not in renewed for record in fresh),
        alerts=sum(alert.record_id not in renewed for alert in alerts),
        alert_score=limit.score,
        alerts_per_week=limit.per_week,
        learning_until=iso(stream.learn_until_us) if stream.learn_until_us else None,
        memory_bytes=health["memory_bytes"],
        memory_limit_bytes=health["memory_limit_bytes"],
        evicted_pairs=health["evicted_pairs"],
        late_events=health["late"],
        too_late_events=health["too_late"],
        ahead_events=health["ahead"],
        standing=standing(stream),
        blind=blind,
        left_out=left_out(home, job, stream.health()["left_out"]),
        pruned=health["pruned"],
    )


def _summary(
    home: Home,
    taken: IngestReport,
    outcomes: list[JobOutcome],
    cases: list[Case],
    options: RunOptions,
    seconds: float,
    dropped: list[str],
) -> RunSummary:
    lake = home.lake.summary()
    return RunSummary(
        events_read=taken.read,
        events_new=taken.new,
        duplicates=taken.duplicates,
        skipped=sum(part.count for report in taken.files for part in report.skipped),
        first=iso(lake.first_us) if lake.first_us is not None else None,
        last=iso(lake.last_us) if lake.last_us is not None else None,
        jobs=tuple(outcomes),
        records=sum(outcome.records for outcome in outcomes),
        alerts=sum(outcome.alerts for outcome in outcomes),
        cases=sum(case.state == "open" for case in cases),
        cases_below=sum(case.state == "below" for case in cases),
        budget_per_day=options.budget,
        days_dropped=tuple(dropped),
        seconds_reading=taken.seconds,
        seconds_detecting=seconds,
        files=len(taken.files),
        files_unread=taken.unread,
        run_id=iso(int(time.time() * 1e6)),
    )


def require_events(home: Home) -> None:
    """Refuse to list results where nothing was ever read."""
    if home.lake.version() < 0:
        raise StateError("nothing has been read yet", where=str(home.path), hint="Run: rarebit run PATH")
