"""Errors in the form of Elasticsearch's API."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import Response

from rarebit.core.errors import (
    AccessError,
    BusyError,
    ConflictError,
    DefinitionError,
    NotFoundError,
    QueryError,
    RarebitError,
    StateError,
)

_TYPES: Final[tuple[tuple[type[RarebitError], str], ...]] = (
    (AccessError, "security_exception"),
    (NotFoundError, "resource_not_found_exception"),
    (ConflictError, "status_exception"),
    (BusyError, "es_rejected_execution_exception"),
    (StateError, "status_exception"),
    (QueryError, "parsing_exception"),
    (DefinitionError, "illegal_argument_exception"),
)
_BY_STATUS: Final = {401: "security_exception", 405: "method_not_allowed_exception", 413: "content_too_long_exception"}


def type_of(error: Exception, status: int) -> str:
    """Name of an error in that API."""
    named = next((name for kind, name in _TYPES if isinstance(error, kind)), None)
    return named or _BY_STATUS.get(status) or ("exception" if status >= 500 else "illegal_argument_exception")  # noqa: PLR2004


def error_answer(error: Exception, reason: str, status: int) -> Response:
    """``{"error": {"type": …, "reason": …}, "status": …}``."""
    cause: dict[str, Any] = {"type": type_of(error, status), "reason": reason}
    body = {"error": {"root_cause": [cause], **cause}, "status": status}
    headers = {"www-authenticate": "ApiKey"} if status == 401 else {}  # noqa: PLR2004
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json", headers=headers)
