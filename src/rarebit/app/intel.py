"""Indicators of an installation: lists taken in, matched with what is new, hunted for in what is remembered."""

from __future__ import annotations

import getpass
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.core.errors import InputError
from rarebit.core.indicator import FIELDS, Indicator, Kind, Match, Worth
from rarebit.core.time import iso, to_us
from rarebit.intel.draft import Draft
from rarebit.intel.library import Source, described
from rarebit.intel.match import Matcher, Rule, joined
from rarebit.intel.read import read_files
from rarebit.intel.tables import ListMapping, mapping_of

__all__ = [
    "Hunted",
    "Indicator",
    "IntelSummary",
    "Match",
    "Source",
    "hunt",
    "import_lists",
    "indicators",
    "match_new",
    "matches",
    "remove",
]

READER: Final = "rarebit:indicators"
"""Name under which the position of the matching in the lake is kept."""


class IntelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the indicators met in a run."""

    indicators: int
    hits: int
    """Indicators by field, entity and day that events went through to."""
    inbound: int
    """Those that only showed as the origin of connections from outside."""
    attempts: int
    """Those of which every event was refused or failed."""
    vetoed: int
    """Values that an indicator names and a list of false positives, too."""
    left_out: int
    """Values not looked for in events because there were too many."""
    seconds: float


class Hunted(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator that was seen here, at some time in the last year."""

    kind: Kind
    value: str
    seen: str
    """What was seen: the value, an address inside the network, a name below the domain."""
    field: str
    first: str
    last: str
    days: int
    events: int
    hosts: int
    on: tuple[str, ...]
    """The first of those hosts."""
    sources: tuple[str, ...]
    labels: tuple[str, ...]
    known: tuple[str, ...]
    """Lists of well-known values that name it."""


