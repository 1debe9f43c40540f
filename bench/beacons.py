"""Which place true beacons of captured networks take among all rhythms of one site made of them.

Run: python -m bench.beacons --data DIR --out docs/beacons.md
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import orjson

from bench.rita import score
from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.beacon import Beacon
from rarebit.core.result import Record
from rarebit.core.time import iso

START_S: Final = 1_759_622_400.0
"""When every capture begins, whenever it was taken: 5 October 2025, 00:00 UTC."""
END_S: Final = START_S + 34 * 3600.0
SHOWN: Final = 6
_ACCD: Final = "beacon-accd/sample_beacon_dataset.csv"
_ACCD_TIME: Final = "%m/%d/%Y, %I:%M:%S.%f %p"
_LATE_S: Final = 3600.0
Pair = tuple[str, str]
"""A host and a destination."""


class Site(NamedTuple):
    """Captures that are taken for one site, and the beacons known to be in them."""

    name: str
    job: str
    logs: tuple[str, ...]
    column: str
    """Of the logs, with whom is spoken."""
    truth: Mapping[str, str]
    """Destination of a beacon, and what is known of it."""


SITES: Final = (
    Site(
        "by name",
        "network_beacons_by_name",
        ("rita-zeek/valid_tsv/http.log.gz", "rita-zeek/proxy/http.log.gz", _ACCD),
        "host",
        {
            "www.honestimnotevil.com": "RITA's own: through a proxy for 28 hours",
            "www.amazon.com": "beacon-accd: seven hours under a borrowed name",
        },
    ),
    Site(
        "by address",
        "network_beacons",
        (
            "ctu-zeek/001-zeek-scenario-malicious/conn.log.gz",
            "ctu-zeek/003-zeek-scenario-malicious/conn.log.gz",
            "ctu-zeek/008-zeek-mixed/data/conn.log.labeled.gz",
            "ctu-zeek/010-zeek-mixed/data/conn.log.labeled.gz",
            "rita-zeek/proxy/conn.log.gz",
        ),
        "id.resp_h",
        {
            "41.108.179.197": "ctu 001: NjRAT for 49 minutes",
            "147.32.83.234": "ctu 003: AndroidTester, twelve connections in 41 minutes",
            "10.136.0.16": "the proxy through which RITA's beacon goes",
        },
    ),
)


@dataclass(slots=True)
class Contacts:
    """Times and sizes of the contacts of each pair, for the score to compare with."""

    held: dict[Pair, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, host: str, destination: str, time_s: float, size: float) -> None:
        """One contact."""
        self.held.setdefault((host, destination), []).append((time_s, size))

    def ranked(self) -> list[Pair]:
        """Pairs by falling score, of their first day."""
        scores = {pair: score(*np.array(rows).T) for pair, rows in self.held.items()}
        return sorted((pair for pair, each in scores.items() if each > 0.0), key=lambda pair: (-scores[pair], pair))


def moved(path: Path, site: Site, contacts: Contacts) -> Iterator[bytes]:
    """Lines of a log of Zeek with its times moved so that it begins with the site."""
    columns: list[str] = []
    first: float | None = None
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("#"):
                columns = line.rstrip("\n").split("\t")[1:] if line.startswith("#fields") else columns
                yield line.encode()
                continue
            given, _, rest = line.partition("\t")
            first = float(given) if first is None else first
            time_s = START_S + max(float(given) - first, 0.0)
            if time_s >= END_S - _LATE_S:
                continue
            yield f"{time_s:.6f}\t{rest}".encode()
            row = dict(zip(columns, line.rstrip("\n").split("\t"), strict=True))
            size = row.get("orig_ip_bytes", row.get("request_body_len", "0"))
            if row["id.orig_h"].startswith(("10.", "147.32.", "192.168.", "fe80", "fd2d")):
                contacts.add(row["id.orig_h"], row[site.column], time_s, float(size) if size != "-" else 0.0)


def planted(path: Path, contacts: Contacts) -> Iterator[bytes]:
    """Requests of a table of one beacon as ECS lines, from an hour after the beginning on."""
    with path.open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    times = [datetime.strptime(row["Timestamp"], _ACCD_TIME).replace(tzinfo=UTC).timestamp() for row in rows]
    for row, time in zip(rows, times, strict=True):
        time_s = START_S + _LATE_S + time - min(times)
        host, destination, size = row["SourceIP"], row["DestinationHostName"], int(row["SentBytes"])
        contacts.add(host, destination, time_s, size)
        yield event_line(time_s, host, {"destination.domain": destination, "source.bytes": size})


def event_line(time_s: float, host: str, more: Mapping[str, object]) -> bytes:
    """A contact as an ECS line."""
    told = {"@timestamp": iso(round(time_s * 1e6)), "event.category": "network", "network.direction": "egress"}
    return orjson.dumps(told | {"host.name": host} | dict(more)) + b"\n"


class Place(NamedTuple):
    """One destination of one host, at its oddest."""

    pair: Pair
    beacon: Beacon
    record: Record


class Outcome(NamedTuple):
    """What was told of a site, oddest first, and the order of the score to compare with."""

    site: Site
    places: tuple[Place, ...]
    rita: tuple[Pair, ...]
    pairs: int
    hosts: int

    def rank(self, destination: str) -> int | None:
        """Place of a destination, from 1; none where it was not told of."""
        return next((n for n, place in enumerate(self.places, 1) if place.pair[1] == destination), None)

    def rita_rank(self, destination: str) -> int | None:
        """The same by the score to compare with; pairs of equal score stand by name."""
        return next((n for n, pair in enumerate(self.rita, 1) if pair[1] == destination), None)


def outcome_of(data: Path, site: Site, scratch: Path) -> Outcome:
    """Read a site into an installation of its own, run its job, and order what it told of."""
    contacts, paths = Contacts(), []
    for number, log in enumerate(site.logs):
        lines = planted(data / log, contacts) if log == _ACCD else moved(data / log, site, contacts)
        paths.append(scratch / f"{number}.log")
        paths[-1].write_bytes(b"".join(lines))
    paths.append(scratch / "end.ndjson")  # a bucket closes with the first event after it
    last = {"destination.ip": "192.0.2.1", "destination.domain": "end.example"}
    paths[-1].write_bytes(event_line(END_S, "end", last))
    home = Home(scratch / "home")
    try:
        run(home, paths, RunOptions(jobs=(site.job,), remember=False, peers=False, rules=False))
        records = home.store.read_records(Record, start_us=0)
    finally:
        home.close()
    hosts = {host for host, _ in contacts.held}
    return Outcome(site, tuple(_places(records)), tuple(contacts.ranked()), len(contacts.held), len(hosts))


def _places(records: Sequence[Record]) -> Iterator[Place]:
    seen: set[Pair] = set()
    for record in sorted(records, key=lambda each: (each.probability, each.id)):
        beacon = record.explanation.beacon
        assert beacon is not None
        if (beacon.entity, beacon.destination) not in seen:
            seen.add((beacon.entity, beacon.destination))
            yield Place((beacon.entity, beacon.destination), beacon, record)


HEAD: Final = """# Beacons in captured networks

