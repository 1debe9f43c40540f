"""The score to compare beacons with, and the captures as one site."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from bench.beacons import SITES, START_S, Contacts, moved
from bench.rita import score


def test_a_strict_clock_scores_full_and_chance_does_not() -> None:
    clock = np.arange(0.0, 86_400.0, 300.0)
    assert score(clock, np.full(clock.size, 312.0)) > 0.95
    rng = np.random.default_rng(1)
    chance = np.sort(rng.uniform(0.0, 86_400.0, 200))
    assert 0.2 < score(chance, rng.lognormal(8.0, 2.0, 200)) < 0.8
    assert score(clock[:3], np.zeros(3)) == 0.0


def test_logs_begin_with_the_site(tmp_path: Path) -> None:
    log = tmp_path / "conn.log.gz"
    head = "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\torig_ip_bytes\n"
    log.write_bytes(gzip.compress(f"{head}500.5\t10.0.0.7\t203.0.113.7\t312\n560.5\t8.8.8.8\t10.0.0.7\t-\n".encode()))
    contacts = Contacts()
    lines = list(moved(log, SITES[1], contacts))
    assert lines[-2].startswith(f"{START_S:.6f}\t10.0.0.7".encode())
    assert lines[-1].startswith(f"{START_S + 60.0:.6f}\t8.8.8.8".encode())
    assert contacts.held == {("10.0.0.7", "203.0.113.7"): [(START_S, 312.0)]}
