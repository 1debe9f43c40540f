"""The events to measure with: a made fleet as files, and as a lake filled through the product's own intake."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.simulate.files import Format
from rarebit.simulate.fleet import FleetSettings, write_fleet

HOSTS = 4_500
DAYS = 14
NDJSON_EVENTS = 500_000
_A_HOST_DAY = 150
"""Events of one host and day in a small set, which has fewer hosts instead of quieter ones."""
_SMALL = 1_000_000
_WARM_EVENTS = 6_000


def default_root() -> Path:
    """Where the data are kept if nothing else is said."""
    return Path(tempfile.gettempdir()) / "rarebit-bench"


@dataclass(frozen=True)
class Data:
    """Files and homes of one size."""

    root: Path
    events: int

    @property
    def home(self) -> Path:
        """Home whose lake holds all events."""
        return self._made(f"home-{self.events}", self._fill)

    @property
    def files(self) -> Path:
        """The same events as Parquet, one file a day."""
        return self._made(f"parquet-{self.events}", lambda out: _simulate(out, self.events, "parquet", DAYS))

    @property
    def ndjson(self) -> Path:
        """Fewer events as nested NDJSON, one file."""
        count = min(self.events, NDJSON_EVENTS)
        return self._made(f"ndjson-{count}", lambda out: _simulate(out, count, "ndjson", 1))

    @property
    def warm_home(self) -> Path:
        """A few events, to have everything compiled and loaded before the clock starts."""
        return self._made("home-warm", lambda out: _load(out, self._warm_files))

    @property
    def _warm_files(self) -> Path:
        return self._made("parquet-warm", lambda out: _simulate(out, _WARM_EVENTS, "parquet", 2))

    def _fill(self, out: Path) -> None:
        _load(out, self.files)

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        """A directory made once; what was cut off half-way is made again."""
        path = self.root / name
        marker = path / "made.json"
        if not marker.exists():
            shutil.rmtree(path, ignore_errors=True)
            started = time.perf_counter()
            make(path)
            marker.write_text(json.dumps({"seconds": time.perf_counter() - started}), "utf-8")
        return path


def _simulate(out: Path, events: int, form: Format, days: int) -> None:
    hosts = HOSTS if events >= _SMALL else max(20, round(events / (_A_HOST_DAY * days)))
    rate = events / (hosts * days)
    write_fleet(FleetSettings(hosts=hosts, days=days, seed=7, events_per_host_day=rate), out, format=form)


def _load(out: Path, files: Path) -> None:
    home = Home(out)
    try:
        ingest(home, [files / "events"])
        home.import_assets(files / "assets.csv")
    finally:
        home.lake.close()
        home.close()


def fresh_home(filled: Path, scratch: Path) -> Home:
    """A home without results over the lake of another."""
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "lake").symlink_to(filled / "lake", target_is_directory=True)
    shutil.copyfile(filled / "assets.json", scratch / "assets.json")
    return Home(scratch)


def lake_files(home: Path) -> list[str]:
    """Parquet files of a home's lake, by day; what later compaction left behind is not among them."""
    from deltalake import DeltaTable

    return sorted(str(home / "lake" / path) for path in DeltaTable(home / "lake").file_uris())
