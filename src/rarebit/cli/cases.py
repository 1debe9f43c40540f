"""How a case looks in the terminal: who, what, why, proof, next step."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from rarebit.app.home import Home
from rarebit.app.show import next_steps
from rarebit.app.suppress import hidden_of
from rarebit.cli.output import data, safe, table
from rarebit.core.case_part import CasePart
from rarebit.core.rate import rate
from rarebit.core.result import Case
from rarebit.core.time import iso

_REASONS = 3
_TIMELINE = 8
_POINTS = 10
_JOINED = 3
_CONTEXT = ("role", "criticality", "site", "os", "owner")


def print_cases(cases: Sequence[Case]) -> None:
    """A ranked list, one line a case and its strongest reason."""
    out = data()
    if not cases:
        out.print(safe("no cases"))
        return
    made = table("#", "score", "expected", "host", "since", "what, and why", right=("#", "score"))
    for case in cases:
        reason = case.reasons[0].sentence if case.reasons else ""
        made.add_row(
            str(case.rank), f"{case.score:.0f}", rate(case.expected_per_week), safe(case.entity.name),
            case.opened_at[:16].replace("T", " "),
            Group(Text.assemble(safe(case.sentence), style="bold"), safe(reason), *_news(case)),
        )  # fmt: skip
    out.print(made)


def _news(case: Case) -> list[Text]:
    """What sensors said, and what changed in the last run, if more than that the case was opened."""
    said = [safe(case.edr_view.sentence)] if case.edr_view is not None else []
    return said + ([safe(f"changed: {case.changed}")] if case.changed not in ("", "opened") else [])


def print_case(home: Home, case: Case) -> None:
    """One case, so that it can be judged without opening anything else."""
    out = data()
    head = f"case {case.rank}  score {case.score:.0f}  expected {rate(case.expected_per_week)}  {case.state}"
    head += f"  verdict {case.verdict}" if case.verdict else ""
    said = home.store.judgements.get(case.id)
    known = ", ".join(f"{name} {case.context[name]}" for name in _CONTEXT if case.context.get(name))
    lines: list[Text] = [Text.assemble(safe(case.sentence), style="bold")]
    lines.append(safe(f"who: {case.entity.name}" + (f" ({known})" if known else "")))
    begin, end = (moment[:19].replace("T", " ") for moment in (case.opened_at, case.updated_at))
    lines.append(safe(f"when: {begin} to {end} UTC; {case.event_count} events; id {case.id}"))
    if said is not None:
        why = f": {said.note}" if said.note else ""
        lines.append(
            safe(f"verdict: {said.verdict} by {said.actor}, {iso(said.at_us)[:16].replace('T', ' ')} UTC{why}")
        )
    for held, count in hidden_of(home, case).values():
        lines.append(safe(f"suppressed: {count} of its findings, by {held.id[:8]} of {held.owner}: {held.reason}"))
    if case.joined:
        lines.append(safe(f"with: {', '.join(entity.name for entity in case.joined)}"))
    if len(case.notices) > 1:
        lines.append(
            safe("told: " + "; ".join(f"{note.time[:16].replace('T', ' ')} {note.text}" for note in case.notices))
        )
    lines += _edr_lines(case)
    if case.techniques:
        lines.append(safe(f"ATT&CK: {', '.join(case.tactics)} ({', '.join(case.techniques)})"))
    out.print(Panel(Group(*lines), title=head, title_align="left"))
    _print_points(case)
    out.print("why", style="bold")
    for reason in case.reasons[:_REASONS]:
        out.print(safe(f"  {reason.score:3.0f}  {reason.sentence}"))
    if len(case.reasons) > _REASONS:
        out.print(
            safe(f"       and {len(case.reasons) - _REASONS} more: rarebit record list --host {case.entity.name}")
        )
    _print_timeline(case)
    out.print("next", style="bold")
    for step in next_steps(home, case):
        out.print(safe(f"  {step}"))
    out.print("queries", style="bold")
    for language in ("kql", "esql"):
        out.print(safe(f"  {language}: {case.queries.get(language, '')}"), soft_wrap=True)  # to be copied whole
    out.print(safe(f"  raw events: rarebit event list --case {case.id[:8]}"))


def _edr_lines(case: Case) -> list[Text]:
    """What sensors saw; nothing where none is read."""
    return [safe(f"EDR: {case.edr}; {case.edr_view.sentence}")] if case.edr_view is not None else []


def _print_points(case: Case) -> None:
    """The shares of the score: they add up to the points of the case."""
    if not case.parts:
        return
    out = data()
    out.print(
        safe(f"points {case.points:.2f}: as many or more are expected {rate(case.expected_per_week)} here"),
        style="bold",
    )
    own = [part for part in case.parts if part.kind != "joined"]
    for part in own[:_POINTS]:
        indent = "    " if part.kind in ("own rate", "verdicts") else ""
        out.print(safe(f"  {part.points:+6.2f}  {indent}{part.text}"))
    _print_rest(own[_POINTS:], "more")
    joined = [part for part in case.parts if part.kind == "joined"]
    for part in joined[:_JOINED]:
        out.print(safe(f"  {part.points:+6.2f}  {part.text}"))
    _print_rest(joined[_JOINED:], "more entities joined")


def _print_rest(parts: Sequence[CasePart], what: str) -> None:
    if parts:
        data().print(
            safe(f"  {sum(part.points for part in parts):+6.2f}  {len(parts)} {what}: rarebit case show --json")
        )


def _print_timeline(case: Case) -> None:
    out = data()
    out.print("timeline", style="bold")
    for entry in case.timeline[:_TIMELINE]:
        out.print(safe(f"  {entry.time[:19]}  {entry.text}"))
    if len(case.timeline) > _TIMELINE:
        out.print(safe(f"  and {len(case.timeline) - _TIMELINE} more"))
