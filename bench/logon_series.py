"""What each function finds in the logons of one public host, against facts counted from the text of its log."""

from __future__ import annotations

import gzip
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.flow_series import records
from rarebit.core.job import Datafeed, Detector, Job
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, parse_time, to_us

YEAR: Final = 2021
"""The log names no year."""
LEARN_DAYS: Final = 3
MANY: Final = 10
"""Failed logons within an hour from one address that make the address and the hour a fact."""
ACCOUNTS: Final = 4
"""Accounts tried within an hour from one address that make it one."""
FIRST: Final = (10, 25)
_FAILED: Final = re.compile(r" sshd\[\d+\]: (?:Failed \S+ for (?:invalid user )?|Invalid user )(\S*) from (\S+)")
_ACCEPTED: Final = re.compile(r" sshd\[\d+\]: Accepted \S+ for (\S+) from (\S+)")

Key = tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Counted from the lines alone; hours are starts of hours in microseconds, as text."""

    start_us: int
    hours: frozenset[Key]
    """Hours in which some address failed ``MANY`` times."""
    addresses: frozenset[Key]
    """Those hours with the address."""
    guessers: frozenset[Key]
    """Hour and address that tried ``ACCOUNTS`` accounts."""
    newcomers: frozenset[Key]
    """Account and address of an accepted logon, the first of the pair."""
    strange_hours: frozenset[Key]
    """Account and hour of an accepted logon at an hour of the day at which the account was never accepted before."""


def facts(lines: Iterable[str], *, judged_us: int | None = None) -> Facts:
    """Count; only what lies after ``judged_us`` (the log's first day and ``LEARN_DAYS``, if not given) is kept."""
    failures: Counter[Key] = Counter()
    tried: dict[Key, set[str]] = defaultdict(set)
    pairs: set[Key] = set()
    clock: set[Key] = set()
    newcomers: set[Key] = set()
    strange: set[Key] = set()
    begin = judged_us
    for line in lines:
        now = _time(line)
        begin = now // DAY_US * DAY_US + LEARN_DAYS * DAY_US if begin is None else begin
        hour = str(now // HOUR_US * HOUR_US)
        if (failed := _FAILED.search(line)) and now >= begin:
            failures[(hour, failed[2])] += 1
            tried[(hour, failed[2])].add(failed[1])
        if accepted := _ACCEPTED.search(line):
            pair, at = (accepted[1], accepted[2]), (accepted[1], str(now // HOUR_US % 24))
            if now >= begin:
                newcomers |= {pair} - pairs
                strange |= {(accepted[1], hour)} if at not in clock else set()
            pairs.add(pair)
            clock.add(at)
    busy = {key for key, number in failures.items() if number >= MANY}
    return Facts(
        start_us=begin or 0,
        hours=frozenset((hour,) for hour, _ in busy),
        addresses=frozenset(busy),
        guessers=frozenset(key for key, accounts in tried.items() if len(accounts) >= ACCOUNTS),
        newcomers=frozenset(newcomers),
        strange_hours=frozenset(strange),
    )


def _time(line: str) -> int:
    return to_us(datetime.strptime(f"{YEAR} {line[:15]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC))


def _hour(record: Record) -> str:
    return str(parse_time(record.time) // HOUR_US * HOUR_US)


@dataclass(frozen=True)
class Question:
    """A function, what a fact is for it, and how a record names one."""

    name: str
    detector: Detector
    outcome: str
    fact: str
    truth: Callable[[Facts], frozenset[Key]]
    key: Callable[[Record], Key]


QUESTIONS: Final = (
    Question(
        "high_count of the host",
        Detector(function="high_count", partition_field_name="host.name"),
        "failure",
        f"hour with {MANY} failures from one address",
        lambda known: known.hours,
        lambda record: (_hour(record),),
    ),
    Question(
        "high_count by source address",
        Detector(function="high_count", by_field_name="source.ip"),
        "failure",
        f"address that failed {MANY} times in the hour",
        lambda known: known.addresses,
        lambda record: (_hour(record), record.by_field_value or ""),
    ),
    Question(
        "high_count over source addresses",
        Detector(function="high_count", over_field_name="source.ip"),
        "failure",
        f"address that failed {MANY} times in the hour",
        lambda known: known.addresses,
        lambda record: (_hour(record), record.over_field_value or ""),
    ),
    Question(
        "high_distinct_count of accounts over source addresses",
        Detector(function="high_distinct_count", field_name="user.name", over_field_name="source.ip"),
        "failure",
        f"address that tried {ACCOUNTS} accounts in the hour",
        lambda known: known.guessers,
        lambda record: (_hour(record), record.over_field_value or ""),
    ),
    Question(
        "rare source address of an account",
        Detector(function="rare", by_field_name="source.ip", partition_field_name="user.name"),
        "success",
        "account accepted from an address for the first time",
        lambda known: known.newcomers,
        lambda record: (record.partition_field_value or "", record.by_field_value or ""),
    ),
    Question(
        "time_of_day of an account",
        Detector(function="time_of_day", by_field_name="user.name"),
        "success",
        "account accepted at an hour of the day for the first time",
        lambda known: known.strange_hours,
        lambda record: (record.by_field_value or "", _hour(record)),
    ),
)


@dataclass(frozen=True)
class Answer:
    """How a function did against its facts."""

    question: Question
    facts: int
    records: int
    first: tuple[int, ...]
    """Facts among the first of ``FIRST`` records."""
    all: int
    """Facts among all records."""
    leading: str
    """The most surprising record's sentence."""


def judge(scratch: Path, log: Path) -> list[Answer]:
    """Run every question over a log, gzipped or plain."""
    scratch.mkdir(parents=True)
    text = gzip.decompress(log.read_bytes()) if log.suffix == ".gz" else log.read_bytes()
    known = facts(text.decode(errors="replace").splitlines())
    copy = scratch / "auth.log"
    copy.write_bytes(text)
    stamp = datetime(YEAR, 12, 31, tzinfo=UTC).timestamp()  # lines take the year of their file
    os.utime(copy, (stamp, stamp))
    asked = {question.name: _job(number, question) for number, question in enumerate(QUESTIONS)}
    found, _ = records(scratch, [copy], asked, known.start_us)
    return [_answer(question, question.truth(known), found[question.name]) for question in QUESTIONS]


def _job(number: int, question: Question) -> Job:
    terms = [{"term": {"event.action": "ssh_login"}}, {"term": {"event.outcome": question.outcome}}]
    return Job(
        job_id=f"series-{number}",
        bucket_span="1h",
        detectors=(question.detector,),
        influencers=("host.name", "source.ip", "user.name"),
        datafeed=Datafeed(query={"bool": {"filter": terms}}),
        counted="failed logons",
    )


def _answer(question: Question, truth: frozenset[Key], own: list[Record]) -> Answer:
    keys = [question.key(record) for record in own]
    return Answer(
        question=question,
        facts=len(truth),
        records=len(own),
        first=tuple(len(truth & set(keys[:most])) for most in FIRST),
        all=len(truth & set(keys)),
        leading=own[0].explanation.sentence if own else "",
    )