def import_lists(
    home: Home,
    paths: Sequence[Path],
    *,
    form: str | None = None,
    source: str | None = None,
    mapping: Path | None = None,
    alert: bool | None = None,
    benign: bool = False,
) -> Source:
    """Take in lists of indicators under one name; entries that cannot be one are counted by reason.

    Parameters
    ----------
    home : Home
        The installation.
    paths : sequence of Path
        Files, or directories.
    form : str, optional
        ``stix``, ``misp``, ``csv`` or ``list``; by content where not given.
    source : str, optional
        Name of the list; that of the first file where not given.
    mapping : Path, optional
        YAML: which column of a CSV file is what, or what every value of a list is.
    alert : bool, optional
        Whether its matches alert by themselves; as before where not given.
    benign : bool
        Whether its values are false positives, not indicators.

    Raises
    ------
    InputError
        If a file cannot be read; nothing is changed then.
    """
    name = source or (paths[0].stem if paths else "")
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"{name!r} cannot name a list", where="--source")
    draft = Draft(Worth.BENIGN if benign else Worth.BAD)
    read_files(paths, draft, form=form, mapping=_mapping(mapping) if mapping else None)
    before = next((each for each in home.library.sources() if each.name == name), None)
    alerts = alert if alert is not None else before is not None and before.alert
    origin = ", ".join(str(path) for path in paths)
    taken = home.library.take(draft, source=name, origin=origin, alert=alerts, now_us=time.time_ns() // 1000)
    home.store.add_audit(getpass.getuser(), "intel import", name, "", f"{taken.taken} values")
    return taken


_LONGEST_NAME: Final = 100


def _mapping(path: Path) -> ListMapping:
    try:
        return mapping_of(yaml.safe_load(path.read_text("utf-8")), str(path))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the mapping: {error}", where=str(path)) from error


def indicators(
    home: Home, *, source: str | None = None, value: str | None = None, limit: int | None
) -> list[Indicator]:
    """Indicators by kind and code: of one list, or whose value holds a text."""
    table = home.library.table()
    if source is not None:
        table = table.filter(pc.equal(table.column("source"), source))
    if value is not None:
        table = table.filter(pc.match_substring(table.column("value"), value.lower()))
    return described(table.slice(0, limit))


def matches(
    home: Home, *, source: str | None = None, outcome: str | None = None, since_us: int | None = None, limit: int | None
) -> list[Match]:
    """What indicators met, the latest first."""
    found = home.store.matches.list(start_us=since_us, outcome=outcome, limit=None if source else limit)
    return [match for match in found if source is None or source in match.sources][:limit]


def remove(home: Home, source: str) -> tuple[int, int]:
    """Forget a list, its indicators and the matches that only it gave; how many of each.

    Raises
    ------
    NotFoundError
        If there is no such list.
    """
    gone = home.library.remove(source)
    with home.store.transaction():
        matches = home.store.matches.remove_source(source)
        home.store.add_audit(
            getpass.getuser(), "intel remove", source, f"{gone} values", f"{matches} matches forgotten"
        )
    return gone, matches


def match_new(home: Home, version: int, *, progress: Progress = silent) -> IntelSummary | None:
    """Match what was committed since the last time, up to a version of the lake; None where there is no list.

    Matches and position are committed together, so that no event counts twice.
    """
    sources = home.library.sources()
    position = home.store.get_position(READER)
    since = position.lake_version if position else -1
    started = time.monotonic()
    if not sources:
        if since != version:
            home.store.put_position(READER, version, 0, "")
        return None
    table = home.library.table()
    found = _matcher(table, sources).search(
        home.lake,
        since_version=since,
        until_version=version,
        progress=lambda done, whole: progress("indicators", done, whole),
    )
    with home.store.transaction():
        home.store.matches.add(found.matches, joined)
        home.store.put_position(READER, version, 0, "")
    outcomes = [match.outcome for match in found.matches]
    return IntelSummary(
        indicators=int(pc.sum(pc.equal(table.column("worth"), Worth.BAD.value)).as_py() or 0),
        hits=outcomes.count("hit"),
        inbound=outcomes.count("inbound"),
        attempts=outcomes.count("attempt"),
        vetoed=found.vetoed,
        left_out=found.left_out,
        seconds=time.monotonic() - started,
    )


def _matcher(table: pa.Table, sources: Sequence[Source]) -> Matcher:
    return Matcher(table, [source.name for source in sources if source.alert])


def hunt(home: Home, *, since_us: int | None = None, source: str | None = None) -> list[Hunted]:
    """Where indicators were ever seen, by the first-seen memory: the latest first.

    Parameters
    ----------
    home : Home
        The installation; what it has remembered, as of its last run.
    since_us : int, optional
        Only indicators first imported from this time on.
    source : str, optional
        Only of this list.
    """
    table = home.library.table()
    chosen = pc.equal(table.column("worth"), Worth.BAD.value)
    if since_us is not None:
        chosen = pc.and_(chosen, pc.greater_equal(table.column("first_import_us"), since_us))
    if source is not None:
        chosen = pc.and_(chosen, pc.equal(table.column("source"), source))
    asked = table.filter(pc.or_(chosen, pc.not_equal(table.column("worth"), Worth.BAD.value)))
    matcher = _matcher(asked, home.library.sources())
    remembered = {trait.name for trait in home.first_seen.traits}
    found: list[Hunted] = []
    for field, kinds in _kinds_by_field().items():
        if field in remembered:
            found += _hunt_field(home, field, kinds, asked, matcher)
    return sorted(found, key=lambda each: (each.last, each.value, each.field), reverse=True)


def _kinds_by_field() -> dict[str, set[str]]:
    made: dict[str, set[str]] = {}
    for kind, fields in FIELDS.items():
        for field in fields:
            made.setdefault(field, set()).add(kind.value)
    return made


def _hunt_field(home: Home, field: str, kinds: set[str], asked: pa.Table, matcher: Matcher) -> list[Hunted]:
    memory = home.first_seen
    bad = asked.filter(pc.equal(asked.column("worth"), Worth.BAD.value))
    whole = bad.filter(pc.is_in(bad.column("kind"), pa.array(sorted(kinds - {Kind.CIDR.value})))).column("value")
    wanted = pa.table({"field": pa.array([field] * len(whole), pa.string()), "value": whole})
    seen = memory.join(wanted, below=True).drop_columns(["row"])
    if Kind.CIDR.value in kinds and pc.any(pc.equal(bad.column("kind"), Kind.CIDR.value)).as_py():
        addresses = pa.array(memory.matching(field, "*"), pa.string())
        inside, _ = matcher.rules(field, addresses)
        seen = pa.concat_tables([seen, memory.lookup(field, sorted(inside))])
    rows: dict[str, dict[str, Any]] = {row["value"]: row for row in seen.to_pylist()}
    rules, _ = matcher.rules(field, pa.array(sorted(rows), pa.string()))
    return [
        made
        for value, several in rules.items()
        for kind, rule in several
        if (made := _hunted(home, field, (kind, rule), rows[value], matcher)) is not None
    ]


_HOSTS: Final = 20
"""Hosts named of one value."""


def _hunted(home: Home, field: str, met: tuple[Kind, Rule], row: dict[str, Any], matcher: Matcher) -> Hunted | None:
    kind, rule = met
    first, last = (to_us(row[name]) for name in ("first", "last"))
    rows = matcher.holding(rule, first, last)
    if not rows:
        return None
    value, sources, labels = matcher.told(rows)
    hosts = home.first_seen.where(field, row["value"]).column("host").drop_null().to_pylist()
    return Hunted(
        kind=kind,
        value=value,
        seen=row["value"],
        field=field,
        first=iso(first),
        last=iso(last),
        days=row["days"],
        events=row["events"],
        hosts=row["hosts"],
        on=tuple(hosts[:_HOSTS]),
        sources=sources,
        labels=labels,
        known=rule.known,
    )
