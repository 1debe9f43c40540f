"""Which events a job reads."""

from __future__ import annotations

from rarebit.core.job import Job
from rarebit.query.dsl import parse_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.tree import And, Node


def condition(job: Job) -> Node:
    """The datafeed's query and the clone's ``where`` as one tree."""
    query = parse_dsl(job.datafeed.query)
    return And((query, parse_kql(job.where))) if job.where else query
