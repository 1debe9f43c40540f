"""What each part of the detectors is worth: intrusions found at equal budgets with one part left out at a time.

Run: python -m bench.worth --out docs/worth.md

An item is a host (or whatever else a record is about) on a day, ranked by its rarest record. A budget of n a day takes
the n times as many rarest items as there are days after learning, over the whole time: what an analyst who works
through a ranked list would have opened. Labels are looked at only to count.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np

from bench.data import fresh_home
from rarebit.app import run as running
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.app.jobs import default_jobs, planned
from rarebit.core.job import Job
from rarebit.core.names import host_key
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, parse_time
from rarebit.detect.plan import JobPlan
from rarebit.model.season import Season
from rarebit.simulate.fleet import FleetSettings, write_fleet
from rarebit.simulate.intrusion import SHAPES

BUDGETS = (2, 5, 10, 25, 100)
SEEDS = (7, 8, 9)
COUNTS = (
    "auth_high_count_logon_events",
    "auth_high_count_logon_fails",
    "high_count_events_for_a_host_name",
    "low_count_events_for_a_host_name",
    "high_distinct_count_destination_port_for_a_source_ip",
    "ded_high_sent_bytes_destination_ip",
)
"""Run beside the default jobs, so that there is a season to leave out."""
_DRAWS = 40
Entry = Mapping[str, Any]


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """The program with one part left out."""

    name: str
    options: Mapping[str, bool] = msgspec.field(default_factory=dict)
    inventory: bool = True
    without: Callable[[], AbstractContextManager[Any]] = nullcontext


def _without_season() -> AbstractContextManager[Any]:
    return patch.object(Season, "refit", lambda _season: None)


def _without_context() -> AbstractContextManager[Any]:
    def bare(home: Home, job: Job) -> JobPlan:
        return planned(home, msgspec.structs.replace(job, context=()))

    return patch.object(running, "planned", bare)


VARIANTS = (
    Variant(name="all parts"),
    Variant(name="without pooling (own history only)", options={"pool": False}),
    Variant(name="without learnt peer groups (roles of the inventory stay)", options={"peers": False}),
    Variant(name="without any peer groups", options={"peers": False}, inventory=False),
    Variant(name="without rollout collapse", options={"collapse": False}),
    Variant(name="without season", without=_without_season),
    Variant(name="without the parent process as context", without=_without_context),
)


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Items of one run, the rarest first, and the days they are of."""

    items: tuple[tuple[str, int], ...]
    days: float
    records: int

    def top(self, budget: float) -> set[tuple[str, int]]:
        """What a budget of items a day takes."""
        return set(self.items[: round(budget * self.days)])


def main() -> None:
    """Measure every variant over every fleet, and write the page."""
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--hosts", type=int, default=200)
    options.add_argument("--days", type=int, default=28)
    options.add_argument("--rate", type=float, default=300.0, help="mean events of a host and day")
    given = options.parse_args()
    found: dict[str, list[tuple[Ranking, list[Entry], list[str]]]] = {variant.name: [] for variant in VARIANTS}
    for seed in SEEDS:
        settings = FleetSettings(hosts=given.hosts, days=given.days, seed=seed, events_per_host_day=given.rate)
        with tempfile.TemporaryDirectory() as scratch:
            for variant, ranking, truth, hosts in measured(settings, Path(scratch)):
                found[variant.name].append((ranking, truth, hosts))
    given.out.write_text(page(found, given), "utf-8")


def measured(settings: FleetSettings, scratch: Path) -> Iterator[tuple[Variant, Ranking, list[Entry], list[str]]]:
    """One fleet, read once, judged by every variant."""
    report = write_fleet(settings, scratch / "fleet", format="parquet")
    truth: list[Entry] = msgspec.json.decode(Path(report.truth).read_bytes())
    filled = scratch / "filled"
    home = Home(filled)
    home.import_assets(Path(report.assets))
    ingest(home, [scratch / "fleet" / "events"])
    hosts = sorted(home.inventory().hosts)
    home.close()
    for number, variant in enumerate(VARIANTS):
        yield variant, judged(filled, scratch / f"v{number}", variant), truth, hosts


def judged(filled: Path, scratch: Path, variant: Variant) -> Ranking:
    """The default jobs and some counts over a lake, and their records ranked."""
    with ExitStack() as stack:
        stack.enter_context(variant.without())
        home = fresh_home(filled, scratch)
        stack.callback(home.close)
        if not variant.inventory:
            (scratch / "assets.json").unlink()
            home = Home(scratch)
            stack.callback(home.close)
        names = (*(job.job_id for job in default_jobs(home)), *COUNTS)
        options = running.RunOptions(jobs=names, remember=False, rules=False, **variant.options)
        done = running.run(home, [], options)
        learnt = max(parse_time(job.learning_until) for job in done.jobs if job.learning_until)
        days = (parse_time(str(done.last)) - learnt) / DAY_US
        return ranked(home.store.list_records(start_us=learnt), days)


