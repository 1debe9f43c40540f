"""SQL tests over one text: what a leaf asks of a keyword, of an element of a list, of analysed text."""

from __future__ import annotations

from typing import Final

from rarebit.query import literal
from rarebit.query.patterns import lucene_re2, one_of_re2, wildcard_parts, wildcard_re2
from rarebit.query.tree import Exists, Leaf, Match, Phrase, Prefix, Range, Regexp, Term, Terms, Wildcard

_WORD: Final = r"[\p{L}\p{M}\p{N}_]+(?:[.''\x{2019}][\p{L}\p{M}\p{N}_]+)*"
_BOUNDS: Final = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))


def keyword_test(leaf: Leaf, text: str, *, caseless: bool = False) -> str:  # noqa: PLR0911 - one return a case
    """SQL for a leaf over a text compared as a whole.

    Parameters
    ----------
    leaf : Leaf
        The test.
    text : str
        SQL expression of the text. Where it is NULL, so may be the result.
    caseless : bool
        Ignore case even if the leaf does not ask for it.
    """
    match leaf:
        case Exists():
            return f"{text} IS NOT NULL"
        case Term(value=value, case_insensitive=fold):
            return _equal(text, [literal.text_of(value)], fold=fold or caseless)
        case Terms(values=values):
            return _equal(text, [literal.text_of(value) for value in values], fold=caseless)
        case Match(text=value) | Phrase(text=value, prefix=False):
            return _equal(text, [literal.text_of(value)], fold=caseless)
        case Phrase(text=value):
            return _prefix(text, literal.text_of(value), fold=caseless)
        case Prefix(value=value, case_insensitive=fold):
            return _prefix(text, value, fold=fold or caseless)
        case Wildcard(pattern=pattern, case_insensitive=fold):
            return _wildcard(text, wildcard_parts(pattern), fold=fold or caseless)
        case Regexp(pattern=pattern, case_insensitive=fold):
            flags = ", 'i'" if fold or caseless else ""
            return f"regexp_full_match({text}, {literal.string(lucene_re2(pattern))}{flags})"
        case Range():
            return _range(leaf, text)
    raise TypeError(leaf)


def analysed_test(leaf: Match | Phrase, text: str) -> str:
    """SQL for words within a text: lower-cased runs of letters, digits and ``_``, with ``.`` or ``'`` inside."""
    have, want = _words(text), _words(literal.string(literal.text_of(leaf.text)))
    if isinstance(leaf, Match):
        test = f"{'list_has_all' if leaf.every else 'list_has_any'}({have}, {want})"
    else:
        end = "" if leaf.prefix else " || ' '"
        needle = f"' ' || array_to_string({want}, ' '){end}"
        test = f"contains(' ' || array_to_string({have}, ' ') || ' ', {needle})"
    return f"(len({want}) > 0 AND {test})"


def _words(text: str) -> str:
    return f"regexp_extract_all(lower({text}), '{_WORD}')"


def _equal(text: str, values: list[str], *, fold: bool) -> str:
    if not values:
        return "FALSE"
    values = list(dict.fromkeys(values))
    if len(values) > _LONG_LIST and not fold:
        return _one_of_many(text, values)
    wanted = [literal.string(value) for value in values]
    if fold:
        text, wanted = f"lower({text})", [f"lower({value})" for value in wanted]
    return f"{text} = {wanted[0]}" if len(wanted) == 1 else f"{text} IN ({', '.join(wanted)})"


_LONG_LIST: Final = 32
"""Values from which an automaton is quicker than looking through a list; DuckDB's IN looks at each value in turn."""
_AUTOMATON: Final = 400
"""Values of one automaton; of thousands it no longer fits the memory RE2 gives it, and crawls."""


def _one_of_many(text: str, values: list[str]) -> str:
    parts = [values[at : at + _AUTOMATON] for at in range(0, len(values), _AUTOMATON)]
    return literal.disjunction([f"regexp_full_match({text}, {literal.string(one_of_re2(part))})" for part in parts])


def _fold(text: str, part: str, *, fold: bool) -> tuple[str, str]:
    quoted = literal.string(part)
    return (f"lower({text})", f"lower({quoted})") if fold else (text, quoted)


def _prefix(text: str, start: str, *, fold: bool) -> str:
    have, want = _fold(text, start, fold=fold)
    return f"starts_with({have}, {want})"


def _wildcard(text: str, parts: list[str | None], *, fold: bool) -> str:  # noqa: PLR0911 - one return a case
    match parts:
        case []:
            return f"{text} = ''"
        case [None]:
            return f"{text} IS NOT NULL"
        case [str(plain)] if plain != "\0?":
            return _equal(text, [plain], fold=fold)
        case [str(plain), None] if plain != "\0?":
            return _prefix(text, plain, fold=fold)
        case [None, str(plain)] if plain != "\0?":
            have, want = _fold(text, plain, fold=fold)
            return f"suffix({have}, {want})"
        case [None, str(plain), None] if plain != "\0?":
            have, want = _fold(text, plain, fold=fold)
            return f"contains({have}, {want})"
    # RE2 takes time linear in the text; LIKE can go back over it once for every star.
    have, want = _fold(text, wildcard_re2(parts), fold=False)
    return f"regexp_full_match({have}, {want}{', ' + repr('i') if fold else ''})"


def _range(leaf: Range, text: str) -> str:
    bounds = ((sign, getattr(leaf, name)) for name, sign in _BOUNDS)
    tests = [f"{text} {sign} {literal.string(literal.text_of(bound))}" for sign, bound in bounds if bound is not None]
    return f"({' AND '.join(tests)})" if tests else f"{text} IS NOT NULL"
