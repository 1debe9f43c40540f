"""What a run, a check or a status says at the end, on stderr or as the answer itself."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from rarebit.app.check import CheckReport
from rarebit.app.edr import EdrSummary
from rarebit.app.intel import IntelSummary
from rarebit.app.left_out import LeftOut
from rarebit.app.memory import MemoryReport
from rarebit.app.outcome import JobOutcome
from rarebit.app.rule_run import RuleOutcome
from rarebit.app.run import RunSummary
from rarebit.app.status import Status
from rarebit.cli.output import count, data, notes, safe, table
from rarebit.core.report import FileReport
from rarebit.core.time import iso

_FILES = 20
_FIELDS = 40
_BLIND_SHOWN = 5


def print_files(reports: Sequence[FileReport], *, everything: bool) -> None:
    """A line for each file; only those with trouble, unless everything is asked for."""
    shown = [report for report in reports if everything or report.error or report.skipped]
    out = data() if everything else notes()
    if not shown:
        return
    made = table("file", "format", "read", "events", "first", "last", "left out, and why", right=("read", "events"))
    for report in shown if everything else shown[:_FILES]:
        made.add_row(
            safe(report.path), safe(report.format), count(report.read), count(report.rows),
            _day(report.first_us), _day(report.last_us), safe(_trouble(report)),
        )  # fmt: skip
    out.print(made)
    if not everything and len(shown) > _FILES:
        out.print(safe(f"and {len(shown) - _FILES} more files with something left out: rarebit status --json"))


def _day(value_us: int | None) -> str:
    return "" if value_us is None else iso(value_us)[:16].replace("T", " ")


def _trouble(report: FileReport) -> str:
    parts = [report.error] if report.error else []
    parts += [f"{part.count:,} {part.reason}" + (f" ({part.where})" if part.where else "") for part in report.skipped]
    return "; ".join([*parts, *report.notes])


def print_summary(summary: RunSummary, home: Path) -> None:
    """What a run did, on stderr."""
    out = notes()
    out.print("summary", style="bold")
    out.print(safe(f"  events      {count(summary.events_new)} new, {count(summary.duplicates)} seen before, "
                   f"{count(summary.skipped)} left out, from {summary.files} files"))  # fmt: skip
    out.print(safe(f"  span        {summary.first or 'none'} to {summary.last or 'none'}"))
    judged = max((job.events for job in summary.jobs), default=0)
    out.print(
        safe(
            f"  reduction   {count(judged)} events judged, {count(summary.records)} records, "
            f"{count(summary.alerts)} alerts, {summary.cases} cases within {summary.budget_per_day:g} a day"
            f" ({summary.cases_below} below the line){_reduction(judged, summary.cases)}"
        )
    )
    out.print(
        safe(
            f"  time        {summary.seconds_reading:.1f} s reading, {summary.seconds_remembering:.1f} s remembering, "
            f"{summary.seconds_peers:.1f} s peer groups, {summary.seconds_detecting:.1f} s detecting, "
            f"{summary.seconds_rules:.1f} s rules"
        )
    )
    if summary.remembered is not None:
        out.print(safe(f"  remembered  {_memory_line(summary.remembered)}"))
    if summary.intel is not None:
        out.print(safe(f"  indicators  {_intel_line(summary.intel)}"))
    if summary.days_dropped:
        out.print(safe(f"  dropped     events of {len(summary.days_dropped)} days up to {summary.days_dropped[-1]}"))
    if summary.records_dropped:
        out.print(safe(f"  dropped     {count(summary.records_dropped)} records older than results_retention_days"))
    for job in summary.jobs:
        out.print(safe(f"  {_job_line(job)}"))
        for line in job.left_out:
            if _has_left_out(line):
                out.print(safe(f"  left out    {job.job_id}: {left_out_text(line)}"))
    if summary.edr is not None:
        out.print(safe(f"  EDR         {_edr_line(summary.edr)}"))
    for text in _rule_lines(summary.rules):
        out.print(safe(f"  {text}"))
    out.print(safe(f"  home        {home}"))


def _rule_lines(rules: tuple[RuleOutcome, ...]) -> list[str]:
    """How many rules ran, each that told of something, and those that could see nothing."""
    if not rules:
        return []
    on, shadow = ([rule for rule in rules if rule.state == state] for state in ("on", "shadow"))
    told, would = (sum(rule.alerts for rule in part) for part in (on, shadow))
    lines = [f"rules       {len(on)} on, {count(told)} alerts; {len(shadow)} in the shadow, {count(would)} would be"]
    for rule in on:
        if rule.alerts or rule.grown:
            more = f", {count(rule.beyond)} more not kept" if rule.beyond else ""
            again = f", {count(rule.ongoing)} ongoing" if rule.ongoing else ""
            grown = f", {count(rule.grown)} have grown" if rule.grown else ""
            lines.append(
                f"{rule.rule_id}: {count(rule.alerts)} alerts of {count(rule.events)} events{again}{grown}{more}"
            )
    lines += [f"{rule.rule_id}: waits, {rule.waiting}" for rule in rules if rule.waiting]
    blind = [rule for rule in rules if rule.blind]
    lines += [f"{rule.rule_id}: blind, no event has {', '.join(rule.blind)}" for rule in blind[:_BLIND_SHOWN]]
    if len(blind) > _BLIND_SHOWN:
        lines.append(f"and {count(len(blind) - _BLIND_SHOWN)} more rules are blind: rarebit rule list --blind")
    return lines


def _memory_line(memory: MemoryReport) -> str:
    """Size of the first-seen memory, and what it had to let go of."""
    line = f"{count(memory.rows)} values by host, {memory.bytes / 1e6:.1f} MB"
    if memory.forgotten:
        line += f"; {count(memory.forgotten)} not seen for a year forgotten"
    if memory.evicted:
        line += f"; {count(memory.evicted)} of those seen longest ago dropped at the size limit"
    return line + ("; begun anew, since the lake is another one than before" if memory.begun_anew else "")


def _intel_line(intel: IntelSummary) -> str:
    """What indicators met in the run; each is one indicator on one entity on one day."""
    line = (
        f"{count(intel.indicators)} looked for: {count(intel.hits)} hits, {count(intel.attempts)} refused or failed, "
    )
    line += f"{count(intel.inbound)} only from outside; {intel.seconds:.1f} s"
    if intel.vetoed:
        line += f"; {count(intel.vetoed)} values are on lists of false positives"
    return line + (f"; {count(intel.left_out)} values beyond the limit not looked for" if intel.left_out else "")


def _edr_line(found: EdrSummary) -> str:
    """What sensors told of in the run."""
    line = f"{count(found.alerts)} alerts of {count(found.events)} events, {count(found.again)} sent again"
    line += f"; {count(found.kept)} kept, {count(found.hosts)} hosts watched"
    return line + (f"; {count(found.dropped)} older ones dropped" if found.dropped else "")


def _reduction(judged: int, cases: int) -> str:
    return f": {100.0 * (1.0 - cases / judged):.3f} % less to look at" if judged else ""


def _job_line(job: JobOutcome) -> str:
    if job.blind is not None:
        return f"blind       {job.job_id}: {job.blind.reason}"
    memory = f"{job.memory_bytes / 1e6:.0f} of {job.memory_limit_bytes / 1e6:.0f} MB"
    lost = f", {count(job.evicted_pairs)} pairs dropped at the memory limit" if job.evicted_pairs else ""
    lost += f", {count(job.pruned)} forgotten, not seen for the prune window" if job.pruned else ""
    late = f", {count(job.late_events)} events came late" if job.late_events else ""
    late += f", {count(job.too_late_events)} of them too late to be judged" if job.too_late_events else ""
    late += f", {count(job.ahead_events)} events ahead of the fleet's clock wait" if job.ahead_events else ""
    return (
        f"job         {job.job_id}: {count(job.observations)} observations of {count(job.entities)} entities, "
        f"{count(job.records)} records, {count(job.alerts)} alerts; alerts at {job.alert_score:.0f} or more: "
        f"{_weekly(job)} a week; learnt until {(job.learning_until or '')[:10]}; "
        f"{memory}{_young(job)}{lost}{late}{_health(job)}"
    )


def _has_left_out(line: LeftOut) -> bool:
    return bool(line.hidden or line.unlearnt or line.held_back)


def left_out_text(line: LeftOut) -> str:
    """What one rule, calendar or exclusion left out since the job began."""
    parts = [(line.hidden, "findings hidden"), (line.unlearnt, "observations not learnt")]
    parts.append((line.held_back, "events held back"))
    said = ", ".join(f"{count(number)} {text}" for number, text in parts if number) or "nothing so far"
    return f"{said} by {line.by}"


def _weekly(job: JobOutcome) -> str:
    return f"{job.alerts_per_week:.1f}" if job.alerts_per_week < 100 else count(job.alerts_per_week)  # noqa: PLR2004


def _young(job: JobOutcome) -> str:
    stands = job.standing
    return f", {count(stands.learning)} entities still learnt" if stands.learning else ""


def _health(job: JobOutcome) -> str:
    """What is wrong with a job's probabilities; nothing where all is well, or it cannot be told yet."""
    gauge = job.standing.gauge
    return f"; {gauge.words}" if gauge.state in ("heavy", "cautious") else ""


