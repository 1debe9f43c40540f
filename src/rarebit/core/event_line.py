"""One event in one line."""

from __future__ import annotations

from typing import Any

import msgspec


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a person looks at first."""

    time: str
    host: str
    user: str
    what: str
    parent: str
    id: str


def event_line(event: dict[str, Any]) -> EventLine:
    """The line of a nested ECS document; what it lacks is empty."""

    def at(path: str) -> str:
        value: Any = event
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    what = at("process.command_line") or at("process.executable") or at("process.name")
    if not what and at("source.ip"):
        what = f"from {at('source.ip')}"
    logon = at("winlog.logon.type")
    action = (at("event.action") or at("event.code")) + (f" (logon type {logon})" if logon else "")
    return EventLine(
        time=at("@timestamp"),
        host=at("host.name"),
        user=at("user.name"),
        what=f"{action}: {what}" if what else action,
        parent=at("process.parent.name"),
        id=at("event.id"),
    )
