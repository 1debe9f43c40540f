"""Every error Rarebit raises on purpose.

RarebitError
├── InputError         a file, line or value that cannot be read
├── DefinitionError    a job, rule or asset list that is wrong
├── QueryError         a query that does not parse or cannot be compiled
├── StateError         a home directory, lake or snapshot that cannot be used
├── NotFoundError      an id that names nothing
├── AccessError        what this person may not do
├── ConflictError      what somebody else has changed meanwhile
├── BusyError          what there is no room for just now
└── MissingExtraError  an optional part that is not installed

Each says what was wrong, where, and what to do next.
"""

from __future__ import annotations


class RarebitError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str, optional
        The place: a file, a file and line, or a path inside a definition such as ``$.detectors[0]``.
    hint : str, optional
        What to do next.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.hint}" if self.hint else text


class InputError(RarebitError):
    """A file, line or value that cannot be read."""


class DefinitionError(RarebitError):
    """A job, rule or asset list that is wrong."""


class QueryError(RarebitError):
    """A query that does not parse, or asks for what cannot be compiled."""


class StateError(RarebitError):
    """A home directory, lake or snapshot that cannot be used."""


class NotFoundError(RarebitError):
    """An id that names nothing here."""


class AccessError(RarebitError):
    """What this person may not do, or a person who is not known."""


class ConflictError(RarebitError):
    """What somebody else has changed meanwhile."""


class BusyError(RarebitError):
    """What there is no room for just now, and will be soon."""


class MissingExtraError(RarebitError):
    """An optional part that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"the package {package!r} is needed for this and is not installed",
            hint=f"Install it with: pip install 'rarebit[{extra}]'",
        )