def print_check(found: CheckReport) -> None:
    """What files hold, on stdout: it is the answer."""
    out = data()
    print_files(found.files, everything=True)
    span = f"{_day(found.first_us)} to {_day(found.last_us)}" if found.first_us is not None else "no span"
    out.print()
    out.print(safe(f"{count(found.events)} events, {span}, {count(found.hosts)} hosts, {count(found.users)} users"))
    if found.ambiguous_hosts:
        out.print(safe(f"one short name in several domains, taken for one host: {', '.join(found.ambiguous_hosts)}"))
    made = table("field", "events", "share", right=("events", "share"))
    for line in sorted(found.fields, key=lambda line: -line.events)[:_FIELDS]:
        made.add_row(safe(line.field), count(line.events), f"{100 * line.share:.1f} %")
    out.print(made)
    jobs = table("job", "can see", "events", "why not", right=("events",))
    for job in found.jobs:
        jobs.add_row(safe(job.job_id), "ready" if job.ready else "blind", count(job.events), safe(job.reason))
    out.print(jobs)


def _idle(found: Status) -> list[str]:
    """Rules, calendars and exclusions that left nothing out so far, once for all jobs."""
    idle: dict[str, list[str]] = {}
    for job in found.jobs:
        for line in itertools.filterfalse(_has_left_out, job.left_out):
            idle.setdefault(line.by, []).append(job.id)
    return [
        f"{jobs[0] if len(jobs) == 1 else f'{len(jobs)} jobs'}: nothing so far by {by}" for by, jobs in idle.items()
    ]


