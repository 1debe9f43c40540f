"""``rarebit event seen``: where and when a value was ever seen, from the first-seen memory."""

from __future__ import annotations

from typing import Annotated

import typer

from rarebit.app import memory
from rarebit.cli.options import HomeOption, JsonOption, existing_home
from rarebit.cli.output import count, data, notes, progress, safe, table, write_json
from rarebit.core.errors import InputError

_HOSTS = 20
"""Hosts shown of one value."""


def seen(
    value: Annotated[
        str | None, typer.Argument(help="Host, process, hash, address or domain; * and ? stand for any characters.")
    ] = None,
    field: Annotated[str | None, typer.Option("--field", help="Only in this field, or fields joined by +.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget everything first, and learn what the lake still holds.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say on which hosts, and when, a value was first and last seen: up to a year after its events are gone."""
    if value is None and not rebuild:
        raise InputError("say which value", hint="Write for example: rarebit event seen evil.example")
    with existing_home(home) as place, progress() as report:
        if rebuild:
            memory.remember(place, rebuild=True, progress=report)
        held, behind = memory.standing(place, progress=report)
        found = memory.seen(place, value, field=field) if value is not None else []
    if behind:
        notes().print(safe("the newest events are not in it yet; the next rarebit run takes them in"))
    if value is None:
        notes().print(safe(f"{count(held.rows)} values by host remembered, {held.bytes / 1e6:.1f} MB"))
        return
    if not found:
        fields = field or f"any of {len(held.traits)} fields"
        notes().print(safe(f"never seen in {fields}, among {count(held.rows)} values by host remembered"))
    if json:
        write_json(found)
    else:
        _print(found)


def _print(found: list[memory.Seen]) -> None:
    out = data()
    for each in found:
        out.print(safe(f"{each.field} {each.value}"), style="bold")
        out.print(
            safe(
                f"{_of(each.events, 'event')} on {_of(each.days, 'day')}, {_of(each.hosts, 'host')}; "
                f"first {each.first[:19]}, last {each.last[:19]}"
            )
        )
        made = table("host", "first", "last", "days", "events", right=("days", "events"))
        for on in each.on[:_HOSTS]:
            made.add_row(safe(on.host or "none named"), on.first[:19], on.last[:19], count(on.days), count(on.events))
        out.print(made)
        if len(each.on) > _HOSTS:
            out.print(safe(f"the first {_HOSTS} of {len(each.on)}; all with --json"))
        out.print()


def _of(number: int, thing: str) -> str:
    return f"{count(number)} {thing}{'' if number == 1 else 's'}"
