"""``rarebit job``: list, show, clone, import, export, update, validate."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from rarebit.app import job_update, jobs
from rarebit.app.document import read_json
from rarebit.cli.options import HomeOption, JsonOption, home_at
from rarebit.cli.output import data, notes, safe, table, write_json
from rarebit.cli.plot import plot_series
from rarebit.core.job import Job

app = typer.Typer(no_args_is_help=True, help="Anomaly-detection jobs: what runs, and over which events.")
app.command("plot")(plot_series)
JobId = Annotated[str, typer.Argument(help="Id of the job.")]


@app.command("list")
def list_(
    group: Annotated[str | None, typer.Option("--group", help="Only jobs of this group, as windows or dns.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the jobs, shipped and local."""
    with home_at(home) as place:
        lines = jobs.list_jobs(place, group)
    if json:
        write_json(lines)
        return
    made = table("id", "runs", "origin", "detectors")
    for line in lines:
        runs = "by default" if line.runs_by_default else ("when named" if line.runs else "no")
        made.add_row(safe(line.id), runs, line.origin, safe("; ".join(line.detectors)))
    data().print(made)


@app.command()
def show(job_id: JobId, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what a job looks for, in which events, and what to do with its findings."""
    with home_at(home) as place:
        job = jobs.get_job(place, job_id)
        problems = jobs.validate(place, job)
    if json:
        write_json([job])
        return
    out = data()
    out.print(safe(job.job_id), style="bold")
    out.print(safe(job.description))
    for index in range(len(job.detectors)):
        out.print(safe(f"detector {index}: {jobs.detector_text(job, index)}"))
    out.print(safe(f"bucket span {job.bucket_span}; influencers {', '.join(job.influencers) or 'none'}"))
    own = "as the budget allows" if job.alert_score is None else f"from score {job.alert_score:g}, whatever the budget"
    out.print(safe(f"alerts {own}"))
    if not any(problem.kind == "refused" for problem in problems):
        out.print(safe(f"needs {', '.join(jobs.needs(job))}"))
    if job.where:
        out.print(safe(f"only where {job.where}"))
    _guide(job)
    out.print(safe("query " + msgspec.json.encode(job.datafeed.query).decode()))
    for problem in problems:
        out.print(safe(f"{problem.kind}: {problem.where}: {problem.text}"))


def _guide(job: Job) -> None:
    out, guide = data(), job.guide
    if guide.meaning:
        out.print(safe(f"meaning: {guide.meaning}"))
    for name, lines in (("benign", guide.benign), ("next", guide.next_steps)):
        for line in lines:
            out.print(safe(f"{name}: {line}"))
    if guide.techniques:
        out.print(safe(f"ATT&CK: {', '.join(guide.tactics)} ({', '.join(guide.techniques)})"))


@app.command()
def clone(
    job_id: JobId,
    new_id: Annotated[str, typer.Option("--id", help="Id of the copy.")],
    where: Annotated[str, typer.Option("--where", help="KQL that narrows the events, as asset.role: server.")] = "",
    alert_score: Annotated[float | None, typer.Option("--alert-score", min=0, max=100)] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a job under a new id, narrowed by a condition; the copy runs from now on."""
    with home_at(home) as place:
        made = jobs.clone_job(place, job_id, new_id=new_id, where=where, alert_score=alert_score)
    if json:
        write_json([made])
    else:
        data().print(safe(f"{made.job_id}: {made.description}"))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON of a job, of a job with its datafeed, or of a list of them.")],
    new_id: Annotated[str | None, typer.Option("--id", help="Id for the job, if the file holds one.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Import jobs in Elastic's JSON, unchanged; what cannot be honoured is named."""
    with home_at(home) as place:
        taken = jobs.import_jobs(place, file, new_id=new_id)
    if json:
        write_json({"id": job.job_id, "problems": [jobs.problem_json(p) for p in problems]} for job, problems in taken)
        return
    for job, problems in taken:
        data().print(safe(f"{job.job_id}: imported"))
        for problem in problems:
            notes().print(safe(f"  {problem.kind}: {problem.where}: {problem.text}"))


@app.command()
def export(job_id: JobId, home: HomeOption = None) -> None:
    """Print a job and its datafeed as Elastic's JSON."""
    with home_at(home) as place:
        write_json([jobs.export_job(place, job_id)])


@app.command()
def update(
    job_id: JobId,
    file: Annotated[Path, typer.Argument(help="JSON of what changes, as Elastic's _update takes it.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change rules, description, groups, limits or retention of a local job."""
    with home_at(home) as place:
        body = read_json(file, "job update")
        made = job_update.update_job(place, job_id, body, where=str(file), actor=getpass.getuser())
        problems = jobs.validate(place, made)
    if json:
        write_json([made])
        return
    data().print(safe(f"{made.job_id}: changed"))
    for problem in problems:
        notes().print(safe(f"  {problem.kind}: {problem.where}: {problem.text}"))


@app.command()
def validate(
    job: Annotated[str, typer.Argument(help="Id of a job, or a file of Elastic's JSON.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what of a job is refused or not acted on; exit code 2 if it cannot run."""
    with home_at(home) as place:
        found = (
            [jobs.get_job(place, job)] if not Path(job).is_file() else jobs.read_jobs(Path(job), job_id=Path(job).stem)
        )
        problems = [(each, problem) for each in found for problem in jobs.validate(place, each)]
    if json:
        write_json({"job_id": each.job_id, **jobs.problem_json(problem)} for each, problem in problems)
    else:
        for each, problem in problems:
            data().print(safe(f"{each.job_id}: {problem.kind}: {problem.where}: {problem.text}"))
        if not problems:
            data().print(safe(f"{', '.join(each.job_id for each in found)}: runs as written"))
    if any(problem.kind == "refused" for _, problem in problems):
        raise typer.Exit(2)
