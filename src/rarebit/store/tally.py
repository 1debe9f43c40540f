"""How many results there are, without reading them."""

from __future__ import annotations

from sqlalchemy import Table, func

from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import buckets, influencers, records

_TABLES = {"record": records, "bucket": buckets, "influencer": influencers}


class Tally:
    """Counts of records, buckets and influencers; a part of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(
        self,
        kind: str,
        *,
        job_id: str | None = None,
        min_score: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
    ) -> int:
        """How many results of a kind (``record``, ``bucket``, ``influencer``) meet all that is given."""
        table: Table = _TABLES[kind]
        query = rows.filtered(table, min_score=min_score, start_us=start_us, end_us=end_us, entity_id=None)
        if job_id is not None:
            query = query.where(table.c.job_id == job_id)
        with self._database.reading() as connection:
            return int(connection.execute(query.with_only_columns(func.count())).scalar_one())
