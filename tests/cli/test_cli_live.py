"""``rarebit serve`` with real processes: killed at any moment and started again, it loses and doubles nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
import numpy as np
import orjson
import pytest

from rarebit.app import keys
from rarebit.app.home import Home
from rarebit.core.time import parse_time

OpenHome = Callable[[Path], AbstractContextManager[Home]]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="stops by signals that Windows does not have")
LATER = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")


@contextmanager
def _serving(home: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "rarebit.cli.main", "serve", "--home", str(home), "--port", "0", "--every", "0.5"]
    command += ["--learn-until", "2026-10-08T00:00:00Z", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stderr is not None
            said = process.stderr.readline() + process.stderr.readline()
            address = re.search(r"at (http://\S+);", said)
            assert address, said
            yield address[1], process
        finally:
            process.kill()


def _send(address: str, key: str, lines: list[bytes]) -> bool:
    body = b"".join(b'{"create":{}}\n' + line + b"\n" for line in lines)
    headers = {"authorization": f"ApiKey {key}", "content-type": "application/x-ndjson"}
    try:
        with urlopen(Request(address + "/_bulk", body, headers), timeout=20) as answer:  # noqa: S310 our own address
            return not orjson.loads(answer.read())["errors"]
    except HTTPError as error:
        if error.code != 429:
            raise
        return False
    except (URLError, OSError):
        return False


def _append(file: Path, lines: list[bytes]) -> None:
    """Let a file grow that looks as if it stood still: it is taken at once, so that events keep their order."""
    with file.open("ab") as out:
        out.write(b"\n".join(lines) + b"\n")
    os.utime(file, (1_790_000_000 + file.stat().st_size, 1_790_000_000 + file.stat().st_size))


def _results(home: Home) -> dict[str, Any]:
    records = (msgspec.to_builtins(record) for record in home.store.list_records())
    return {
        "records": {each["id"]: {k: v for k, v in each.items() if k not in LATER} for each in records},
        "alerts": sorted(alert.id for alert in home.store.list_alerts()),
        "events": home.lake.summary().events,
    }


def _taken_in(home: Path, open_home: OpenHome, line: bytes) -> None:
    """Wait until the lake has come as far as a line: one source has told all before another one goes on."""
    until = parse_time(str(orjson.loads(line)["@timestamp"]))
    patience = time.monotonic() + 90
    while True:
        with open_home(home) as place:
            if (place.lake.summary().last_us or 0) >= until:
                return
        assert time.monotonic() < patience
        time.sleep(0.2)


def _done(home: Path, open_home: OpenHome, events: int) -> bool:
    """Whether every job has read all of so many events."""
    if not (home / "lake").exists():
        return False
    with open_home(home) as place:
        positions = place.store.list_positions()
        read = positions and not any(place.lake.has_since(position.lake_version) for position in positions)
        return bool(read) and place.lake.summary().events == events and place.store.last_run() is not None


def test_killed_and_started_again_it_ends_as_an_undisturbed_run(
    ran: Path, fleet: Path, tmp_path: Path, open_home: OpenHome
) -> None:
    lines = [line for file in sorted((fleet / "events").iterdir()) for line in file.read_bytes().splitlines()]
    lines.sort(key=lambda line: str(orjson.loads(line)["@timestamp"]))  # as they happen
    parts = [[lines[at] for at in cut] for cut in np.array_split(np.arange(len(lines)), 8)]
    watched, home = tmp_path / "watched", tmp_path / "home"
    watched.mkdir()
    with open_home(home) as place:
        place.import_assets(fleet / "assets.csv")
        _, key = keys.make_key(place, "shipper", ["intake"], actor="test")
    with open_home(ran) as place:
        undisturbed = _results(place)
    chance = np.random.default_rng(7)
    left = list(enumerate(parts))
    for wait in (*chance.uniform(1.0, 4.0, 2), None):
        with _serving(home, "--watch", str(watched)) as (address, process):
            give = len(left) if wait is None else 3
            for number, part in left[:give]:
                if number in {3, 6}:
                    _taken_in(home, open_home, parts[number - 1][-1])
                if 3 <= number < 6:
                    _append(watched / "growing.ndjson", part)
                else:
                    while not _send(address, key, part):
                        time.sleep(0.2)
            left = left[give:]
            if wait is not None:
                time.sleep(wait)
                process.send_signal(signal.SIGKILL)
                continue
            patience = time.monotonic() + 90
            while not _done(home, open_home, undisturbed["events"]):
                assert time.monotonic() < patience
                time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
            assert (out, err) == ("", "")
    with open_home(home) as place:
        assert _results(place) == undisturbed


def test_keys_are_made_listed_and_revoked(rarebit: Callable[..., Any], tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = rarebit("key", "add", "shipper", "--scope", "intake", "--scope", "read", "--days", "30", "--home", home)
    assert made.code == 0
    assert re.fullmatch(r"[A-Za-z0-9+/=]{60,}\n", made.out)
    assert "cannot be shown again" in made.err
    (line,) = rarebit("key", "list", "--json", "--home", home).objects
    assert (line["name"], line["scopes"], line["state"]) == ("shipper", ["intake", "read"], "works")
    assert made.out.strip() not in rarebit("key", "list", "--home", home).out
    assert rarebit("key", "revoke", line["id"], "--home", home).code == 0
    assert rarebit("key", "list", "--json", "--home", home).objects[0]["state"] == "revoked"
    assert rarebit("key", "add", "x", "--scope", "admin", "--home", home).code == 2
