"""A simulated fleet through the whole program: intrusions that get a case, and cases a day without any intrusion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rarebit.app.cases import regroup
from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.result import Case
from rarebit.core.time import DAY_US, parse_time
from rarebit.simulate.fleet import FleetSettings, write_fleet
from rarebit.simulate.intrusion import SHAPES

BUDGETS = (2.0, 5.0, 10.0, 25.0)
LARGE = FleetSettings(hosts=300, days=35)
_DRAWS = 40
PEERED = FleetSettings(hosts=150, days=28, events_per_host_day=300.0, start="2025-03-03")
SMALL = FleetSettings(hosts=40, days=16, events_per_host_day=200.0, intrusions=("hands_on_keyboard",))


class Fleet:
    """One fleet, judged once; its cases are chosen anew for every budget."""

    def __init__(self, settings: FleetSettings, path: Path, *, inventory: bool = True, peers: bool = True) -> None:
        self.settings = settings
        report = write_fleet(settings, path / "fleet", format="parquet")
        self.truth: list[dict[str, Any]] = msgspec.json.decode(Path(report.truth).read_bytes())
        self.home = Home(path / "home")
        if inventory:
            self.home.import_assets(Path(report.assets))
        options = RunOptions(budget=BUDGETS[0], peers=peers)
        self.summary = run(self.home, [path / "fleet" / "events"], options)
        for file in report.files:
            Path(file).unlink()

    def opened(self, budget: float) -> list[Case]:
        return [case for case in regroup(self.home, budget) if case.state == "open"]

    def found(self, budget: float) -> list[str]:
        """Shapes of the intrusions with a case on any of their hosts while they went on, or a day after."""
        cases = self.opened(budget)
        return [entry["shape"] for entry in self.truth if any(_about(case, entry) for case in cases)]

    def by_chance(self, budget: float) -> float:
        """How many intrusions would be found if they were on other hosts, as many, drawn at random."""
        cases, names = self.opened(budget), sorted(self.home.inventory().hosts)
        rng = np.random.default_rng(1)
        drawn = [
            {**entry, "hosts": rng.choice(names, len(entry["hosts"]), replace=False)}
            for entry in self.truth
            for _ in range(_DRAWS)
        ]
        return sum(any(_about(case, entry) for case in cases) for entry in drawn) / _DRAWS

    @property
    def judged_days(self) -> float:
        """Days after the learning time."""
        ends = [job.learning_until for job in self.summary.jobs if job.learning_until]
        return (parse_time(str(self.summary.last)) - max(map(parse_time, ends))) / DAY_US


def _about(case: Case, entry: dict[str, Any]) -> bool:
    hosts = {str(name).lower().split(".")[0] for name in entry["hosts"]}
    begins, ends = parse_time(entry["start"]), parse_time(entry["end"]) + DAY_US
    meets = parse_time(case.opened_at) <= ends and parse_time(case.updated_at) >= begins
    return meets and case.entity.name.lower().split(".")[0] in hosts


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    fleet = Fleet(request.param, tmp_path)
    yield fleet
    fleet.home.close()


@pytest.mark.parametrize("made", [SMALL], indirect=True)
def test_an_intrusion_in_a_small_fleet_gets_a_case(made: Fleet) -> None:
    assert made.found(5.0) == ["hands_on_keyboard"]
    assert len(made.opened(0.5)) <= 0.5 * made.settings.days + 7


@pytest.mark.proof
@pytest.mark.parametrize("made", [LARGE], indirect=True)
def test_intrusions_found_within_a_budget(made: Fleet) -> None:
    for budget in BUDGETS:
        found, cases = made.found(budget), made.opened(budget)
        missed = sorted(set(SHAPES) - set(found))
        print(  # noqa: T201
            f"budget {budget:3.0f} a day: {len(found)} of {len(made.truth)} intrusions, "
            f"{len(cases) / made.judged_days:.1f} cases a day; missed: {', '.join(missed) or 'none'}; "
            f"by chance {made.by_chance(budget):.1f}"
        )
    assert len(made.found(5.0)) >= 5
    assert made.by_chance(5.0) < len(made.found(5.0)) / 2


@pytest.mark.proof
@pytest.mark.parametrize("made", [msgspec.structs.replace(LARGE, intrusions=())], indirect=True)
def test_cases_a_day_on_a_clean_fleet(made: Fleet) -> None:
    for budget in BUDGETS:
        daily = len(made.opened(budget)) / made.judged_days
        print(f"clean fleet, budget {budget:3.0f} a day: {daily:.1f} cases a day")  # noqa: T201
        assert daily <= budget + 1.0


@pytest.mark.proof
@pytest.mark.parametrize("inventory", [True, False], ids=["inventory", "no-inventory"])
@pytest.mark.parametrize("peers", [True, False], ids=["learnt", "peers=False"])
def test_what_learnt_peers_are_worth(tmp_path: Path, *, inventory: bool, peers: bool) -> None:
    """Printed side by side: intrusions found, with and without learnt peers, with and without an inventory."""
    fleet = Fleet(PEERED, tmp_path, inventory=inventory, peers=peers)
    for budget in BUDGETS:
        found = fleet.found(budget)
        print(  # noqa: T201
            f"inventory {inventory!s:5s} learnt peers {peers!s:5s} budget {budget:3.0f} a day: {len(found)} of "
            f"{len(fleet.truth)} intrusions, {len(fleet.opened(budget)) / fleet.judged_days:.1f} cases a day"
        )
    fleet.home.close()
    assert len(fleet.found(BUDGETS[-1])) >= len(fleet.truth) // 2
