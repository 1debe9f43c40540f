"""Results of whole buckets in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Table, delete, insert

from rarebit.core.bucket import Bucket, InfluencerResult
from rarebit.core.time import parse_time
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import buckets, influencers


class BucketStore:
    """Bucket and influencer results of all jobs; a part of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, job_id: str, start_us: int, new: Sequence[Bucket], influencing: Sequence[InfluencerResult]) -> None:
        """Keep a job's results of all buckets from a time on, in place of those that are there."""
        made = [(buckets, [_row(each, each.anomaly_score) for each in new])]
        made.append((influencers, [_row(each, each.influencer_score) for each in influencing]))
        with self._database.writing() as connection:
            for table, added in made:
                connection.execute(delete(table).where(table.c.job_id == job_id, table.c.time_us >= start_us))
                if added:
                    connection.execute(insert(table), added)

    def buckets(
        self,
        *,
        job_id: str | None = None,
        min_score: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        limit: int | None = None,
    ) -> list[Bucket]:
        """Buckets that meet all that is given, by falling score, then by time."""
        found = self._bodies(buckets, job_id, min_score, (start_us, end_us), limit)
        return [msgspec.json.decode(text, type=Bucket) for text in found]

    def influencers(
        self,
        *,
        job_id: str | None = None,
        min_score: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        limit: int | None = None,
    ) -> list[InfluencerResult]:
        """Influencer results that meet all that is given, by falling score, then by time."""
        found = self._bodies(influencers, job_id, min_score, (start_us, end_us), limit)
        return [msgspec.json.decode(text, type=InfluencerResult) for text in found]

    def _bodies(
        self,
        table: Table,
        job_id: str | None,
        min_score: float | None,
        span: tuple[int | None, int | None],
        limit: int | None,
    ) -> list[str]:
        query = rows.filtered(table, min_score=min_score, start_us=span[0], end_us=span[1], entity_id=None)
        if job_id is not None:
            query = query.where(table.c.job_id == job_id)
        query = query.order_by(table.c.score.desc(), table.c.time_us, table.c.id).limit(limit)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())


def _row(result: Bucket | InfluencerResult, score: float) -> dict[str, Any]:
    return {
        "job_id": result.job_id,
        "time_us": parse_time(result.timestamp),
        "score": score,
        "body": rows.to_json(result),
    }
