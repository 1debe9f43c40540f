"""Alerts promised and given on a clean fleet: the budget split over jobs, judged by scores of the past alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, RunSummary, run
from rarebit.core.time import DAY_US, parse_time
from rarebit.maths.tail import expected_of
from rarebit.simulate.fleet import FleetSettings, write_fleet

FLEET = FleetSettings(hosts=80, days=35, events_per_host_day=250.0, intrusions=())


def given(home: Home, summary: RunSummary, job_id: str, score: float) -> tuple[float, float]:
    """Records a week after learning at or above a score: as first scored by the days before, and as alerts."""
    job = next(job for job in summary.jobs if job.job_id == job_id)
    start = parse_time(job.learning_until or "")
    weeks = (parse_time(summary.last or "") - start) / (7 * DAY_US)
    records = [r for r in home.store.list_records(job_id=job_id, start_us=start) if not r.learning and not r.rollout]
    most = float(expected_of(score))
    first = sum(record.initial_expected_per_week <= most for record in records)
    return first / weeks, len(home.store.list_alerts(rule_id=f"rule:{job_id}", start_us=start)) / weeks


@pytest.mark.proof
@pytest.mark.parametrize("budget", [2.0, 10.0])
def test_alerts_a_week_on_a_clean_fleet(tmp_path: Path, budget: float) -> None:
    report = write_fleet(FLEET, tmp_path / "fleet", format="parquet")
    home = Home(tmp_path / "home")
    home.import_assets(Path(report.assets))
    summary = run(home, [tmp_path / "fleet" / "events"], RunOptions(budget=budget))
    promised = first = alerts = 0.0
    print(f"\n{budget:g} cases a day: alerts a week promised, given as first scored, given by the latest fit")  # noqa: T201
    for job in summary.jobs:
        by_first, by_latest = given(home, summary, job.job_id, job.alert_score) if job.events else (0.0, 0.0)
        print(  # noqa: T201
            f"{job.job_id:45} {job.alert_score:5.1f} {job.alerts_per_week:7.2f} {by_first:7.2f} {by_latest:7.2f}"
        )
        promised, first, alerts = promised + job.alerts_per_week, first + by_first, alerts + by_latest
    home.close()
    print(f"{'all':51} {promised:7.2f} {first:7.2f} {alerts:7.2f}")  # noqa: T201
    assert promised == pytest.approx(7 * budget, rel=1e-6)
    assert first <= 1.5 * promised
    assert alerts <= 1.5 * promised
