"""``rarebit result``: whole buckets, influencers in them, all jobs together."""

from __future__ import annotations

from typing import Annotated

import typer

from rarebit.app import buckets
from rarebit.cli.options import (
    HomeOption,
    JobOption,
    JsonOption,
    LimitOption,
    ScoreOption,
    SinceOption,
    UntilOption,
    existing_home,
    moment,
)
from rarebit.cli.output import count, data, safe, table, write_json
from rarebit.core.rate import rate
from rarebit.core.time import parse_span

result_app = typer.Typer(no_args_is_help=True, help="Results of whole buckets: of a job, an influencer, all jobs.")

_SHOWN = 50


@result_app.command("buckets")
def list_buckets(
    job: JobOption = None,
    min_score: ScoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List buckets that have a record, the highest score first."""
    with existing_home(home) as place:
        found = buckets.buckets(
            place, job_id=job, min_score=min_score, since_us=moment(since), until_us=moment(until),
            limit=limit if limit or json else _SHOWN,
        )  # fmt: skip
    if json:
        write_json(found)
        return
    made = table("score", "first", "expected", "bucket", "job", "records", "events", "led by",
                 right=("score", "first", "records", "events"))  # fmt: skip
    for each in found:
        led = ", ".join(f"{i.influencer_field_name} {i.anomaly_score:.0f}" for i in each.bucket_influencers)
        made.add_row(
            f"{each.anomaly_score:.0f}", f"{each.initial_anomaly_score:.0f}", rate(each.expected_per_week),
            each.timestamp[:16].replace("T", " "), safe(each.job_id), count(each.record_count),
            count(each.event_count), safe("learning" if each.learning else led),
        )  # fmt: skip
    data().print(made)


@result_app.command("influencers")
def list_influencers(
    job: JobOption = None,
    min_score: ScoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List influencers of buckets, those that explain the most surprising records first."""
    with existing_home(home) as place:
        found = buckets.influencers(
            place, job_id=job, min_score=min_score, since_us=moment(since), until_us=moment(until),
            limit=limit if limit or json else _SHOWN,
        )  # fmt: skip
    if json:
        write_json(found)
        return
    made = table("score", "first", "expected", "bucket", "job", "influencer", "value", "records",
                 right=("score", "first", "records"))  # fmt: skip
    for each in found:
        made.add_row(
            f"{each.influencer_score:.0f}", f"{each.initial_influencer_score:.0f}", rate(each.expected_per_week),
            each.timestamp[:16].replace("T", " "), safe(each.job_id), safe(each.influencer_field_name),
            safe(each.influencer_field_value), count(len(each.record_ids)),
        )  # fmt: skip
    data().print(made)


@result_app.command("overall")
def list_overall(
    span: Annotated[str | None, typer.Option("--span", help="Length, as 1d; an hour if not given.")] = None,
    min_score: ScoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List stretches of time by the records of all jobs together, the highest score first."""
    with existing_home(home) as place:
        found = buckets.overall(
            place, span_us=parse_span(span) if span else None, min_score=min_score, since_us=moment(since),
            until_us=moment(until), limit=limit if limit or json else _SHOWN,
        )  # fmt: skip
    if json:
        write_json(found)
        return
    made = table("score", "expected", "from", "jobs", right=("score",))
    for each in found:
        jobs = ", ".join(f"{part.job_id} {part.max_anomaly_score:.0f}" for part in each.jobs)
        made.add_row(
            f"{each.overall_score:.0f}", rate(each.expected_per_week), each.timestamp[:16].replace("T", " "), safe(jobs)
        )
    data().print(made)
