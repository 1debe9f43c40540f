"""Jobs and rules over the past, before they are switched on: what they would have told of, and what could be hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rarebit.app.home import Home
from rarebit.app.jobs import read_jobs, validate
from rarebit.app.learning import learning_until
from rarebit.app.outcome import JobOutcome
from rarebit.app.progress import Progress, silent
from rarebit.app.rule_past import Past, rule_past
from rarebit.app.rules import get_rule, list_rules, read_rule
from rarebit.app.run import RunOptions, require_events, run
from rarebit.app.scratch import options_of, scratch_home
from rarebit.app.tune import tune
from rarebit.core.errors import DefinitionError, InputError
from rarebit.core.result import Case
from rarebit.core.rule import Rule
from rarebit.core.suppression import Proposal
from rarebit.core.time import DAY_US, day_of, iso

_MOST_ENTITIES = 10


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the past."""

    day: str
    cases: int
    """Opened within the budget."""
    below: int
    """Cases that the budget left out."""
    alerts: int
    """Of the jobs."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom most was told of."""

    name: str
    cases: int
    alerts: int
    rule_alerts: int


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What jobs and rules would have told of."""

    start: str
    """Nothing is told before: what came earlier is learnt."""
    end: str
    days: tuple[Day, ...]
    """Every day from the first to the last, quiet ones too."""
    budget_per_day: float
    jobs: tuple[JobOutcome, ...]
    rules: tuple[Past, ...]
    cases: tuple[Case, ...]
    """Opened within the budget, by rank."""
    entities: tuple[Entity, ...]
    proposals: tuple[Proposal, ...]
    """Suppressions that could be added, measured on the last week of this past."""
    proposals_need: str = ""
    """Why none could be looked for."""

    @property
    def cases_a_day(self) -> float:
        """Over all days told of, quiet ones too."""
        return len(self.cases) / max(len(self.days), 1)


def backtest(
    home: Home,
    *,
    jobs: Sequence[str] = (),
    rules: Sequence[str] = (),
    start_us: int | None = None,
    budget: float | None = None,
    place: Path | None = None,
    progress: Progress = silent,
) -> Backtest:
    """Run jobs and rules over everything there is, by the code of every run, in a scratch home; the home is only read.

    Parameters
    ----------
    home : Home
    jobs, rules : sequence of str
        Ids (of jobs also groups), or files with definitions. Of neither given, the jobs of the last run and the
        rules that are not off.
    start_us : int, optional
        Tell from here on, learn before; the end of learning of the last run if not given.
    budget : float, optional
        Cases a day; that of the last run if not given.
    place : Path, optional
        Where the scratch home is made.

    Raises
    ------
    RarebitError
        If nothing has been read yet, or a job or rule is wrong.
    """
    require_events(home)
    options = options_of(home)
    with scratch_home(home, place) as trial:
        ids = _jobs(trial, jobs)
        asked = _rules(trial, rules, everything=not (jobs or rules))
        ids += [rule.job for rule in asked if rule.kind == "anomaly"]
        options = msgspec.structs.replace(
            options,
            jobs=tuple(dict.fromkeys(ids)) or options.jobs,
            budget=budget or options.budget,
            learn_until_us=options.learn_until_us if start_us is None else start_us,
            rules=False,
        )
        _check_start(trial, start_us)
        found = run(trial, [], options, progress=progress) if ids or not rules else None
        told_from = learning_until(trial, options.learn_until_us, live=False)
        pasts = tuple(rule_past(trial, rule, start_us=told_from, progress=progress) for rule in asked)
        return _told(trial, found.jobs if found else (), pasts, options, told_from, progress)


def _jobs(trial: Home, names: Sequence[str]) -> list[str]:
    """Ids; definitions in files are taken into the trial."""
    ids: list[str] = []
    for name in names:
        path = Path(name)
        if not path.is_file():
            ids.append(name)
            continue
        for job in read_jobs(path):
            refused = [each.text for each in validate(trial, job) if each.kind == "refused"]
            if refused:
                raise DefinitionError(f"the job cannot run: {'; '.join(refused)}", where=f"{path}, {job.job_id}")
            trial.store.put_job(job, str(path))
            ids.append(job.job_id)
    return ids


def _rules(trial: Home, names: Sequence[str], *, everything: bool) -> list[Rule]:
    if everything:
        return [rule for rule in list_rules(trial) if rule.state != "off"]
    return [read_rule(trial, Path(name)) if Path(name).is_file() else get_rule(trial, name) for name in names]


def _check_start(trial: Home, start_us: int | None) -> None:
    lake = trial.lake.summary()
    if start_us is None or lake.first_us is None or lake.last_us is None:
        return
    if not lake.first_us <= start_us <= lake.last_us:
        raise InputError(
            "there are no events to tell of then", where=f"--from {iso(start_us)[:16]}",
            hint=f"Events are of {iso(lake.first_us)[:16]} to {iso(lake.last_us)[:16]}",
        )  # fmt: skip


def _told(
    trial: Home,
    jobs: tuple[JobOutcome, ...],
    pasts: tuple[Past, ...],
    options: RunOptions,
    told_from: int,
    progress: Progress,
) -> Backtest:
    last = trial.lake.summary().last_us or told_from
    cases = [case for case in trial.store.list_cases() if case.state in ("open", "below")]
    alerts = [alert for alert in trial.store.sensors.listed(own=True) if alert.record_id]
    opened = [case for case in cases if case.state == "open"]
    by_day = {
        "cases": Counter(case.opened_at[:10] for case in opened),
        "below": Counter(case.opened_at[:10] for case in cases if case.state == "below"),
        "alerts": Counter(alert.timestamp[:10] for alert in alerts),
    }
    whole = {day_of(at) for at in range(told_from - told_from % DAY_US, last + 1, DAY_US)}
    days = [
        Day(day=day, cases=by_day["cases"][day], below=by_day["below"][day], alerts=by_day["alerts"][day])
        for day in sorted(whole)
    ]
    tuning = tune(trial, progress=progress) if jobs else None
    need = ""
    if tuning is not None and not tuning.proposals:
        need = f"findings of {tuning.days:.0f} days, of which no pattern is safe to hide and worth it; see rarebit tune"
    return Backtest(
        start=iso(told_from),
        end=iso(last),
        days=tuple(days),
        budget_per_day=options.budget,
        jobs=jobs,
        rules=pasts,
        cases=tuple(opened),
        entities=_entities(
            Counter(case.entity.name for case in opened),
            Counter(alert.entity_id for alert in alerts if alert.entity_id),
            Counter(a.entity_id for past in pasts for a in past.alerts if a.entity_id),
        ),
        proposals=tuning.proposals if tuning else (),
        proposals_need=need,
    )


def _entities(cases: Counter[str], alerts: Counter[str], of_rules: Counter[str]) -> tuple[Entity, ...]:
    made = [
        Entity(name=name, cases=cases[name], alerts=alerts[name], rule_alerts=of_rules[name])
        for name in cases.keys() | alerts.keys() | of_rules.keys()
    ]
    made.sort(key=lambda each: (-each.cases - each.alerts - each.rule_alerts, each.name))
    return tuple(made[:_MOST_ENTITIES])