def ranked(records: Sequence[Record], days: float) -> Ranking:
    """Items in order of their rarest record, as it was first given."""
    best: dict[tuple[str, int], float] = {}
    told = [record for record in records if not record.learning and not record.rollout]
    for record in told:
        for item in _about(record):
            best[item] = min(best.get(item, np.inf), record.initial_expected_per_week)
    order = sorted(best, key=lambda item: (best[item], item))
    return Ranking(items=tuple(order), days=days, records=len(told))


def _about(record: Record) -> list[tuple[str, int]]:
    day = parse_time(record.time) // DAY_US
    named = {part.influencer_field_name: part.influencer_field_values for part in record.influencers}
    hosts = [host_key(name) for name in named.get("host.name", ())]
    return [(name, day) for name in hosts] or [(f"{record.entity_type}:{record.entity_id}", day)]


def finds(top: set[tuple[str, int]], entry: Entry, hosts: Sequence[str]) -> bool:
    """Whether an item is one of these hosts on a day the intrusion went on."""
    days = range(parse_time(entry["start"]) // DAY_US, parse_time(entry["end"]) // DAY_US + 1)
    return any((host, day) in top for host in hosts for day in days)


def by_chance(top: set[tuple[str, int]], entry: Entry, hosts: Sequence[str], rng: np.random.Generator) -> float:
    """How often it would be found if it were on as many other hosts."""
    drawn = [rng.choice(hosts, len(entry["hosts"]), replace=False) for _ in range(_DRAWS)]
    return sum(finds(top, entry, list(map(host_key, names))) for names in drawn) / _DRAWS


def page(found: Mapping[str, Sequence[tuple[Ranking, list[Entry], list[str]]]], given: argparse.Namespace) -> str:
    """The page in Markdown."""
    lines = ["# What each part is worth", "", _about_page(given), ""]
    lines.append(f"| | {' | '.join(f'{budget} a day' for budget in BUDGETS)} | records |")
    lines.append("|---|" + "---|" * (len(BUDGETS) + 1))
    rng = np.random.default_rng(1)
    for name, runs in found.items():
        cells = [str(sum(_count(*one, budget) for one in runs)) for budget in BUDGETS]
        lines.append(f"| {name} | {' | '.join(cells)} | {sum(one[0].records for one in runs):,} |")
    first = next(iter(found.values()))
    chance = [
        sum(by_chance(ranking.top(budget), entry, hosts, rng) for ranking, truth, hosts in first for entry in truth)
        for budget in BUDGETS
    ]
    lines += [f"| all parts, hosts drawn at random | {' | '.join(f'{each:.1f}' for each in chance)} | |", ""]
    lines += ["By shape: the smallest of these budgets at which it is found, in each fleet, or none.", ""]
    lines += [f"| | {' | '.join(shape.replace('_', ' ') for shape in SHAPES)} |", "|---|" + "---|" * len(SHAPES)]
    for name, runs in found.items():
        cells = [", ".join(_least(ranking, truth, shape) for ranking, truth, _ in runs) for shape in SHAPES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _about_page(given: argparse.Namespace) -> str:
    return (
        f"Made by `python -m bench.worth --out docs/worth.md`: {len(SEEDS)} simulated fleets of {given.hosts} hosts "
        f"and {given.days} days, each with one intrusion of every shape, read once and judged by the default jobs and "
        f"{len(COUNTS)} count jobs with one part left out at a time. An item is a host on a day, ranked by its rarest "
        "record as first given; a budget takes the rarest items of all days after learning. These are records before "
        "they are fused into cases, so that what a part does is not mended by another. Intrusions found, of "
        f"{len(SEEDS) * len(SHAPES)}:"
    )


def _count(ranking: Ranking, truth: list[Entry], _hosts: list[str], budget: float) -> int:
    top = ranking.top(budget)
    return sum(finds(top, entry, list(map(host_key, entry["hosts"]))) for entry in truth)


def _least(ranking: Ranking, truth: list[Entry], shape: str) -> str:
    entry = next(entry for entry in truth if entry["shape"] == shape)
    hosts = list(map(host_key, entry["hosts"]))
    return next((str(budget) for budget in BUDGETS if finds(ranking.top(budget), entry, hosts)), "none")


if __name__ == "__main__":
    main()
