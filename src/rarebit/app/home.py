"""One installation on disk: lake, first-seen memory, indicators, database, model snapshots, inventory, quarantine."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import platformdirs

from rarebit.asset.inventory import Inventory
from rarebit.core.errors import StateError
from rarebit.intel.library import Library
from rarebit.lake import FirstSeen, Lake
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
        self._inventory: Inventory | None = None
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

    @property
    def _asset_file(self) -> Path:
        return self.path / "assets.json"

    def inventory(self) -> Inventory:
        """The hosts imported so far; read once for as long as this installation is open.

        Raises
        ------
        StateError
            If the file is damaged.
        """
        if self._inventory is None:
            self._inventory = self._read_inventory()
        return self._inventory

    def _read_inventory(self) -> Inventory:
        if not self._asset_file.exists():
            return Inventory()
        try:
            return Inventory(msgspec.json.decode(self._asset_file.read_bytes(), type=dict[str, dict[str, str]]))
        except (OSError, msgspec.DecodeError) as error:
            raise StateError(
                f"the inventory is damaged: {error}", where=str(self._asset_file), hint="Import the assets again"
            ) from error

    def import_assets(self, path: Path) -> Inventory:
        """Take in a list of assets; hosts already known are brought up to date.

        Raises
        ------
        InputError
            If the list cannot be read; nothing is changed then.
        """
        merged = {**self.inventory().hosts, **Inventory.read(path).hosts}
        draft = self._asset_file.with_suffix(".part")
        draft.write_bytes(msgspec.json.encode(merged, order="sorted"))
        draft.replace(self._asset_file)
        self.store.add_audit("local", "asset import", str(path.name), "", f"{len(merged)} hosts")
        self._inventory = Inventory(merged)
        return self._inventory

    def close(self) -> None:
        """Let go of the database and of open files."""
        self.first_seen.close()
        self.store.close()
