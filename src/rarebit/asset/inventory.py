"""The inventory of hosts: roles, sites, criticality, from CSV or YAML, and what was true of each when."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import orjson
import pyarrow as pa
import yaml

from rarebit.core.errors import InputError
from rarebit.core.fields import REST, TIME
from rarebit.core.names import host_key
from rarebit.core.time import iso
from rarebit.query.arrow import to_mask
from rarebit.query.tree import And, Leaf, Node, Nothing, Range, Terms, any_of

_HOST_COLUMNS: Final = ("host", "host.name", "hostname", "name")
_MAX_BYTES: Final = 256 << 20
_LONGEST_CELL: Final = 100_000
_PREFIX: Final = "asset."
State = tuple[int, dict[str, str]]
"""Since when (microseconds since 1970), and the attributes."""


class Inventory:
    """What is known of hosts: attributes by short, lower-case host name.

    Parameters
    ----------
    hosts : mapping
        Host to its attributes now.
    history : mapping, optional
        Of hosts that changed: since when (microseconds since 1970) and the attributes from then on, by time. The
        first are taken to have held before, too.
    inferred : mapping, optional
        The same, of hosts that are not listed, by what they do; nothing is known of them before the first.
    """

    def __init__(
        self,
        hosts: Mapping[str, Mapping[str, str]] | None = None,
        history: Mapping[str, Sequence[State]] | None = None,
        inferred: Mapping[str, Sequence[State]] | None = None,
    ) -> None:
        self.hosts: dict[str, dict[str, str]] = {host_key(name): dict(known) for name, known in (hosts or {}).items()}
        self.history = {host_key(name): tuple(states) for name, states in (history or {}).items()}
        self.inferred = {name: tuple(states) for name, states in (inferred or {}).items() if name not in self.hosts}

    def __len__(self) -> int:
        return len(self.hosts)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a list of hosts.

        CSV needs a column ``host`` (or ``host.name``, ``hostname``, ``name``); YAML is a list of such objects, or
        an object of host name to attributes. Every other column is an attribute: ``role``, ``site``,
        ``criticality``, ``owner``, …, used as ``asset.role`` in queries.

        Raises
        ------
        InputError
            If the file cannot be read; the line is named.
        """
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise InputError("an asset list of more than 256 MB", where=str(path))
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the asset list: {error}", where=str(path)) from error
        rows = _from_yaml(text, path) if path.suffix.lower() in (".yaml", ".yml") else _from_csv(text, path)
        return cls(dict(rows))

    def get(self, host: str, at_us: int | None = None) -> dict[str, str]:
        """Attributes of a host, at a time or now; empty if nothing is known of it."""
        name = host_key(host)
        states = self.history.get(name, ()) if at_us is not None else ()
        past = [known for since, known in states if at_us is not None and since <= at_us]
        if states:
            return past[-1] if past else states[0][1]
        if name in self.hosts:
            return self.hosts[name]
        seen = [known for since, known in self.inferred.get(name, ()) if at_us is None or since <= at_us]
        return seen[-1] if seen else {}

    def attributes(self) -> list[str]:
        """Every attribute that some host has, or had."""
        states = [known for each in (*self.history.values(), *self.inferred.values()) for _, known in each]
        return sorted({name for known in (*self.hosts.values(), *states) for name in known})

    def peer_of(self, attribute: str = "role") -> dict[str, str]:
        """Host name to the name of its peer group; hosts without the attribute are left out."""
        return {host: known[attribute] for host, known in self.hosts.items() if known.get(attribute)}

    def resolvers(self, fields: Iterable[str]) -> dict[str, Callable[[Leaf], Node]]:
        """For each ``asset.*`` field among those of a query: the function that turns a leaf into host names."""
        return {name: self._hosts_where for name in fields if name.startswith(_PREFIX)}

    def _hosts_where(self, leaf: Leaf) -> Node:
        spans = [_Span(name, None, None, self.hosts[name]) for name in sorted(self.hosts) if name not in self.history]
        spans += [span for name, states in sorted(self.history.items()) for span in _spans(name, states, before=True)]
        spans += [span for name, states in sorted(self.inferred.items()) for span in _spans(name, states, before=False)]
        known = [{_PREFIX + key: value for key, value in span.known.items()} for span in spans]
        table = pa.table({REST: pa.array([orjson.dumps(entry).decode() for entry in known], pa.string())})
        met: dict[tuple[int | None, int | None], list[str]] = {}
        for span, fits in zip(spans, to_mask(leaf, table).to_pylist(), strict=True):
            if fits:
                met.setdefault((span.since, span.until), []).append(span.host)
        return any_of([_within(names, *times) for times, names in met.items()]) if met else Nothing()


