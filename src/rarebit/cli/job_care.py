"""``rarebit job``: exclude, exclusions, include, replay, reset, delete, annotations, annotate, snapshot."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from rarebit.app import job_end, job_notes, model_snapshots, relearn
from rarebit.app.holds import exclusion_text
from rarebit.app.jobs import get_job
from rarebit.app.outcome import JobOutcome
from rarebit.app.relearn import Relearnt
from rarebit.cli.job import JobId, app
from rarebit.cli.options import HomeOption, JsonOption, existing_home, moment
from rarebit.cli.output import count, data, notes, progress, safe, table, write_json
from rarebit.core.time import iso

snapshot_app = typer.Typer(no_args_is_help=True, help="Model snapshots: what a job had learnt at the end of a run.")
SnapshotId = Annotated[str, typer.Argument(help="Id of the snapshot, or its beginning.")]


@app.command()
def exclude(
    job_id: JobId,
    start: Annotated[str, typer.Option("--from", help="First moment (ISO 8601).")],
    end: Annotated[str, typer.Option("--to", help="First moment after it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with it.")],
    host: Annotated[str, typer.Option("--host", help="Only events of this host.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take a past stretch of time out of what a job has learnt, by learning again without it; its records stay."""
    with existing_home(home) as place, progress() as report:
        done = relearn.exclude(
            place, job_id, start_us=moment(start) or 0, end_us=moment(end) or 0, host=host, reason=reason,
            actor=getpass.getuser(), progress=report,
        )  # fmt: skip
    _print_relearnt(done, json=json)


@app.command()
def exclusions(job_id: JobId, home: HomeOption = None, json: JsonOption = False) -> None:
    """List the stretches of time that a job shall not have learnt from."""
    with existing_home(home) as place:
        get_job(place, job_id)
        found = place.store.care.list_exclusions(job_id)
    if json:
        write_json(found)
        return
    made = table("id", "from", "to", "host", "reason")
    for each in found:
        made.add_row(
            each.id, iso(each.start_us)[:19], iso(each.end_us)[:19], safe(each.host or "all"), safe(each.reason)
        )
    data().print(made)


