"""``rarebit key``: keys by which programs send events and read results."""

from __future__ import annotations

from typing import Annotated

import typer

from rarebit.app import keys
from rarebit.cli.options import HomeOption, JsonOption, home_at
from rarebit.cli.output import data, notes, safe, table, write_json

app = typer.Typer(no_args_is_help=True, help="Keys by which programs send events and read results.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="intake sends events; read, judge and manage as the roles. Repeat it.")
    ],
    days: Annotated[int | None, typer.Option("--days", help="Days it works; without, for ever.")] = None,
    home: HomeOption = None,
) -> None:
    """Make a key, and print it once."""
    with home_at(home) as place:
        made, shown = keys.make_key(place, name, scope, days=days, actor="local")
    notes().print(safe(f"key {made.id} for {', '.join(made.scopes)}; it cannot be shown again:"))
    data().print(safe(shown), soft_wrap=True)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List keys, without what they are."""
    with home_at(home) as place:
        lines = [keys.key_line(key) for key in place.store.keys.list()]
    if json:
        write_json(lines)
        return
    made = table("id", "name", "scopes", "state", "created", "by", "expires")
    for line in lines:
        scopes = ", ".join(line["scopes"]) if isinstance(line["scopes"], list) else ""
        made.add_row(
            *(
                safe(text or "")
                for text in (
                    line["id"], line["name"], scopes, line["state"], line["created"], line["created_by"],
                    line["expires"] or "never",
                )
            )
        )  # fmt: skip
    data().print(made)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")], home: HomeOption = None) -> None:
    """Let a key work no more."""
    with home_at(home) as place:
        gone = keys.revoke_key(place, key_id, actor="local")
    notes().print(safe(f"key {gone.id} ({gone.name}) works no more"))
