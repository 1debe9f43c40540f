"""Bodies and answers of our API that are not structs of the product already."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from rarebit.app.jobs import JobLine
from rarebit.app.status import JobStatus
from rarebit.core.rule import State

Short = Annotated[str, msgspec.Meta(max_length=2_000)]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not done."""

    status: int
    error: str
    hint: str = ""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """How well the installation sees: without events, or with blind jobs, nothing found is not all clear."""

    events: int
    last: str | None
    """Time of the newest event."""
    jobs: dict[str, int]
    """Number of jobs by state: ``never ran``, ``blind``, ``learning``, ``watching``."""
    trouble: int
    """Files of which not all could be read."""


class NewVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a case was (``true``, ``benign``, ``false``, ``unsure``), or ``close`` or ``reopen``."""

    verdict: str
    note: Short = ""


class NewState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a rule is to stand."""

    state: State


class NewPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What findings share, all of it at once."""

    where: Annotated[dict[str, Short], msgspec.Meta(min_length=1, max_length=10)]


class NewSuppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern to hide, and why."""

    where: Annotated[dict[str, Short], msgspec.Meta(min_length=1, max_length=10)]
    reason: Short
    expires: Annotated[str, msgspec.Meta(max_length=20)] = "90d"
    broad: bool = False
    """Whether it is meant though it is weak, or would hide replayed attacks."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    scopes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=4)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the inventory."""

    id: str
    attributes: dict[str, str]


class JobShown(msgspec.Struct, frozen=True, kw_only=True):
    """One job: a line of the listing, how it stands (if it ever ran or runs by default), its definition."""

    line: JobLine
    status: JobStatus | None
    definition: dict[str, Any]
    """``{"job": …, "datafeed": …}`` in Elastic's form."""


class KeyLine(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without what it is."""

    id: str
    name: str
    scopes: list[str]
    state: str
    """``works``, ``revoked`` or ``has run out``."""
    created: str
    created_by: str
    expires: str | None


class KeyMade(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was made; ``secret`` is shown this once."""

    key: KeyLine
    secret: str


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """Events as nested ECS documents."""

    items: list[dict[str, Any]]
    more: bool
    """Whether there are more than were asked for."""
