"""Two IMPHASH values of every .NET program stand in public feeds as MD5s: they may not fire on real telemetry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rarebit.core.indicator import Kind, Worth
from rarebit.intel.draft import Draft
from rarebit.intel.library import Library
from rarebit.intel.match import Found, Matcher
from rarebit.lake import Lake
from rarebit.source.read import FileRead, ReadSettings

DATA = Path(os.environ.get("RAREBIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
CAPTURE = DATA / "mordor" / "raw" / "empire_rubeus_asktgt_ptt_2019-03-19145126.json.gz"
TRAPS = ("f34d5f2d4577ed6d9ceec516c1f5a744", "dae02f32a21e03ce65412f6e56942daa")

pytestmark = pytest.mark.skipif(not CAPTURE.is_file(), reason=f"no real telemetry at {DATA}; set RAREBIT_DATA")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("real") / "lake")
    with made.writer() as writer:
        for batch in FileRead(CAPTURE, ReadSettings()).batches():
            writer.append(batch)
        writer.commit()
    return made


def search(lake: Lake, folder: Path, kind: Kind) -> Found:
    draft = Draft(Worth.BAD)
    for value in TRAPS:
        draft.add(kind, value, where="")
    library = Library(folder)
    library.take(draft, source="feed", origin="", alert=False, now_us=1)
    return Matcher(library.table()).search(lake, since_version=-1, until_version=lake.version())


def test_as_md5_they_do_not_fire(lake: Lake, tmp_path: Path) -> None:
    found = search(lake, tmp_path, Kind.MD5)
    assert found.values > 0
    assert found.matches == []


def test_as_imphash_they_do(lake: Lake, tmp_path: Path) -> None:
    found = search(lake, tmp_path, Kind.IMPHASH)
    assert {match.field for match in found.matches} <= {"process.pe.imphash", "dll.pe.imphash", "file.pe.imphash"}
    assert sum(match.hits for match in found.matches) > 0
