"""``rarebit asset``: the inventory of hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app.assets import osquery_pack
from rarebit.app.hosts import show_host
from rarebit.cli.options import HomeOption, JsonOption, existing_home, home_at
from rarebit.cli.output import count, data, notes, safe, table, write_json

app = typer.Typer(
    no_args_is_help=True, help="Hosts and accounts: asset.role, asset.site, user.privilege and others in queries."
)
_SHOWN = 10


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with a column host, or YAML; result log of osquery; CSV export of a directory.")
    ],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take in what is known of hosts and accounts; what is known already is brought up to date."""
    with home_at(home) as place:
        taken = place.import_assets(file)
    if json:
        write_json([taken])
        return
    data().print(
        safe(
            f"{taken.form}: {count(taken.read)} read; {count(taken.hosts)} hosts with {', '.join(taken.attributes)}; "
            f"{count(taken.accounts)} accounts"
        )
    )
    for reason, number in sorted(taken.skipped.items()):
        notes().print(safe(f"left out {count(number)}: {reason}"))
    if taken.others:
        told = ", ".join(f"{name} ({number})" for name, number in sorted(taken.others.items())[:_SHOWN])
        notes().print(safe(f"queries that fill no part of the inventory: {told}"))


@app.command()
def pack() -> None:
    """Print a pack of queries for osquery whose answers fill the inventory."""
    typer.echo(osquery_pack(), nl=False)


@app.command()
def accounts(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the accounts of which something is known: privilege, and where that is known from."""
    with home_at(home) as place:
        rows = sorted(place.people().accounts.items())
    if json:
        write_json({"account": name, **known} for name, known in rows)
        return
    made = table("account", "privilege", "known from", "beside")
    for name, known in rows:
        beside = ", ".join(f"{key} {value}" for key, value in known.items() if not key.startswith("privilege"))
        made.add_row(safe(name), safe(known.get("privilege", "")), safe(known.get("privilege_from", "")), safe(beside))
    data().print(made)


@app.command()
def show(host: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one host: what is known of it, how well each job knows it, what was found on it."""
    with existing_home(home) as place:
        found = show_host(place, host)
    if json:
        write_json([found])
        return
    out = data()
    out.print(safe(found.host), style="bold")
    out.print(safe(", ".join(f"{name} {value}" for name, value in found.attributes.items()) or "not in the inventory"))
    for moment, known in found.states[1:]:
        out.print(safe(f"since {moment[:16]}: {', '.join(f'{name} {value}' for name, value in known.items())}"))
    made = table("job", "host is", "active hours", "observations", right=("active hours", "observations"))
    for job in found.jobs:
        made.add_row(safe(job.job_id), job.state, f"{job.active_hours:,.0f}", f"{job.observations:,}")
    out.print(made)
    out.print(safe("learning (8 active hours): told only of what is new to peers or fleet; up to 56 it is usable"))
    out.print(safe(f"{found.records} records, {len(found.cases)} cases: rarebit record list --host {found.host}"))


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the hosts of the inventory, and those whose role is told by what they do (role_from: behaviour)."""
    with home_at(home) as place:
        inventory = place.inventory()
    rows = sorted((inventory.hosts | {name: states[-1][1] for name, states in inventory.inferred.items()}).items())
    if json:
        write_json({"host": host, **known} for host, known in rows)
        return
    attributes = inventory.attributes()
    made = table("host", *attributes)
    for host, known in rows:
        made.add_row(safe(host), *(safe(known.get(name, "")) for name in attributes))
    data().print(made)