def _print_kept(found: Status) -> None:
    """What there is beside events: indicators, and alerts of sensors."""
    out = data()
    if found.indicator_lists:
        met = found.indicator_matches
        hits, attempts, inbound = (count(met.get(name, 0)) for name in ("hit", "attempt", "inbound"))
        out.print(
            safe(
                f"{count(found.indicators)} indicators of {len(found.indicator_lists)} lists: {hits} hits, "
                f"{attempts} refused or failed, {inbound} only from outside"
            )
        )
    if found.edr is not None:
        out.print(safe(f"{count(found.edr.kept)} alerts of EDR and IDS kept; {count(found.edr.hosts)} hosts watched"))


def _jobs(found: Status) -> Table:
    made = table("job", "state", "reached", "behind", "memory on disk", "learning/usable/mature",
                 "probabilities", "", right=("behind", "memory on disk", "learning/usable/mature"))  # fmt: skip
    for job in found.jobs:
        known = None if job.state == "blind" else job.standing
        entities = f"{known.learning:,}/{known.usable:,}/{known.mature:,}" if known else ""
        made.add_row(
            safe(job.id), job.state, (job.reached or "")[:19], str(job.behind), f"{job.snapshot_bytes / 1e6:.1f} MB",
            entities, known.gauge.state if known else "", safe(job.reason),
        )  # fmt: skip
    return made


def print_status(found: Status) -> None:
    """How an installation stands, on stdout."""
    out = data()
    out.print(safe(f"home {found.home}"))
    out.print(
        safe(
            f"{count(found.events)} events over {found.days} days ({found.first or 'none'} to {found.last or 'none'}), "
            f"{found.bytes / 1e6:,.0f} MB; {found.hosts_in_inventory} hosts in the inventory"
        )
    )
    out.print(safe(f"{found.files_read} files read, {found.files_with_trouble} of them with something left out"))
    _print_kept(found)
    out.print(_jobs(found))
    for text in _idle(found):
        out.print(safe(f"left out    {text}"))
    for job in found.jobs:
        for line in filter(_has_left_out, job.left_out):
            out.print(safe(f"left out    {job.id}: {left_out_text(line)}"))
        for text in job.problems:
            out.print(safe(f"not applied {job.id}: {text}"))
        evicted, pruned = (job.memory.get(name, 0) for name in ("evicted_pairs", "pruned"))
        if evicted or pruned:
            text = f"{count(evicted)} pairs at the memory limit, {count(pruned)} not seen for the prune window"
            out.print(safe(f"forgotten   {job.id}: {text}"))
        for note in job.annotations:
            if note.kind == "calendar":
                continue  # told above, by what it left out
            out.print(safe(f"noted       {job.id}: {iso(note.start_us)[:16]} {note.kind}: {note.text}"))
        if job.standing and job.standing.gauge.state in ("heavy", "cautious"):
            gauge = job.standing.gauge
            out.print(safe(f"{job.id}: {gauge.words} (tail shape {gauge.shape:.2f})"))
