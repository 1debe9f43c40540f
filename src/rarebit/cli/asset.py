"""``rarebit asset``: the inventory of hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.cli.options import HomeOption, JsonOption, home_at
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
