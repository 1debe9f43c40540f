"""One installation on disk: lake, first-seen memory, indicators, database, model snapshots, inventory, quarantine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import platformdirs

from rarebit.app.assets import Assets, Taken
from rarebit.app.inferred import inferred_privileges, inferred_roles
from rarebit.asset.inventory import Inventory
from rarebit.asset.people import PRIVILEGE, People
from rarebit.core.errors import StateError
from rarebit.intel.library import Library
from rarebit.lake import FirstSeen, Lake
from rarebit.query.tree import Leaf, Node
from rarebit.store.store import Store

HOME_VARIABLE = "RAREBIT_HOME"


def default_home() -> Path:
    """``RAREBIT_HOME``, or the platform's place for data of a user."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("rarebit", appauthor=False))


class Home:
    """The directory that holds everything of one installation.

    Parameters
    ----------
    path : Path
        Made if missing.

    Raises
    ------
    StateError
        If the directory cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"cannot make the home directory: {error}", where=str(path)) from error
        if not os.access(self.path, os.W_OK):
            raise StateError("the home directory cannot be written", where=str(path), hint="Choose another with --home")
        self.lake = Lake(self.path / "lake")
        self.first_seen = FirstSeen(self.path / "first-seen")
        self.library = Library(self.path / "intel")
        self.store = Store.open(f"sqlite:///{self.path / 'rarebit.db'}")
        self.assets = Assets(self.path)
        self._inventory: Inventory | None = None
        self._people: People | None = None
        self.clock: tuple[int, int | None] | None = None
        """Version of the lake, and the fleet's clock at it; see :mod:`rarebit.app.clock`."""

    @property
    def snapshots(self) -> Path:
        """Directory of model snapshots."""
        return self.path / "snapshots"

    @property
    def quarantine(self) -> Path:
        """NDJSON of every record that could not be read."""
        return self.path / "quarantine.ndjson"

    @property
    def spool(self) -> Path:
        """Directory of events that were accepted and are not in the lake yet."""
        return self.path / "spool"

    @property
    def rule_file(self) -> Path:
        """Rules of this installation, and how rules were switched."""
        return self.path / "rules.json"

    def inventory(self) -> Inventory:
        """The hosts imported so far; read once for as long as this installation is open.

        Hosts that are not listed have the role that their peer group tells of, marked so, from that Monday on.

        Raises
        ------
        StateError
            If a file is damaged.
        """
        if self._inventory is None:
            self._inventory = self.assets.inventory(inferred_roles(self.store.groupings.list("host")))
        return self._inventory

    def people(self) -> People:
        """The accounts of which something is known; those of no list by what they do, marked so.

        Raises
        ------
        StateError
            If a file is damaged.
        """
        if self._people is None:
            self._people = self.assets.people().joined(inferred_privileges(self.store.groupings.latest("user")))
        return self._people

    def resolvers(self, fields: Iterable[str]) -> dict[str, Callable[[Leaf], Node]]:
        """What turns ``asset.*`` and ``user.privilege`` among the fields of a query into hosts and accounts."""
        asked = [name for name in fields if name.startswith("asset.") or name == PRIVILEGE]
        known = self.inventory().resolvers(asked) if any(name != PRIVILEGE for name in asked) else {}
        return known | (self.people().resolvers(asked) if PRIVILEGE in asked else {})

    def import_assets(self, path: Path) -> Taken:
        """Take in a list of hosts, a result log of osquery or an export of a directory.

        Raises
        ------
        InputError
            If it cannot be read; nothing is changed then.
        """
        taken = self.assets.take(path)
        self.store.add_audit("local", "asset import", str(path.name), "", f"{taken.form}: {taken.hosts} hosts")
        self._inventory = self._people = None
        return taken

    def close(self) -> None:
        """Let go of the database and of open files."""
        self.first_seen.close()
        self.store.close()
