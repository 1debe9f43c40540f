"""Patterns of query languages: wildcards taken apart, and Lucene's regular expressions turned into RE2's."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.errors import QueryError

MAX_PATTERN: Final = 1000
"""Longest regular expression, in characters, as in Elasticsearch."""
MAX_WILDCARD: Final = 32_766
"""Longest wildcard pattern, in characters."""

STAR: Final = "*"
ONE: Final = "?"
_CLASSES: Final = frozenset("dDsSwW")
_UNSUPPORTED: Final = {
    "~": "complement (~)",
    "&": "intersection (&)",
    "#": "the empty language (#)",
    "<": "numeric intervals (<1-5>)",
}
_REPEAT: Final = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}", re.ASCII)


def wildcard_parts(pattern: str) -> list[str | None]:
    r"""Take a wildcard pattern apart.

    Returns
    -------
    list
        Plain texts, and for ``*`` None, for ``?`` :data:`ONE` behind a NUL (``"\0?"``), which no text holds.

    Raises
    ------
    QueryError
        If the pattern is longer than :data:`MAX_WILDCARD`.
    """
    if len(pattern) > MAX_WILDCARD:
        raise QueryError(f"the wildcard pattern has {len(pattern)} characters, more than {MAX_WILDCARD}")
    parts: list[str | None] = []
    plain = ""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char in {STAR, ONE}:
            if plain:
                parts.append(plain)
                plain = ""
            if char == ONE:
                parts.append("\0?")
            elif not parts or parts[-1] is not None:
                parts.append(None)
            continue
        if char == "\\" and at < len(pattern):
            char = pattern[at]
            at += 1
        plain += char
    if plain:
        parts.append(plain)
    return parts


def escape_wildcard(text: str) -> str:
    r"""Pattern that fits the text alone: ``*``, ``?`` and ``\`` lose their meaning."""
    return re.sub(r"([*?\\])", r"\\\1", text)


def has_wildcard(pattern: str) -> bool:
    r"""Whether a ``*`` or ``?`` stands in the pattern without a ``\`` before it."""
    return any(part is None or part == "\0?" for part in wildcard_parts(pattern))


def plain_text(pattern: str) -> str:
    r"""Text of a pattern without wildcards: the ``\`` taken away."""
    return "".join(part for part in wildcard_parts(pattern) if part is not None)


def wildcard_re2(parts: list[str | None]) -> str:
    """RE2 pattern of a wildcard's parts, for a match of the whole value."""
    texts = (".*" if part is None else "." if part == "\0?" else _quote(part) for part in parts)
    return "(?s)" + "".join(texts)


def one_of_re2(texts: list[str]) -> str:
    """RE2 that matches exactly one of some texts."""
    return "|".join(_quote(text) for text in texts)


def lucene_re2(pattern: str) -> str:
    """RE2 form of a regular expression of Lucene's syntax, for a match of the whole value.

    Raises
    ------
    QueryError
        If it is longer than :data:`MAX_PATTERN`, wrong, or uses what RE2 has not: complement, intersection,
        numeric intervals, the empty language.
    """
    if len(pattern) > MAX_PATTERN:
        raise QueryError(f"the regular expression has {len(pattern)} characters, more than {MAX_PATTERN}")
    result = "(?s)" + _translate(pattern)
    try:
        pc.match_substring_regex(pa.array([""]), f"^(?:{result})$")
    except pa.ArrowInvalid as error:
        raise QueryError(f"the regular expression {pattern!r} is wrong: {error}") from error
    return result


def _translate(pattern: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char in _UNSUPPORTED:
            raise QueryError(
                f"the regular expression {pattern!r} uses {_UNSUPPORTED[char]}, which is not supported",
                hint=f"Write \\{char} for the character itself.",
            )
        if char == "\\":
            text, at = _escaped(pattern, at)
        elif char == '"':
            text, at = _quoted(pattern, at)
        elif char == "[":
            text, at = _class(pattern, at)
        elif char == "{":
            text, at = _repeat(pattern, at)
        elif char == "(" and pattern[at + 1 : at + 2] == ")":
            text, at = "(?:)", at + 2
        else:
            text, at = {"(": "(?:", "@": ".*"}.get(char) or (char if char in ".?+*|)" else _quote(char)), at + 1
        out.append(text)
        # A second operator on one atom means "lazy" in RE2 and "again" in Lucene: group the first.
        if char in "?+*{" and pattern[at : at + 1] in {"?", "+", "*", "{"}:
            raise QueryError(f"the regular expression {pattern!r} repeats a repetition", hint="Use parentheses.")
    return "".join(out)


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    if at + 1 >= len(pattern):
        raise QueryError(f"the regular expression {pattern!r} ends in a backslash")
    char = pattern[at + 1]
    return ("\\" + char if char in _CLASSES else _quote(char)), at + 2


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    end = pattern.find('"', at + 1)
    if end < 0:
        raise QueryError(f"the regular expression {pattern!r} has a quote without an end")
    return f"(?:{_quote(pattern[at + 1 : end])})", end + 1


def _class(pattern: str, at: int) -> tuple[str, int]:
    out = "["
    at += 1
    if pattern[at : at + 1] == "^":
        out, at = "[^", at + 1
    first = at
    while at < len(pattern) and (pattern[at] != "]" or at == first):
        if pattern[at] == "\\":
            text, at = _escaped(pattern, at)
        else:
            text, at = ("-" if pattern[at] == "-" and at > first else _quote(pattern[at])), at + 1
        out += text
    if at >= len(pattern):
        raise QueryError(f"the regular expression {pattern!r} has a [ without an end")
    return out + "]", at + 1


def _repeat(pattern: str, at: int) -> tuple[str, int]:
    match = _REPEAT.match(pattern, at)
    if match is None:
        raise QueryError(f"the regular expression {pattern!r} has a wrong repetition at {{", hint="Write {2} or {2,5}.")
    return match[0], match.end()


def _quote(text: str) -> str:
    return "".join(char if char.isalnum() or ord(char) > 127 else f"\\x{{{ord(char):x}}}" for char in text)  # noqa: PLR2004 - ASCII
