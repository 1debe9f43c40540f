"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from rarebit.app.home import HOME_VARIABLE, Home, default_home
from rarebit.core.errors import InputError, StateError
from rarebit.core.time import parse_time, to_datetime

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Directory of the installation.", envvar=HOME_VARIABLE, show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="NDJSON on stdout, one object a line.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]
JobOption = Annotated[str | None, typer.Option("--job", help="Only of this job.")]
HostOption = Annotated[str | None, typer.Option("--host", help="Only of this host.")]
ScoreOption = Annotated[float | None, typer.Option("--min-score", help="Only at or above this score.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="Not before this time (ISO 8601, or 7d).")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this time.")]


@contextmanager
def existing_home(path: Path | None) -> Iterator[Home]:
    """The installation at a path; looking at one that is not there does not make it.

    Raises
    ------
    StateError
        If there is none.
    """
    place = path or default_home()
    if not place.is_dir():
        raise StateError("nothing has been read yet", where=str(place), hint="Run: rarebit run PATH")
    with home_at(place) as home:
        yield home


@contextmanager
def home_at(path: Path | None) -> Iterator[Home]:
    """The installation at a path, or at the default place, closed at the end."""
    home = Home(path or default_home())
    try:
        yield home
    finally:
        home.close()


def moment(text: str | None) -> int | None:
    """Microseconds of an option such as ``2026-11-24T08:00Z`` or ``7d``.

    Raises
    ------
    InputError
        If it is not a time, or lies outside the years 1 to 9999.
    """
    if text is None:
        return None
    found = parse_time(text)
    try:
        to_datetime(found)
    except OverflowError as error:
        raise InputError(f"{text!r} lies outside the years 1 to 9999", hint="Write for example 7d") from error
    return found
