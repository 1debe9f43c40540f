"""``rarebit prove``: what this is worth here, in numbers, with a plain word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app.inject import SEED
from rarebit.app.prove import proof_page
from rarebit.app.prove import prove as measured
from rarebit.cli.export import write_out
from rarebit.cli.options import HomeOption, JsonOption, existing_home
from rarebit.cli.output import count, data, progress, safe, table, write_json
from rarebit.cli.trial import ScratchOption, SeedOption, print_injected
from rarebit.core.proof import Blindness, EdrWorth, Proof
from rarebit.core.rate import rate

_SHOWN = 8


def prove(
    no_replay: Annotated[
        bool, typer.Option("--no-replay", help="Replay no intrusions, which runs everything anew.")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one HTML file, too.")] = None,
    seed: SeedOption = SEED,
    scratch: ScratchOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Measure, on your own data and changing nothing, what this costs, what it is worth and what it cannot see."""
    with existing_home(home) as place, progress() as report:
        found = measured(place, replay=not no_replay, seed=seed, place=scratch, progress=report)
    if html is not None:
        write_out([proof_page(found).encode()], html, what="proof")
    if json:
        write_json([found])
    else:
        _print_proof(found)


def _print_proof(found: Proof) -> None:
    out = data()
    out.print(safe(f"worth here: {found.worth}"), style="bold")
    for text in found.speaks_for:
        out.print(safe(f"  + {text}"))
    for text in found.speaks_against:
        out.print(safe(f"  - {text}"))
    _head("cost")
    out.print(
        safe(
            f"  {count(found.cases)} cases in {found.days:.1f} days told of, {found.start[:10]} to {found.end[:10]}: "
            f"{found.cases_per_day:.2g} a day, {found.cases_per_day_per_1000_hosts:.2g} a day for 1,000 hosts "
            f"({count(found.hosts)} were heard); the budget is {found.budget_per_day:g} a day"
        )
    )
    if found.judged:
        out.print(safe("  verdicts: " + ", ".join(f"{number} {word}" for word, number in found.judged.items())))
    _print_promises(found)
    _head("beside the EDR")
    for line in edr_lines(found.edr):
        out.print(safe(f"  {line}"))
    if found.trial is not None:
        _head("replayed attacks")
        print_injected(found.trial)
    _print_blind(found.blind)
    proof = found.evidence
    _head("evidence")
    out.print(
        safe(
            f"  {proof.complete} of {proof.cases} cases carry everything: events of {proof.with_events} "
            f"({count(proof.events_gone)} of {count(proof.events)} are gone), parents of processes of "
            f"{proof.with_parents}, reasons with counts of {proof.with_reasons}"
        )
    )


def _head(text: str) -> None:
    data().print(text, style="bold")


def _print_promises(found: Proof) -> None:
    _head("quiet weeks")
    known = "a case was called true in the others" if found.quiet_weeks < found.weeks else "no case was called true"
    data().print(safe(f"  {found.quiet_weeks:.1f} of {found.weeks:.1f} weeks; {known}"))
    made = table("  cases expected", "promised", "came", "19 times in 20", right=("promised", "came"))
    for each in found.promises:
        made.add_row(
            f"  {rate(each.expected_per_week)} or less", f"{each.promised:.1f}", count(each.counted),
            f"{each.low:.1f} to {each.high:.1f}",
        )  # fmt: skip
    data().print(made)


def edr_lines(edr: EdrWorth) -> list[str]:
    """Cases beside the EDR, in words."""
    if not edr.alerts:
        return ["no alerts of an EDR are read here: what it saw of these cases is not known"]
    seen = f"silent in {edr.silent}, something else in {edr.partial}, the same in {edr.same}"
    lines = [f"of {edr.cases} cases on hosts it was heard of: {seen}"]
    if edr.lead_hours is not None:
        way = "before" if edr.lead_hours >= 0.0 else "after"
        lines.append(
            f"where it saw the same, the case's first event came {abs(edr.lead_hours):.1f} h {way} the alert in the "
            f"median, and earlier in {edr.earlier} of {edr.same}"
        )
    if edr.unknown:
        lines.append(f"{edr.unknown} cases on hosts it was not heard of: what it would have seen is not known")
    return lines


def _print_blind(blind: Blindness) -> None:
    out = data()
    _head("what cannot be seen")
    out.print(safe(f"  {count(len(blind.hosts))} hosts, beside {count(blind.hosts_heard)} that were heard"))
    for host in blind.hosts[:_SHOWN]:
        out.print(safe(f"    {host.host}: {host.reason}"))
    if len(blind.hosts) > _SHOWN:
        out.print(safe(f"    and {count(len(blind.hosts) - _SHOWN)} more; all with --json"))
    if blind.without_sensor:
        out.print(safe(f"  {count(blind.without_sensor)} hosts heard without an EDR: rarebit alert coverage --without"))
    if blind.absent:
        out.print(safe(f"  no events at all of: {', '.join(blind.absent)}"))
    if blind.fields:
        out.print(safe(f"  fields that detectors need and no event has: {', '.join(blind.fields)}"))
    out.print(
        safe(
            f"  {len(blind.detectors)} detectors that run cannot fire, {blind.able} can; "
            f"{blind.idle} more could and do not run"
        )
    )
    for each in blind.detectors[:_SHOWN]:
        out.print(safe(f"    {each.kind} {each.id}: {each.reason}"))
    if len(blind.detectors) > _SHOWN:
        out.print(safe(f"    and {count(len(blind.detectors) - _SHOWN)} more; all with --json"))