class _Span(NamedTuple):
    """A host, and what was true of it from a time to another."""

    host: str
    since: int | None
    until: int | None
    known: Mapping[str, str]


def _spans(name: str, states: Sequence[State], *, before: bool) -> list[_Span]:
    """From when to when each state of a host holds; the first from ever, if it is taken to have held ``before``."""
    ends = [*(since for since, _ in states[1:]), None]
    return [
        _Span(name, None if before and at == 0 else since, until, known)
        for at, ((since, known), until) in enumerate(zip(states, ends, strict=True))
    ]


def _within(names: Sequence[str], since: int | None, until: int | None) -> Node:
    hosts = Terms("host.name", tuple(names))
    if since is None and until is None:
        return hosts
    begun, ended = (None if at is None else iso(at) for at in (since, until))
    return And((hosts, Range(TIME, gte=begun, lt=ended)))


def _from_csv(text: str, path: Path) -> Iterable[tuple[str, dict[str, str]]]:
    try:
        yield from _csv_rows(csv.DictReader(io.StringIO(text, newline=""), restkey=""), path)
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", where=str(path)) from error


def _csv_rows(rows: csv.DictReader[str], path: Path) -> Iterable[tuple[str, dict[str, str]]]:
    columns = [name.strip() for name in rows.fieldnames or ()]
    key = next((name for name in _HOST_COLUMNS if name in columns), None)
    if key is None:
        raise InputError(
            "no column names the host", where=f"{path}, line 1", hint=f"Add one of: {', '.join(_HOST_COLUMNS)}"
        )
    rows.fieldnames = columns
    for row in rows:
        # The csv module's own limit belongs to the whole process, and other readers raise it.
        if any(value and len(value) > _LONGEST_CELL for value in row.values()):
            raise InputError("not CSV: a cell of more than 100,000 characters", where=f"{path}, line {rows.line_num}")
        host = (row.get(key) or "").strip()
        if not host:
            raise InputError("a row without a host", where=f"{path}, line {rows.line_num}")
        yield (
            host,
            {name: value.strip() for name, value in row.items() if name and name != key and value and value.strip()},
        )


def _from_yaml(text: str, path: Path) -> Iterable[tuple[str, dict[str, str]]]:
    try:
        body = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a bad date is a ValueError to the reader
        raise InputError(f"not YAML: {error}", where=str(path)) from error
    if not isinstance(body, dict | list | None):
        raise InputError("expected a list of hosts", where=str(path), hint="As: - {host: ws1, role: workstation}")
    items = list(body.items()) if isinstance(body, dict) else [(None, item) for item in body or []]
    for index, (name, known) in enumerate(items):
        if not isinstance(known, dict):
            raise InputError("expected the attributes of a host", where=f"{path}, entry {index + 1}")
        host = name or next((known[column] for column in _HOST_COLUMNS if known.get(column)), None)
        if not host:
            raise InputError("an entry without a host", where=f"{path}, entry {index + 1}")
        nested = next((key for key, value in known.items() if isinstance(value, dict | list)), None)
        if nested is not None:
            raise InputError(
                f"{nested} of {host} has several values", where=f"{path}, entry {index + 1}", hint="Give one value"
            )
        yield str(host), {str(k): str(v) for k, v in known.items() if v is not None and k not in _HOST_COLUMNS}
