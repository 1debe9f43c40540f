"""The command ``rarebit``: exit codes 0 fine, 1 only with --fail-on, 2 usage or input, 3 ran degraded or blind."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

import rarebit
from rarebit.cli import (
    alerts,
    asset,
    buckets,
    calendars,
    export,
    filters,
    intel,
    interruption,
    job,
    job_care,
    key,
    peer,
    prove,
    results,
    rule,
    seen,
    serve,
    suppress,
    trial,
    tune,
    work,
)
from rarebit.cli.output import notes, safe
from rarebit.core.errors import RarebitError

USAGE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="rarebit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A short, ranked, explained list of what is rare in a fleet's telemetry.",
)
for command in (
    work.demo,
    work.check,
    work.run,
    serve.serve,
    work.status,
    work.simulate,
    tune.tune,
    trial.backtest,
    trial.inject,
    prove.prove,
):
    app.command()(command)
results.event_app.command("seen")(seen.seen)
for name, group in (
    ("job", job.app),
    ("rule", rule.app),
    ("record", results.record_app),
    ("alert", alerts.alert_app),
    ("case", results.case_app),
    ("event", results.event_app),
    ("result", buckets.result_app),
    ("asset", asset.app),
    ("filter", filters.app),
    ("calendar", calendars.app),
    ("intel", intel.app),
    ("export", export.app),
    ("peer", peer.app),
    ("suppress", suppress.app),
    ("key", key.app),
):
    app.add_typer(group, name=name)
job.app.add_typer(job_care.snapshot_app, name="snapshot")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(rarebit.__version__)
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Answer options that stand before the command."""


def main() -> None:
    """Run the command line; errors made on purpose become one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    interruption.watch()
    try:
        app()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            _let_go()
        if stop.code == INTERRUPTED:
            _say_interrupted()
        raise
    except Exception as error:
        if interruption.asked():
            _say_interrupted()
            sys.exit(INTERRUPTED)
        if not isinstance(error, RarebitError):
            raise
        notes().print(safe(f"rarebit: {error}"))
        sys.exit(USAGE)


def _say_interrupted() -> None:
    notes().print("interrupted; what was committed before stays")


def _let_go() -> None:
    """Whoever read the data has enough; what is left in the buffer goes nowhere, and nothing is wrong."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


if __name__ == "__main__":
    main()
