"""How long snapshots are kept: by their job's retention, thinned to one a day, pinned ones for good."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rarebit.app.model_snapshots import expired
from rarebit.core.care import SnapshotNote
from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US

START = 20_003 * DAY_US


def _note(hour: int, **changes: object) -> SnapshotNote:
    held = {"snapshot_id": f"j-{hour:06}.state", "job_id": "j", "created_us": 0, "lake_version": hour, "rows": hour}
    return SnapshotNote(**held | {"watermark_us": START + hour * HOUR_US, "bytes": 1} | changes)  # type: ignore[arg-type]


def _job(**rest: int) -> Job:
    return Job(job_id="j", detectors=(Detector(function="rare"),), rest=dict(rest))


def _kept(notes: list[SnapshotNote], job: Job, current: str = "") -> list[int]:
    gone = {note.snapshot_id for note in expired(notes, job, current)}
    return [note.lake_version for note in notes if note.snapshot_id not in gone]


def test_ten_days_are_kept_one_a_day_but_for_the_last() -> None:
    notes = [_note(hour) for hour in range(24 * 15)]
    kept = _kept(notes, _job())
    newest = notes[-1].lake_version
    daily = [hour for hour in kept if hour < newest - 24]
    assert all(hour % 24 == 0 or hour == newest - 240 for hour in daily), "the first of each day"
    assert (min(kept), len(daily)) == (newest - 240, 10)
    assert [hour for hour in kept if hour >= newest - 24] == [335, 338, 341, 344, 347, 350, 353, 356, 359]


def test_a_job_says_how_long() -> None:
    notes = [_note(hour) for hour in range(24 * 15)]
    short = _kept(notes, _job(model_snapshot_retention_days=2, daily_model_snapshot_retention_after_days=0))
    assert min(short) >= 24 * 15 - 1 - 48
    assert len(short) <= 4
    assert _kept([], _job()) == []


@given(st.lists(st.integers(0, 900), unique=True, min_size=1), st.data())
def test_pinned_current_and_newest_are_never_dropped(hours: list[int], data: st.DataObject) -> None:
    pinned = data.draw(st.sampled_from(hours))
    current = data.draw(st.sampled_from(hours))
    notes = [_note(hour, retain=hour == pinned) for hour in hours]
    kept = _kept(notes, _job(model_snapshot_retention_days=1), f"j-{current:06}.state")
    assert {pinned, current, max(hours)} <= set(kept)
    left = [note for note in notes if note.lake_version in kept]
    assert expired(left, _job(model_snapshot_retention_days=1), f"j-{current:06}.state") == [], (
        "doing it again drops no more"
    )