Made by `python -m bench.beacons --data DIR --out docs/beacons.md`, where DIR holds `rita-zeek`, `beacon-accd` and
`ctu-zeek`; nothing of them is part of this project. Captures of an hour or a day, of one host or a dozen, say little
alone: there is nobody to compare with. So those that name destinations are taken for one site, as if they had begun at
the same moment, and so are those that give addresses. Logs are read as in any installation and judged by the shipped
jobs `network_beacons_by_name` and `network_beacons`, from the first hour on, without history. Places are those of the
different pairs of host and destination by the probability of their oddest record. Beside it stands the place by the
score of RITA 5, made anew from its published rules (`bench/rita.py`: gaps, sizes, duration, histogram; without its
modifiers by prevalence and age), over all pairs that have one.

Classes of age, the least strength of a rhythm that is told of, and what \"among\" means were settled while looking at
these captures; so this page shows what the method can do, not how it will do elsewhere. That is asked of made sites, in
`tests/model/test_beacon.py`: clean sites give no rhythm of p below 0.003 among some thousand judged.
"""
WHY: Final = {
    "by name": """Both true beacons come first: nobody shares their destination. What follows is shared by most of the
hosts, and has a probability of 0.4 and more: pollers by a strict clock, and pages that came back by chance. A score
without prevalence puts nearly two hundred of those before the beacon that goes through the proxy. The beacon of
`beacon-accd` is alone in its capture, so its place says only that it is not lost.""",
    "by address": """Two office computers with different protection and accounts are no site: nobody shares their
updaters, so what is before the proxy's beacon is an antivirus that asks its servers every five minutes, Windows'
telemetry every fifteen, its notification service every twenty-eight, and a file store. All are as regular as an
implant, to destinations that only one of so few hosts contacts; prevalence and age, which would tell them apart, need
more hosts and days. NjRAT was captured for 49 minutes: a rhythm of less than an hour counts a third of one of eight
hours, and is told of later. AndroidTester made five long connections and then seven by the clock, too few to speak of
a rhythm: its mark is the length of its connections.""",
}


def page(told: Sequence[Outcome]) -> str:
    """The document."""
    lines = [HEAD]
    for each in told:
        site = each.site
        counted = f"{each.hosts} hosts, {each.pairs:,} pairs of host and destination"
        counted += f"; `{site.job}` told of {len(each.places)}."
        lines += [
            f"## Destinations {site.name}",
            "",
            counted,
            "",
            "| beacon | what is known of it | place | p | RITA's place |",
            "|---|---|---|---|---|",
        ]
        for destination, known in site.truth.items():
            rank, other = each.rank(destination), each.rita_rank(destination)
            p = f"{each.places[rank - 1].beacon.probability:.2g}" if rank else ""
            lines.append(f"| {destination} | {known} | {rank or 'not told of'} | {p} | {other or 'none'} |")
        lines += ["", WHY[site.name], "", "The first ones:", ""]
        lines += [f"{n}. {place.record.explanation.sentence}" for n, place in enumerate(each.places[:SHOWN], 1)]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    told = []
    for site in SITES:
        with tempfile.TemporaryDirectory() as scratch:
            told.append(outcome_of(given.data, site, Path(scratch)))
    given.out.write_text(page(told), "utf-8")


if __name__ == "__main__":
    main()
