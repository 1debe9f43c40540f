"""Real files, damaged at random: nothing raises, every record is counted, both ways through NDJSON agree."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest

from source.reading import read_bytes
from source.test_ndjson_paths import assert_same

DATA = Path(os.environ.get("RAREBIT_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real telemetry at {DATA}; set RAREBIT_DATA"),
]


def damage(content: bytes, dice: random.Random, times: int) -> bytes:
    out = bytearray(content)
    for _ in range(times):
        at, size = dice.randrange(len(out)), dice.randrange(1, 60)
        kind = dice.randrange(5)
        if kind == 0:
            out[at : at + size] = dice.randbytes(size)
        elif kind == 1:
            out[at] = dice.choice(b'"\\{}[]:,\n0123456789-.eE\x00 tfn')
        elif kind == 2:
            out[at:at] = out[dice.randrange(len(out)) :][:size]
        elif kind == 3:
            del out[at : at + size]
        else:
            out[at : at + 50 * size] = bytes(len(out[at : at + 50 * size]))
        out = out or bytearray(b"{")
    return bytes(out)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_event_logs(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - chance, no secret
    path = dice.choice(sorted((DATA / "evtx-attack-samples" / "raw").rglob("*.gz")))
    read_bytes(tmp_path, damage(gzip.decompress(path.read_bytes())[:300_000], dice, dice.randrange(1, 30)))


@pytest.mark.parametrize(
    "name",
    [
        "mordor/events.ecs.jsonl.gz",
        "mordor/raw/covenant_dcsync_all_2019-10-27064128.json.gz",
        "mordor/raw/empire_dcsync_acl_2019-03-01125905.json.gz",
        "mordor/raw/empire_invoke_psexec_2020-08-07151153.json.gz",
    ],
)
def test_damaged_lines(name: str) -> None:
    dice = random.Random(name)  # noqa: S311 - chance, no secret
    with gzip.open(DATA / name) as stream:
        lines = stream.read(2 << 20).split(b"\n")[:400]
    for _ in range(20):
        picked = [dice.choice(lines) or b"{}" for _ in range(40)]
        assert_same(b"\n".join(damage(line, dice, dice.randrange(3)) for line in picked) + b"\n")


@pytest.mark.parametrize(
    "name", ["msticpy/processes_on_host.csv.gz", "ssh-authlog/auth.log.gz", "eqllib/sysmon-rta.json.gz"]
)
def test_damaged_text(tmp_path: Path, name: str) -> None:
    dice = random.Random(name)  # noqa: S311 - chance, no secret
    with gzip.open(DATA / name) as stream:
        content = stream.read(100_000)
    for _ in range(20):
        read_bytes(tmp_path, damage(content, dice, 20))