@app.command()
def include(
    job_id: JobId,
    exclusion: Annotated[str, typer.Argument(help="Id of the exclusion.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Undo an exclusion: the job learns again with that stretch of time."""
    with existing_home(home) as place, progress() as report:
        done = relearn.undo_exclusion(place, job_id, exclusion, actor=getpass.getuser(), progress=report)
    _print_relearnt(done, json=json)


def _print_relearnt(done: Relearnt, *, json: bool) -> None:
    if json:
        write_json([done])
        return
    data().print(safe(exclusion_text(done.exclusion)))
    if done.outcome is None:
        notes().print("the job has learnt nothing of that time yet; nothing had to be learnt again")
        return
    since = f"its snapshot {done.from_snapshot}" if done.from_snapshot else f"the first event held, {done.events_from}"
    notes().print(safe(f"learnt again from {since}"))
    _print_outcome(done.outcome)


def _print_outcome(done: JobOutcome) -> None:
    notes().print(safe(f"{done.job_id}: {count(done.observations)} observations, {count(done.records)} records"))


@app.command()
def replay(job_id: JobId, home: HomeOption = None, json: JsonOption = False) -> None:
    """Run a job over the events it has not read, as after a reset or a step back."""
    with existing_home(home) as place, progress() as report:
        done = relearn.replay(place, job_id, progress=report)
    if json:
        write_json([done])
    else:
        _print_outcome(done)


@app.command()
def reset(
    job_id: JobId,
    delete_results: Annotated[bool, typer.Option("--delete-results", help="Delete its records too.")] = False,
    home: HomeOption = None,
) -> None:
    """Forget all a job has learnt; the next run learns from the first event the lake holds."""
    with existing_home(home) as place:
        deleted = job_end.reset_job(place, job_id, delete_results=delete_results, actor=getpass.getuser())
    notes().print(safe(f"{job_id}: forgot all it had learnt; {count(deleted)} records deleted"))


@app.command()
def delete(
    job_id: JobId,
    delete_results: Annotated[bool, typer.Option("--delete-results", help="Delete its records too.")] = False,
    home: HomeOption = None,
) -> None:
    """Delete a local job and all it has learnt."""
    with existing_home(home) as place:
        deleted = job_end.delete_job(place, job_id, delete_results=delete_results, actor=getpass.getuser())
    notes().print(safe(f"{job_id}: deleted, with {count(deleted)} records"))


@app.command("annotations")
def list_annotations(job_id: JobId, home: HomeOption = None, json: JsonOption = False) -> None:
    """List what was noted beside a job's results: gaps in its data, calendars, steps back, notes of people."""
    with existing_home(home) as place:
        get_job(place, job_id)
        found = place.store.care.list_annotations(job_id)
    if json:
        write_json(found)
        return
    made = table("id", "from", "to", "kind", "what")
    for each in found:
        made.add_row(each.id, iso(each.start_us)[:16], iso(each.end_us)[:16], safe(each.kind), safe(each.text))
    data().print(made)


@app.command()
def annotate(
    job_id: JobId,
    text: Annotated[str, typer.Argument(help="What to note.")] = "",
    start: Annotated[str | None, typer.Option("--from", help="When it begins (ISO 8601).")] = None,
    end: Annotated[str | None, typer.Option("--to", help="When it ends.")] = None,
    remove: Annotated[str | None, typer.Option("--remove", help="Take away the note of this id instead.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a note beside a job's results, or take one away."""
    with existing_home(home) as place:
        get_job(place, job_id)
        if remove is not None:
            job_notes.remove_annotation(place, job_id, remove, actor=getpass.getuser())
            return
        made = job_notes.add_annotation(
            place, job_id, moment(start or "0s") or 0, moment(end), text, actor=getpass.getuser()
        )
    if json:
        write_json([made])
    else:
        data().print(safe(f"{made.id}  {iso(made.start_us)[:16]}  {made.text}"))


@snapshot_app.command("list")
def list_snapshots(job_id: JobId, home: HomeOption = None, json: JsonOption = False) -> None:
    """List the snapshots of a job, the oldest first; the job stands on the one marked."""
    with existing_home(home) as place:
        get_job(place, job_id)
        found = place.store.care.list_snapshots(job_id)
        position = place.store.get_position(job_id)
    if json:
        write_json(found)
        return
    made = table("id", "learnt up to", "events", "made", "size", "kept", "what", right=("events", "size"))
    for each in found:
        stands = position is not None and position.state_name == each.snapshot_id
        made.add_row(
            safe(model_snapshots.short_id(each)), iso(each.watermark_us)[:19], count(each.rows),
            iso(each.created_us)[:16], f"{each.bytes / 1e6:.1f} MB",
            "now" if stands else "for good" if each.retain else "for a time", safe(each.description),
        )  # fmt: skip
    data().print(made)


@snapshot_app.command("revert")
def revert_snapshot(
    job_id: JobId,
    snapshot: SnapshotId,
    delete_later: Annotated[
        bool, typer.Option("--delete-later-results", help="Delete records after it; the next run finds them anew.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Go back to a snapshot; the next run reads on from there."""
    with existing_home(home) as place:
        note, deleted = job_end.revert_job(place, job_id, snapshot, delete_later=delete_later, actor=getpass.getuser())
    if json:
        write_json([note])
        return
    data().print(safe(f"{job_id}: back to {model_snapshots.snapshot_text(note)}; {count(deleted)} records deleted"))
    notes().print(safe(f"read on from there: rarebit job replay {job_id}"))


@snapshot_app.command("retain")
def retain_snapshot(
    job_id: JobId,
    snapshot: SnapshotId,
    release: Annotated[bool, typer.Option("--release", help="Let retention drop it again.")] = False,
    description: Annotated[str | None, typer.Option("--description", help="What it is.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a snapshot whatever its age."""
    with existing_home(home) as place:
        note = model_snapshots.change(
            place, job_id, snapshot, retain=not release, description=description, actor=getpass.getuser()
        )
    if json:
        write_json([note])
    else:
        kept = "kept for good" if note.retain else "kept for a time"
        data().print(safe(f"{model_snapshots.snapshot_text(note)}: {kept}"))
