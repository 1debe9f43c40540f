"""The inventory on disk: lists that people hand in, exports of a directory, and what hosts report of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from rarebit.asset.derive import states_of
from rarebit.asset.directory import accounts_of, hosts_of, kind_of, read_export
from rarebit.asset.inventory import Inventory, State
from rarebit.asset.ledger import Ledger
from rarebit.asset.osquery import Reading, head_of, is_osquery, read_results
from rarebit.asset.people import People
from rarebit.core.disk import replacing
from rarebit.core.errors import InputError, StateError
from rarebit.core.names import account_form

Hosts = dict[str, dict[str, str]]
States = dict[str, tuple[State, ...]]
LISTED: Final = "assets.json"
FOLDER: Final = "assets"


def osquery_pack() -> str:
    """The pack of queries that ships, as osquery reads it."""
    return resources.files("rarebit.content").joinpath("inventory").joinpath("osquery-pack.json").read_text("utf-8")


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What an import brought."""

    form: str
    """``list``, ``osquery``, ``directory accounts`` or ``directory computers``."""
    hosts: int
    """Of the inventory, now."""
    accounts: int
    attributes: tuple[str, ...]
    read: int
    """Lines or rows of the file."""
    changed: int
    """Of osquery, reports that changed something."""
    skipped: dict[str, int] = msgspec.field(default_factory=dict)
    """Lines that were left out, by reason."""
    others: dict[str, int] = msgspec.field(default_factory=dict)
    """Of osquery, queries whose answers fill no part of the inventory."""


class Assets:
    """What is known of hosts and accounts of one installation.

    Parameters
    ----------
    home : Path
        Its directory.
    """

    def __init__(self, home: Path) -> None:
        self._listed = home / LISTED
        self._folder = home / FOLDER
        self._facts = self._folder / "facts.parquet"

    def inventory(self, inferred: Mapping[str, Sequence[State]] | None = None) -> Inventory:
        """All hosts; a list that people handed in comes before what hosts report, and that before a directory.

        Raises
        ------
        StateError
            If a file is damaged.
        """
        listed: Hosts = _read(self._listed, Hosts)
        directory: Hosts = _read(self._folder / "directory.json", Hosts)
        reported: States = _read(self._folder / "states.json", States)
        hosts = {name: dict(held) for name, held in directory.items()}
        for name, states in reported.items():
            hosts[name] = hosts.get(name, {}) | states[-1][1]
        for name, held in listed.items():
            hosts[name] = _without_source(hosts.get(name, {}), held) | held
        history = {
            name: tuple(
                (since, _without_source(directory.get(name, {}) | state, listed.get(name, {})) | listed.get(name, {}))
                for since, state in states
            )
            for name, states in reported.items()
            if len(states) > 1
        }
        return Inventory(hosts, history, inferred)

    def people(self) -> People:
        """All accounts of which something is known.

        Raises
        ------
        StateError
            If a file is damaged.
        """
        reported: States = _read(self._folder / "states.json", States)
        local = [
            (name, "local_admin", f"osquery: local administrator of {host}")
            for host, states in sorted(reported.items())
            for name in states[-1][1].get("local_admins", "").split(",")
            if name and name != "administrator"
        ]
        return People(_read(self._folder / "people.json", Hosts)).joined(local)

    def take(self, path: Path) -> Taken:
        """Take in a file of any of the forms; what is there already is brought up to date.

        Raises
        ------
        InputError
            If it cannot be read; nothing is changed then.
        """
        if not path.is_file():
            raise InputError("there is no such file", where=str(path), hint="Give a list of hosts, or a result log")
        head = head_of(path)
        if is_osquery(head):
            return self._take_results(path)
        form = kind_of(head) if path.suffix.lower() == ".csv" else None
        if form is not None:
            return self._take_export(path, form)
        new = Inventory.read(path).hosts
        _write(self._listed, _read(self._listed, Hosts) | new)
        return self._taken("list", len(new))

    def _take_results(self, path: Path) -> Taken:
        reading, ledger = Reading(), Ledger.read(self._facts)
        changed = ledger.take(read_results(path, reading))
        if not reading.taken and not reading.others:
            raise InputError("no line of it could be read", where=str(path), hint=_reasons(reading))
        self._folder.mkdir(parents=True, exist_ok=True)
        ledger.write(self._facts)
        _write(self._folder / "states.json", {host: states_of(facts) for host, facts in ledger.by_host().items()})
        skipped = dict(reading.skipped) | ({"older than what is known": ledger.older} if ledger.older else {})
        found = self._taken("osquery", reading.lines)
        return msgspec.structs.replace(found, changed=changed, skipped=skipped, others=dict(reading.others))

    def _take_export(self, path: Path, form: str) -> Taken:
        rows = read_export(path)
        made = accounts_of(rows) if form == "accounts" else Inventory(hosts_of(rows)).hosts
        if not made:
            raise InputError(
                f"no {form} in it", where=str(path), hint="Export SamAccountName and the columns beside it"
            )
        if form == "accounts":
            made = {account_form(name): held for name, held in made.items()}
        file = self._folder / ("people.json" if form == "accounts" else "directory.json")
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(file, _read(file, Hosts) | made)
        return self._taken(f"directory {form}", len(rows))

    def _taken(self, form: str, read: int) -> Taken:
        inventory = self.inventory()
        return Taken(
            form=form, hosts=len(inventory), accounts=len(self.people().accounts), read=read, changed=0,
            attributes=tuple(inventory.attributes()),
        )  # fmt: skip


def _without_source(held: dict[str, str], listed: dict[str, str]) -> dict[str, str]:
    """Where a list says the role, what else told of one is no source of it."""
    return {name: value for name, value in held.items() if name != "role_from"} if "role" in listed else held


def _reasons(reading: Reading) -> str:
    return "; ".join(f"{count} lines: {reason}" for reason, count in reading.skipped.items()) or "It is empty"


def _read(path: Path, kind: Any) -> Any:  # noqa: ANN401 - of the kind asked for
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise StateError(
            f"the inventory is damaged: {error}", where=str(path), hint="Import the assets again"
        ) from error


def _write(path: Path, body: Any) -> None:  # noqa: ANN401
    with replacing(path) as draft:
        draft.write_bytes(msgspec.json.encode(body, order="sorted"))
