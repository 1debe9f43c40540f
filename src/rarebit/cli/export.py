"""``rarebit export``: what was found, in the forms that others take."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from rarebit.app import exports
from rarebit.cli.options import HomeOption, existing_home
from rarebit.cli.output import count, notes, safe
from rarebit.core.disk import replacing
from rarebit.core.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Hand on: ECS, OCSF, CSV, ATT&CK layers, a report in one file.")
OutOption = Annotated[Path | None, typer.Option("--out", help="File to write instead of stdout.", show_default=False)]


@app.command("cases")
def cases(
    form: Annotated[str, typer.Option("--as", help="ndjson, ecs, ocsf or csv.")] = "ndjson",
    state: Annotated[str, typer.Option("--state", help="open, closed, below, withdrawn or all.")] = "open",
    out: OutOption = None,
    home: HomeOption = None,
) -> None:
    """Cases: as they are, as ECS or OCSF Detection Finding documents, or as CSV."""
    with existing_home(home) as place:
        write_out(exports.exported(place, "cases", form, state=state), out)


@app.command("alerts")
def alerts(
    form: Annotated[str, typer.Option("--as", help="ndjson, ecs or csv.")] = "ndjson",
    out: OutOption = None,
    home: HomeOption = None,
) -> None:
    """Alerts: as they are, as ECS documents with the fields of their first event, or as CSV."""
    with existing_home(home) as place:
        write_out(exports.exported(place, "alerts", form), out)


@app.command("records")
def records(
    form: Annotated[str, typer.Option("--as", help="ndjson or csv.")] = "ndjson",
    out: OutOption = None,
    home: HomeOption = None,
) -> None:
    """Records: as they are, or as CSV."""
    with existing_home(home) as place:
        write_out(exports.exported(place, "records", form), out)


@app.command("attack")
def attack(out: OutOption = None, home: HomeOption = None) -> None:
    """A layer for the ATT&CK Navigator: what is covered, and what could fire on the events there are."""
    with existing_home(home) as place:
        write_out([msgspec.json.format(msgspec.json.encode(exports.attack_layer(place))) + b"\n"], out, what="layer")


@app.command("report")
def report(
    out: Annotated[Path, typer.Argument(help="HTML file to write.")],
    title: Annotated[str, typer.Option("--title")] = "Rarebit report",
    home: HomeOption = None,
) -> None:
    """The open cases with their evidence as one HTML file that needs nothing from outside."""
    with existing_home(home) as place:
        write_out([exports.report(place, title=title).encode()], out, what="report")


def write_out(lines: Iterable[bytes], out: Path | None, *, what: str = "") -> None:
    """To stdout, or to a file that is whole or not there."""
    if out is None:
        for line in lines:
            sys.stdout.buffer.write(line)
        sys.stdout.flush()
        return
    number = 0
    try:
        with replacing(out) as draft:
            draft.touch(0o600, exist_ok=False)  # for its owner's eyes
            with draft.open("wb") as file:
                for number, line in enumerate(lines, 1):  # noqa: B007 told below
                    file.write(line)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", where=str(out)) from error
    notes().print(safe(f"{out}: {what or f'{count(number)} lines'} written"))
