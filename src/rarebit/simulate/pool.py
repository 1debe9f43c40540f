"""One vocabulary for all text of a fleet: events carry codes, and strings are looked up in batches."""

from __future__ import annotations

import hashlib

import pyarrow as pa

USER = "{user}"
"""Placeholder: name of the acting user."""
FRESH = "{x}"
"""Placeholder: hex digits of the process's own identity, so the text is new every time."""
TAIL = "{#}"
"""Placeholder at the end of a command line or path: eight hex digits, new every time."""


class Pool:
    """Strings by code; 0 is "absent". A text with ``{user}`` takes one code for each account with a profile, in order.

    Parameters
    ----------
    users : list of str
        Names that replace ``{user}``: all accounts that have a profile directory.
    """

    def __init__(self, users: list[str]) -> None:
        self._users = users
        self._texts: list[str | None] = [None]
        self._codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str | None) -> int:
        """Code of a text; of the first of its block if it holds ``{user}``."""
        if not text:
            return 0
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self._texts)
            if USER in text:
                self._texts.extend(text.replace(USER, user) for user in self._users)
            else:
                self._texts.append(text)
        return code

    def add_template(self, text: str) -> int:
        """Code of a text whose placeholders are filled event by event."""
        label = f"template {text}"
        if label not in self._codes:
            self._codes[label] = len(self._texts)
            self._texts.append(text)
        return self._codes[label]

    def add_hashes(self, what: str, versions: int) -> int:
        """Code of the first of a block of SHA-256 digests, one a version."""
        label = f"sha256 {what} {versions}"
        if label not in self._codes:
            self._codes[label] = len(self._texts)
            self._texts.extend(digest(f"{what}#{version}") for version in range(versions))
        return self._codes[label]

    def text(self, code: int) -> str:
        """The text behind a code other than 0."""
        return self._texts[code] or ""

    def array(self) -> pa.Array:
        """All strings by code; entry 0 is null."""
        return pa.array(self._texts, pa.string())


def digest(text: str) -> str:
    """SHA-256 of a text as 64 hex digits: the made-up hash of a file."""
    return hashlib.sha256(text.encode()).hexdigest()
