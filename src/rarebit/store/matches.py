"""Matches with indicators: one row for each indicator, field, entity and day."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import delete, func, select

from rarebit.core.indicator import Match
from rarebit.core.time import parse_time
from rarebit.store import rows
from rarebit.store.database import Database
from rarebit.store.tables import intel_matches


class Matches:
    """Matches of one installation; every method is a transaction of its own, or part of the open one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Sequence[Match], join: Callable[[Match, Match], Match]) -> None:
        """Keep matches; one that is there is joined with the new."""
        with self._database.writing() as connection:
            known = rows.existing(connection, intel_matches, [match.id for match in new], "body")
            held = {key: msgspec.json.decode(row.body, type=Match) for key, row in known.items()}
            joined = [join(held[match.id], match) if match.id in held else match for match in new]
            rows.replace(connection, intel_matches, [_row(match) for match in joined], list(known))

    def put(self, new: Sequence[Match]) -> None:
        """Keep matches, in place of those of the same id."""
        with self._database.writing() as connection:
            known = rows.existing(connection, intel_matches, [match.id for match in new])
            rows.replace(connection, intel_matches, [_row(match) for match in new], list(known))

    def list(
        self,
        *,
        start_us: int | None = None,
        entity_id: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> list[Match]:
        """Matches that meet all that is given, the latest first.

        Parameters
        ----------
        start_us : int, optional
            Last event not before this time, microseconds since 1970.
        entity_id : str, optional
            Exact.
        outcome : str, optional
            ``hit``, ``inbound`` or ``attempt``.
        limit : int, optional
            At most so many.
        """
        query = select(intel_matches.c.body)
        if start_us is not None:
            query = query.where(intel_matches.c.time_us >= start_us)
        if entity_id is not None:
            query = query.where(intel_matches.c.entity_id == entity_id)
        if outcome is not None:
            query = query.where(intel_matches.c.outcome == outcome)
        query = query.order_by(intel_matches.c.time_us.desc(), intel_matches.c.id).limit(limit)
        with self._database.reading() as connection:
            return [msgspec.json.decode(text, type=Match) for text in connection.execute(query).scalars()]

    def counts(self) -> dict[str, int]:
        """Number of matches by outcome."""
        query = select(intel_matches.c.outcome, func.count()).group_by(intel_matches.c.outcome)
        with self._database.reading() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    def remove_source(self, source: str) -> int:
        """Forget the matches that only this list gave, and its name in others; how many are forgotten."""
        with self._database.writing() as connection:
            held = [match for match in self.list() if source in match.sources]
            gone = [match.id for match in held if match.sources == (source,)]
            for part in rows.chunks(gone):
                connection.execute(delete(intel_matches).where(intel_matches.c.id.in_(part)))
            rest = [match for match in held if len(match.sources) > 1]
            self.put([
                msgspec.structs.replace(match, sources=tuple(name for name in match.sources if name != source))
                for match in rest
            ])  # fmt: skip
        return len(gone)


def _row(match: Match) -> dict[str, object]:
    return {
        "id": match.id,
        "kind": match.kind.value,
        "value": match.value,
        "entity_id": match.entity_id,
        "time_us": parse_time(match.last),
        "outcome": match.outcome,
        "body": rows.to_json(match),
    }
