"""``rarebit peer``: who should behave alike, as learnt from what they do."""

from __future__ import annotations

from typing import Annotated

import typer

from rarebit.app import peers
from rarebit.cli.options import HomeOption, JsonOption, existing_home
from rarebit.cli.output import count, data, notes, safe, table, write_json

app = typer.Typer(no_args_is_help=True, help="Peer groups: hosts and users that do alike, learnt every Monday.")


@app.command("list")
def list_(
    home: HomeOption = None,
    ungrouped: Annotated[bool, typer.Option("--ungrouped", help="Who has no group yet, and why.")] = False,
    json: JsonOption = False,
) -> None:
    """List the peer groups of the latest Monday."""
    with existing_home(home) as place:
        found, without = peers.list_peers(place), peers.ungrouped(place)
    if ungrouped:
        _print_ungrouped(without, json=json)
        return
    if json:
        write_json(found)
        return
    made = table("id", "members", "one of them is a", "since", "why", right=("members",))
    for group in found:
        since = group.since[:10] + ("" if group.in_force else " (not yet in force)")
        made.add_row(group.id, count(group.members), safe(group.label), since, safe(group.reason))
    data().print(made)
    if found:
        notes().print(safe(f"learnt at {found[0].learnt_at[:10]}; {len(without):,} not grouped yet (--ungrouped)"))


def _print_ungrouped(without: list[dict[str, str]], *, json: bool) -> None:
    if json:
        write_json(without)
        return
    made = table("type", "name", "not grouped yet, because of")
    for entry in without:
        made.add_row(entry["entity_type"], safe(entry["entity"]), safe(entry["reason"]))
    data().print(made)


@app.command("show")
def show(
    group_id: Annotated[str, typer.Argument(metavar="ID", help="As host-3.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one peer group with its members."""
    with existing_home(home) as place:
        page = peers.show_peer(place, group_id)
    if json:
        write_json([page])
        return
    out, group = data(), page.group
    out.print(safe(f"{group.id}: {group.label}"), style="bold")
    out.print(safe(f"{group.members:,} members, each {group.reason}"))
    state = "in force" if group.in_force else "not in force before it is 14 days old"
    out.print(
        safe(f"since {group.since[:10]}, {state}; learnt at {page.learnt_at[:10]} from {page.days} days of events")
    )
    out.print(safe(", ".join(page.members)))
