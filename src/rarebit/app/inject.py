"""Replays of attacks in a site's own data: would they have become cases, how high, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import orjson

from rarebit.app.cast import Cast, Played, shift_of
from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.app.learning import learning_until
from rarebit.app.progress import Progress, silent
from rarebit.app.run import RunOptions, require_events, run
from rarebit.app.scratch import options_of, scratch_home
from rarebit.app.stage import stage
from rarebit.core.errors import InputError
from rarebit.core.fields import TIME
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time
from rarebit.core.trial import Injected, Trial
from rarebit.simulate.trace import MadeTrace

SEED: Final = 1


def inject(
    home: Home,
    traces: Sequence[MadeTrace],
    *,
    hosts: Sequence[str] = (),
    at_us: int | None = None,
    budget: float | None = None,
    seed: int = SEED,
    place: Path | None = None,
    progress: Progress = silent,
) -> Trial:
    """Play traces on the site's hosts and accounts, and run everything anew over its data with them in it.

    The home is only read; the run takes place in a scratch home (see :func:`rarebit.app.scratch.scratch_home`). Jobs,
    budget and end of learning are those of the last run.

    Parameters
    ----------
    home : Home
        The site.
    traces : sequence of MadeTrace
        All are played in one run, by different hosts and accounts as long as there are enough.
    hosts : sequence of str, optional
        Hosts of the site that take the first parts of the first trace.
    at_us : int, optional
        When each begins; as late as it can if not given.
    budget : float, optional
        Cases a day; that of the last run if not given.
    seed : int
        Of the choice of hosts and accounts.
    place : Path, optional
        Where the scratch home is made.

    Raises
    ------
    StateError, InputError
        If nothing has been read yet, or a host is not there.
    """
    require_events(home)
    options = options_of(home)
    options = msgspec.structs.replace(options, budget=budget or options.budget)
    clock = fleet_clock(home) or 0
    begin = learning_until(home, options.learn_until_us, live=False)
    played, skipped = _play(home, traces, hosts, at_us=at_us, begin_us=begin, clock=clock, seed=seed)
    with scratch_home(home, place) as trial:
        return _run(trial, played, skipped, options, traces, progress)


def _play(
    home: Home,
    traces: Sequence[MadeTrace],
    hosts: Sequence[str],
    *,
    at_us: int | None,
    begin_us: int,
    clock: int,
    seed: int,
) -> tuple[list[Played], dict[str, str]]:
    scene = stage(home, clock)
    known = {host.key for host in scene.hosts}
    for host in hosts:
        if host.lower().split(".")[0] not in known:
            raise InputError(f"no host {host!r} that starts programs in the last two weeks", where="--host")
    cast = Cast(home, scene, seed)
    played, skipped = [], {}
    for number, trace in enumerate(traces):
        span = trace.events[-1][TIME] - trace.events[0][TIME]
        shift = shift_of(trace, begin_us, clock) if at_us is None else at_us - trace.events[0][TIME]
        if at_us is not None and at_us + span > clock:
            raise InputError(
                f"it would end after the data, at {iso(at_us + span)[:16]}", where="--at", hint=f"Data end {iso(clock)}"
            )
        if shift is None:
            days = span / DAY_US
            skipped[trace.name] = f"it takes {days:.1f} days, and jobs have told for {(clock - begin_us) / DAY_US:.1f}"
            continue
        found = cast.play(trace, shift, clock, hosts if number == 0 else ())
        if found.events:
            played.append(found)
        else:
            skipped[trace.name] = "no host here sends events of its kinds"
    return played, skipped


def _run(
    trial: Home,
    played: Sequence[Played],
    skipped: dict[str, str],
    options: RunOptions,
    traces: Sequence[MadeTrace],
    progress: Progress,
) -> Trial:
    file = trial.path / "traces.ndjson"
    file.write_bytes(b"".join(_line(event) for each in played for event in each.events))
    summary = run(trial, [file], options, progress=progress)
    cases = [case for case in trial.store.list_cases() if case.state in ("open", "below")]
    names = {each.name: each for each in played}
    done = _Found(trial, cases)
    made = [
        done.of(names[trace.name], trace)
        if trace.name in names
        else Injected(
            trace=trace.name, outcome="not played", reason=skipped[trace.name], techniques=trace.techniques
        )
        for trace in traces
    ]  # fmt: skip
    return Trial(
        injected=tuple(made),
        budget_per_day=options.budget,
        told_from=iso(learning_until(trial, options.learn_until_us, live=False)),
        end=summary.last or "",
        cases_open=summary.cases,
        cases_below=summary.cases_below,
    )


def _line(event: dict[str, object]) -> bytes:
    moment = event[TIME]
    assert isinstance(moment, int)  # noqa: S101 - made so by shift
    return orjson.dumps(event | {TIME: iso(moment)}, default=str) + b"\n"


class _Found:
    """What a trial found of each trace."""

    def __init__(self, trial: Home, cases: Sequence[Case]) -> None:
        self._trial, self._cases = trial, cases
        self._records = trial.store.list_records(sort="time")
        self._alerts: list[Alert] = [alert for alert in trial.store.sensors.listed(own=True) if not alert.record_id]

    def of(self, played: Played, trace: MadeTrace) -> Injected:
        ids = {str(event["event.id"]) for event in played.events}
        records = [record for record in self._records if not ids.isdisjoint(record.event_ids)]
        start = min(event[TIME] for event in played.events)
        made = Injected(
            trace=played.name,
            outcome="records" if records else "nothing",
            cases=len(self._cases),
            start=iso(start),
            end=iso(max(event[TIME] for event in played.events)),
            records=len(records),
            rules=tuple(sorted({a.rule_id for a in self._alerts if not ids.isdisjoint(a.event_ids)})),
            techniques=trace.techniques,
            hosts=tuple(dict.fromkeys(played.hosts.values())),
            users=tuple(dict.fromkeys(played.users.values())),
            events=len(played.events),
            unsent=played.unsent,
            unplayed=played.unplayed,
            fields_missing=played.fields,
        )
        return self._with_case(made, records, start)

    def _with_case(self, made: Injected, records: Sequence[Record], start_us: int) -> Injected:
        names = {record.id for record in records}
        held = [case for case in self._cases if not names.isdisjoint(case.record_ids)]
        if not held:
            return made
        best = min(held, key=lambda case: case.rank)
        opened = [case for case in self._cases if case.opened_at[:10] == best.opened_at[:10]]
        told = next((at for notice in best.notices if (at := parse_time(notice.time)) >= start_us), None)
        return msgspec.structs.replace(
            made,
            outcome="case" if best.state == "open" else "below",
            rank=best.rank,
            rank_of_day=1 + sum(case.rank < best.rank for case in opened),
            case_id=best.id,
            score=best.score,
            expected_per_week=best.expected_per_week,
            case_entity=best.entity.name,
            sentence=best.sentence,
            hours_to_case=(told - start_us) / HOUR_US if told is not None and best.state == "open" else None,
        )
