"""Steps back, resets and exclusions: what is learnt again is what an undisturbed run learns; first scores stay."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rarebit.app import job_end, relearn
from rarebit.app.home import Home
from rarebit.app.model_snapshots import get_snapshot
from rarebit.app.run import RunOptions, run
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.time import DAY_US, parse_time
from rarebit.store import snapshots

OpenHome = Callable[[Path], AbstractContextManager[Home]]
JOB = "v3_rare_process_by_host_windows"
LEARN_UNTIL = parse_time("2026-10-08T00:00:00Z")
OPTIONS = RunOptions(jobs=(JOB,), learn_until_us=LEARN_UNTIL)
LATER = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")


def _first_said(home: Home) -> dict[str, dict[str, Any]]:
    records = msgspec.to_builtins(home.store.list_records(job_id=JOB))
    return {each["id"]: {name: each[name] for name in each if name not in LATER} for each in records}


def _state(home: Home) -> dict[str, Any]:
    position = home.store.get_position(JOB)
    assert position is not None
    return snapshots.load(home.snapshots / position.state_name)[0]


def _same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[k], theirs[k], equal_nan=True) for k in ours)


def test_after_a_step_back_a_replay_gives_an_undisturbed_runs_results(
    fleet: Path, ran: Path, tmp_path: Path, open_home: OpenHome
) -> None:
    files = sorted((fleet / "events").iterdir())
    with open_home(tmp_path / "home") as home:
        home.import_assets(fleet / "assets.csv")
        run(home, files[:5], OPTIONS)
        (early,) = home.store.care.list_snapshots(JOB)
        run(home, files[5:], OPTIONS)
        late = home.store.get_position(JOB)
        assert late is not None
        assert late.state_name != early.snapshot_id
        before = _first_said(home)
        note, deleted = job_end.revert_job(home, JOB, early.snapshot_id, delete_later=True, actor="ann")
        assert (note, deleted > 0) == (early, True)
        assert len(home.store.list_records(job_id=JOB)) == len(before) - deleted
        relearn.replay(home, JOB, learn_until_us=LEARN_UNTIL)
        assert _first_said(home) == before
        with open_home(ran) as undisturbed:
            assert _first_said(home) == _first_said(undisturbed)
            assert _same(_state(home), _state(undisturbed))
        again = home.store.get_position(JOB)
        assert again is not None
        assert again.state_name == late.state_name, "the very same file"
        assert [each.kind for each in home.store.care.list_annotations(JOB)] == ["model_reverted"]
        assert home.store.list_audit(JOB)[0].action == "job snapshot revert"
        with pytest.raises(NotFoundError, match="no snapshot"):
            get_snapshot(home, JOB, "nope")


def test_an_exclusion_is_learnt_without_and_undone_bit_for_bit(ran_copy: Path, open_home: OpenHome) -> None:
    with open_home(ran_copy) as home:
        whole, before = _state(home), home.store.list_records(job_id=JOB)
        strange = max((each for each in before if not each.learning), key=lambda each: each.record_score)
        start = parse_time(strange.time) // DAY_US * DAY_US
        stretch = {"start_us": start, "end_us": start + DAY_US, "reason": "red team", "actor": "ann"}
        done = relearn.exclude(home, JOB, host=strange.entity_id, **stretch)  # type: ignore[arg-type]
        assert done.outcome is not None
        (line,) = done.outcome.left_out
        assert (line.hidden, line.held_back, line.unlearnt > 0) == (0, 0, True)
        assert not _same(_state(home), whole)
        after = {each.id: each for each in home.store.list_records(job_id=JOB)}
        assert {each.id for each in before} <= after.keys(), "what was found stays"
        assert all(after[each.id].initial_record_score == each.initial_record_score for each in before)
        assert [each.kind for each in home.store.care.list_annotations(JOB)] == ["exclusion"]
        with pytest.raises(NotFoundError):
            relearn.undo_exclusion(home, JOB, "nope", actor="ann")
        relearn.undo_exclusion(home, JOB, done.exclusion.id, actor="ann")
        assert _same(_state(home), whole)
        assert [each.action for each in home.store.list_audit(JOB)] == ["job exclusion undo", "job exclude"]
        for wrong in ({"end_us": start}, {"reason": " "}):
            with pytest.raises(InputError):
                relearn.exclude(home, JOB, host="", **stretch | wrong)  # type: ignore[arg-type]
        assert home.store.care.list_exclusions() == []


def test_a_job_reset_learns_the_same_again(ran_copy: Path, open_home: OpenHome) -> None:
    with open_home(ran_copy) as home:
        whole, before = _state(home), _first_said(home)
        assert job_end.reset_job(home, JOB, delete_results=True, actor="ann") == len(before)
        assert home.store.care.list_snapshots(JOB) == []
        relearn.replay(home, JOB, learn_until_us=LEARN_UNTIL)
        assert _first_said(home) == before
        assert _same(_state(home), whole)
