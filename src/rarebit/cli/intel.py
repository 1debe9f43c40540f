"""``rarebit intel``: indicators of others, what they met, and where they were ever seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app import intel
from rarebit.cli.options import HomeOption, JsonOption, LimitOption, existing_home, home_at, moment
from rarebit.cli.output import count, data, notes, safe, table, write_json
from rarebit.core.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Indicators: lists of addresses, names and hashes, and what met them.")
SourceOption = Annotated[str | None, typer.Option("--source", help="Only of this list.")]
_SHOWN = 50
_OUTCOMES = ("hit", "attempt", "inbound")


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, or directories; a MISP feed's directory as a whole.")],
    form: Annotated[
        str | None, typer.Option("--type", help="stix, misp, csv or list; by content if not given.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Name of the list; else that of the file.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML: which column is what, or type: sha256 for a plain list.")
    ] = None,
    alert: Annotated[
        bool | None,
        typer.Option(
            "--alert/--no-alert", help="Mark the list: its hits deserve a look by themselves.", show_default=False
        ),
    ] = None,
    benign: Annotated[bool, typer.Option("--benign", help="Values are false positives, not indicators.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take in a list; run it again with a newer one, and what is gone from it decays."""
    with home_at(home) as place:
        taken = intel.import_lists(
            place, paths, form=form, source=source, mapping=mapping, alert=alert, benign=benign
        )  # fmt: skip
        read_before = place.lake.version() >= 0
    if json:
        write_json([taken])
    else:
        data().print(
            safe(f"{taken.name}: {count(taken.taken)} values of {count(taken.read)} entries, {count(taken.new)} new")
        )
    for part in taken.skipped:
        notes().print(safe(f"  left out {count(part.count)}: {part.reason} ({part.where})"))
    if taken.new and read_before and not benign:
        notes().print(safe(f"were they here before? rarebit intel hunt --source {taken.name}"))


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="lists, matches or indicators.")] = "lists",
    source: SourceOption = None,
    value: Annotated[str | None, typer.Option("--value", help="Indicators whose value holds this text.")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="Matches: hit, attempt or inbound.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Matches not before this time.")] = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the lists, what they met here, or the indicators themselves."""
    if outcome is not None and outcome not in _OUTCOMES:
        raise InputError(f"{outcome!r} is none of {', '.join(_OUTCOMES)}", where="--outcome")
    shown = limit if limit or json else _SHOWN
    with existing_home(home) as place:
        if what == "lists":
            sources = place.library.sources()
            write_json(sources) if json else _print_sources(sources)
        elif what == "indicators":
            found = intel.indicators(place, source=source, value=value, limit=shown)
            write_json(found) if json else _print_indicators(found)
        elif what == "matches":
            matches = intel.matches(place, source=source, outcome=outcome, since_us=moment(since), limit=shown)
            write_json(matches) if json else _print_matches(matches)
        else:
            raise InputError(f"{what!r} is none of lists, matches, indicators")


@app.command()
def hunt(
    since: Annotated[str | None, typer.Option("--since", help="Only indicators first imported from then on.")] = None,
    source: SourceOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say where indicators were ever seen, up to a year after the events are gone."""
    with existing_home(home) as place:
        if not place.library.sources():
            raise InputError("there are no indicators", hint="Import a list: rarebit intel import FILE")
        found = intel.hunt(place, since_us=moment(since), source=source)
        remembered = place.first_seen.report()
    if not found:
        notes().print(safe(f"none was ever seen, among {count(remembered.rows)} values by host remembered"))
    if json:
        write_json(found)
    else:
        _print_hunted(found)


@app.command()
def remove(
    source: Annotated[str, typer.Option("--source", help="Name of the list.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget a list, its indicators and the matches that only it gave."""
    with existing_home(home) as place:
        gone, matches = intel.remove(place, source)
    if json:
        write_json([{"source": source, "indicators": gone, "matches": matches}])
    else:
        data().print(safe(f"{source}: {count(gone)} indicators and {count(matches)} matches forgotten"))


def _print_sources(found: list[intel.Source]) -> None:
    made = table("list", "values", "last import", "format", "alerts", "left out", right=("values", "left out"))
    for each in found:
        made.add_row(
            safe(each.name), count(each.held), each.imported_at[:19], safe(", ".join(each.formats)),
            "by itself" if each.alert else "", count(sum(part.count for part in each.skipped)),
        )  # fmt: skip
    data().print(made)


def _print_indicators(found: list[intel.Indicator]) -> None:
    made = table("kind", "value", "list", "worth", "confidence", "valid until", "last in list", "label")
    for each in found:
        made.add_row(
            each.kind, safe(each.value), safe(each.source), each.worth, f"{each.confidence:.0f}",
            (each.valid_until or "")[:10], each.last_seen[:10], safe(each.label),
        )  # fmt: skip
    data().print(made)


def _print_matches(found: list[intel.Match]) -> None:
    numbers = ("hits", "refused", "from outside", "confidence")
    made = table("day", "on", "indicator", "seen in", *numbers, "list, and what it says", right=numbers)
    for each in found:
        said = "; ".join([*each.sources, *each.labels, *(f"well known: {name}" for name in each.known)])
        value = each.value if each.seen == each.value else f"{each.value} ({each.seen})"
        made.add_row(
            each.day, safe(each.entity_id or "not named"), safe(f"{each.kind} {value}"), safe(each.field),
            count(each.hits), count(each.attempts), count(each.inbound), f"{each.confidence:.0f}", safe(said),
        )  # fmt: skip
    data().print(made)


def _print_hunted(found: list[intel.Hunted]) -> None:
    made = table("last", "first", "indicator", "seen in", "hosts", "days", "events", "on", "list, and what it says",
                 right=("hosts", "days", "events"))  # fmt: skip
    for each in found:
        said = "; ".join([*each.sources, *each.labels, *(f"well known: {name}" for name in each.known)])
        value = each.value if each.seen == each.value else f"{each.value} ({each.seen})"
        made.add_row(
            each.last[:19], each.first[:19], safe(f"{each.kind} {value}"), safe(each.field), count(each.hosts),
            count(each.days), count(each.events), safe(", ".join(each.on[:3])), safe(said),
        )  # fmt: skip
    data().print(made)
