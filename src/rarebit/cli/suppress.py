"""``rarebit suppress``: findings that are hidden by what they share, with owner, reason and expiry; and undone."""

from __future__ import annotations

import getpass
from typing import Annotated

import msgspec
import typer

from rarebit.app import suppress
from rarebit.app.suppress import Effect, Listed
from rarebit.cli.options import HomeOption, JsonOption, existing_home
from rarebit.cli.output import data, notes, safe, table, write_json
from rarebit.core.suppression import Pattern
from rarebit.core.time import iso

app = typer.Typer(no_args_is_help=True, help="Suppressions: findings hidden by what they share; all can be undone.")
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", help="FIELD=VALUE, or FIELD alone with the record's value; may be repeated, all must meet."
    ),
]
FromRecord = Annotated[str | None, typer.Option("--record", help="A finding of the kind that is meant.")]
_SHIFTS = 5


@app.command()
def preview(where: Where = None, record: FromRecord = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Say what would have been hidden in the last 30 days; nothing is changed."""
    with existing_home(home) as place:
        effect = suppress.preview(place, suppress.pattern_of(place, where or [], record))
    if json:
        write_json([effect])
    else:
        print_effect(effect, "would hide")


@app.command()
def add(
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads it next.")],
    where: Where = None,
    record: FromRecord = None,
    owner: Annotated[str, typer.Option("--owner", help="Whom to ask; you if not given.")] = "",
    expires: Annotated[str, typer.Option("--expires", help="After so long it hides nothing new.")] = "90d",
    broad: Annotated[bool, typer.Option("--broad", help="Even if it is weak or would hide replayed attacks.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Hide what findings share, in the past and from now on, and say what that does."""
    with existing_home(home) as place:
        pattern = suppress.pattern_of(place, where or [], record)
        new, effect = suppress.add(
            place, pattern, reason=reason, owner=owner or getpass.getuser(), expires=expires, broad=broad
        )
    if json:
        write_json([{"suppression": new, "effect": effect}])
        return
    print_effect(effect, "hides")
    data().print(safe(f"suppression {new.id} of {new.owner} until {iso(new.expires_us)[:10]}: {new.reason}"))
    data().print(safe(f"undo: rarebit suppress remove {new.id[:8]}"))


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those taken back, too.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List suppressions with what each has hidden."""
    with existing_home(home) as place:
        found = suppress.listed(place, every=every)
    if json:
        write_json(msgspec.to_builtins(each.suppression) | {"state": each.state, "hits": each.hits} for each in found)
        return
    made = table("id", "hidden", "last", "expires", "state", "owner", "what, and why", right=("hidden",))
    for each in found:
        made.add_row(*map(safe, _row(each)))
    data().print(made)


@app.command()
def remove(suppression_id: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Take a suppression back: what it hid is seen again at once."""
    with existing_home(home) as place:
        gone, shifts = suppress.remove(place, suppression_id, actor=getpass.getuser())
    if json:
        write_json([{"suppression": gone, "shifts": shifts}])
        return
    data().print(safe(f"suppression {gone.id} is taken back; {len(shifts)} cases changed"))


def _row(each: Listed) -> tuple[str, ...]:
    held = each.suppression
    last = iso(each.hits.last_us)[:10] if each.hits.findings else ""
    why = f"{_words(held.where)} ({held.reason})" + (f"; ended: {held.ended}" if held.ended else "")
    return held.id[:8], f"{each.hits.findings:,}", last, iso(held.expires_us)[:10], each.state, held.owner, why


def _words(where: Pattern) -> str:
    return " and ".join(f"{name}={value}" for name, value in where.items())


def print_effect(effect: Effect, verb: str) -> None:
    """What a pattern hides, and what speaks against it."""
    out = data()
    out.print(safe(_words(effect.where)), style="bold")
    out.print(
        safe(
            f"  {verb} {effect.findings} of the findings of the last {7 * effect.weeks:.0f} days, {effect.high} of "
            f"them with a score of 50 or more: {effect.weekly:.1f} a week ({effect.weekly_low:.1f} to "
            f"{effect.weekly_high:.1f})"
        )
    )
    if effect.findings:
        out.print(
            safe(f"  on {effect.entities} hosts or accounts, on {effect.days} days, {effect.first[:10]} to "
                 f"{effect.last[:10]}")
        )  # fmt: skip
    out.print(
        safe(f"  {effect.replays_hidden} of {effect.replays} events of replayed attacks, {len(effect.confirmed)} cases "
             f"called true")
    )  # fmt: skip
    for text in effect.examples:
        out.print(safe(f"  such as: {text}"))
    for shift in effect.shifts[:_SHIFTS]:
        out.print(
            safe(f"  case {shift.id[:8]} of {shift.entity}: {shift.points_before:.2f} to {shift.points:.2f} points, "
                 f"rank {shift.rank_before} to {shift.rank}, {shift.state}")
        )  # fmt: skip
    if len(effect.shifts) > _SHIFTS:
        out.print(safe(f"  and {len(effect.shifts) - _SHIFTS} more cases"))
    if effect.weak:
        notes().print(safe(f"too broad: {effect.weak}"))
