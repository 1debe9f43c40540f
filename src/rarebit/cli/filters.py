"""``rarebit filter``: lists of values that rules of detectors refer to."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from rarebit.app import filters
from rarebit.cli.options import HomeOption, JsonOption, existing_home, home_at
from rarebit.cli.output import data, notes, safe, table, write_json
from rarebit.core.care import FilterList

app = typer.Typer(no_args_is_help=True, help="Filter lists: values that custom rules of jobs leave out, or let in.")
FilterId = Annotated[str, typer.Argument(help="Id of the filter list.")]
Items = Annotated[list[str], typer.Argument(help="Values; with * at an end: x*, *x, *x*.")]


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the filter lists, and the jobs that use each."""
    with home_at(home) as place:
        found, users = place.store.care.list_filters(), filters.used_by(place)
    if json:
        write_json(
            {"filter_id": each.filter_id, "description": each.description, "item_count": len(each.items),
             "used_by": {"jobs": users.get(each.filter_id, [])}}
            for each in found
        )  # fmt: skip
        return
    made = table("id", "items", "used by", "description", right=("items",))
    for each in found:
        used = ", ".join(users.get(each.filter_id, [])) or "no job"
        made.add_row(safe(each.filter_id), str(len(each.items)), safe(used), safe(each.description))
    data().print(made)


@app.command()
def show(filter_id: FilterId, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the items of a filter list."""
    with existing_home(home) as place:
        found = place.store.care.get_filter(filter_id)
    _print(found, json=json)


@app.command()
def put(
    filter_id: FilterId,
    items: Annotated[list[str] | None, typer.Argument(help="Values; with * at an end: x*, *x, *x*.")] = None,
    description: Annotated[str, typer.Option("--description", help="What the list is for.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a filter list, or put another in its place."""
    new = FilterList(filter_id=filter_id, description=description, items=tuple(items or ()))
    with home_at(home) as place:
        made = filters.put_filter(place, new, actor=getpass.getuser())
    _print(made, json=json)


@app.command()
def add(filter_id: FilterId, items: Items, home: HomeOption = None, json: JsonOption = False) -> None:
    """Add items; rules that use the list heed them from the next run on."""
    with existing_home(home) as place:
        made = filters.change_items(place, filter_id, add=items, actor=getpass.getuser())
    _print(made, json=json)


@app.command()
def remove(filter_id: FilterId, items: Items, home: HomeOption = None, json: JsonOption = False) -> None:
    """Remove items; one that is not on the list is an error."""
    with existing_home(home) as place:
        made = filters.change_items(place, filter_id, remove=items, actor=getpass.getuser())
    _print(made, json=json)


@app.command()
def delete(filter_id: FilterId, home: HomeOption = None) -> None:
    """Delete a filter list that no job uses."""
    with existing_home(home) as place:
        filters.delete_filter(place, filter_id, actor=getpass.getuser())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON of a filter list, or of several.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put them in place of those of the same id.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Import filter lists in Elastic's JSON."""
    with home_at(home) as place:
        taken = filters.import_filters(place, file, replace=replace, actor=getpass.getuser())
    if json:
        write_json(taken)
        return
    for each in taken:
        data().print(safe(f"{each.filter_id}: {len(each.items)} items"))
        _warn(each)


@app.command()
def export(filter_id: FilterId, home: HomeOption = None) -> None:
    """Print a filter list as Elastic's JSON."""
    with existing_home(home) as place:
        write_json([place.store.care.get_filter(filter_id)])


def _print(found: FilterList, *, json: bool) -> None:
    if json:
        write_json([found])
        return
    head = f"{found.filter_id}: {len(found.items)} items"
    data().print(safe(f"{head}; {found.description}" if found.description else head))
    for item in found.items:
        data().print(safe(f"  {item}"))
    _warn(found)


def _warn(found: FilterList) -> None:
    wide = filters.broad(found.items)
    if wide:
        notes().print(safe(f"broad, and a way past the job for whoever knows it: {', '.join(wide)}"))
