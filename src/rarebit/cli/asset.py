"""``rarebit asset``: the inventory of hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app.hosts import show_host
from rarebit.cli.options import HomeOption, JsonOption, existing_home, home_at
from rarebit.cli.output import data, safe, table, write_json

app = typer.Typer(no_args_is_help=True, help="Hosts: roles, sites, criticality; used as asset.role in queries.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a column host, or YAML.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take in a list of hosts; hosts already known are brought up to date."""
    with home_at(home) as place:
        inventory = place.import_assets(file)
    if json:
        write_json([{"hosts": len(inventory), "attributes": inventory.attributes()}])
    else:
        data().print(safe(f"{len(inventory)} hosts with {', '.join(inventory.attributes())}"))


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
    made = table("job", "host is", "active hours", "observations", right=("active hours", "observations"))
    for job in found.jobs:
        made.add_row(safe(job.job_id), job.state, f"{job.active_hours:,.0f}", f"{job.observations:,}")
    out.print(made)
    out.print(safe("learning (8 active hours): told only of what is new to peers or fleet; up to 56 it is usable"))
    out.print(safe(f"{found.records} records, {len(found.cases)} cases: rarebit record list --host {found.host}"))


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the hosts of the inventory."""
    with home_at(home) as place:
        inventory = place.inventory()
    rows = sorted(inventory.hosts.items())
    if json:
        write_json({"host": host, **known} for host, known in rows)
        return
    attributes = inventory.attributes()
    made = table("host", *attributes)
    for host, known in rows:
        made.add_row(safe(host), *(safe(known.get(name, "")) for name in attributes))
    data().print(made)
