"""Notes beside a job's results: gaps in its data, what happened to it, and what people write."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from rarebit.app.calendars import event_key, event_text, planned_events
from rarebit.app.holds import exclusion_key, exclusion_text
from rarebit.app.home import Home
from rarebit.core.care import Annotation
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.time import DAY_US
from rarebit.detect.care import HELD_BACK, UNLEARNT
from rarebit.detect.stream import JobStream

USER: Final = "user"
_LONGEST: Final = 2_000


def annotation(job_id: str, kind: str, start_us: int, end_us: int, text: str) -> Annotation:
    """A note whose id is made of job, kind and beginning: told again, it is the same."""
    key = hashlib.blake2b(f"{job_id}|{kind}|{start_us}".encode(), digest_size=8).hexdigest()
    return Annotation(id=key, job_id=job_id, start_us=start_us, end_us=end_us, kind=kind, text=text)


def annotate_run(home: Home, stream: JobStream) -> None:
    """Note what a run has shown of a job's data and memory."""
    for made in [*_gaps(stream), *_memory(stream), *_left_out(home, stream)]:
        home.store.care.put_annotation(made)


def _gaps(stream: JobStream) -> list[Annotation]:
    job_id = stream.plan.job.job_id
    return [
        annotation(
            job_id,
            "few_events" if gap.events else "data_gap",
            gap.start_us,
            gap.end_us,
            f"{gap.events:,} events, where the same hours of the days before had at least {gap.least:,}",
        )
        for gap in stream.flow.take_gaps()
    ]


def _memory(stream: JobStream) -> list[Annotation]:
    health = stream.health()
    if health["evicted_lately"] <= 0 or stream.last_us is None:
        return []
    limit = health["memory_limit_bytes"] / 1e6
    text = (
        f"at the limit of {limit:,.0f} MB: {health['evicted_lately']:,} pairs or series dropped, those unseen longest"
    )
    return [annotation(stream.plan.job.job_id, "memory_limit", stream.last_us, stream.last_us, text)]


def _left_out(home: Home, stream: JobStream) -> list[Annotation]:
    job, counts = stream.plan.job, stream.health()["left_out"]
    made = []
    for calendar, event in planned_events(home, job):
        if sum(each := counts.get(event_key(calendar, event), [0, 0, 0])):
            text = f"{event_text(calendar, event)}: {each[HELD_BACK]:,} events held back"
            made.append(annotation(job.job_id, "calendar", event.start_time * 1000, event.end_time * 1000, text))
    for about in home.store.care.list_exclusions(job.job_id):
        if sum(each := counts.get(exclusion_key(about), [0, 0, 0])):
            text = f"{exclusion_text(about)}: {each[UNLEARNT]:,} observations not learnt"
            made.append(annotation(job.job_id, "exclusion", about.start_us, about.end_us, text))
    return made


def add_annotation(home: Home, job_id: str, start_us: int, end_us: int | None, text: str, *, actor: str) -> Annotation:
    """Write a note beside a job's results on behalf of a person.

    Raises
    ------
    InputError
        If it is empty, longer than 2,000 characters, or ends before it begins.
    """
    end = start_us if end_us is None else end_us
    if not text.strip() or len(text) > _LONGEST:
        raise InputError(f"a note has 1 to {_LONGEST:,} characters, this one {len(text):,}")
    if end < start_us:
        raise InputError("it ends before it has begun", where="--to")
    draft = annotation(job_id, f"{USER}|{text}", start_us, end, text.strip())
    made = msgspec.structs.replace(draft, kind=USER)
    with home.store.transaction():
        home.store.care.put_annotation(made)
        home.store.add_audit(actor, "annotation add", job_id, "", msgspec.json.encode(made).decode())
    return made


def remove_annotation(home: Home, job_id: str, annotation_id: str, *, actor: str) -> None:
    """Take a note away again; those of the system stay.

    Raises
    ------
    NotFoundError, InputError
        If there is no such note, or the system wrote it.
    """
    held = next((each for each in home.store.care.list_annotations(job_id) if each.id == annotation_id), None)
    if held is None:
        raise NotFoundError(f"there is no annotation {annotation_id!r}", hint=f"See rarebit job annotations {job_id}")
    if held.kind != USER:
        raise InputError(
            f"the annotation {annotation_id!r} is the system's", hint="Only notes of people can be removed"
        )
    with home.store.transaction():
        home.store.care.delete_annotation(held.id)
        home.store.add_audit(actor, "annotation remove", job_id, msgspec.json.encode(held).decode(), "")


def drop_old_results(home: Home, stream: JobStream, now_us: int) -> int:
    """Delete a job's results and the system's notes older than its ``results_retention_days``; how many records."""
    job = stream.plan.job
    days = job.rest.get("results_retention_days")
    if days is None:
        return 0
    before = now_us - int(days) * DAY_US
    with home.store.transaction():
        dropped = home.store.care.delete_results(job.job_id, end_us=before)
        for note in home.store.care.list_annotations(job.job_id):
            if note.end_us < before and note.kind != USER:
                home.store.care.delete_annotation(note.id)
        if dropped:
            home.store.add_audit("local", "drop results", job.job_id, "", f"{dropped} records older than {days} days")
    return dropped
