"""Scopes of custom rules as SQL over events: which values are on a filter list."""

from __future__ import annotations

from collections.abc import Mapping

from rarebit.core.care import FilterList
from rarebit.core.fields import CODED
from rarebit.core.names import normal_form
from rarebit.detect.rules import Rule
from rarebit.maths.hashing import hash_text
from rarebit.query import literal
from rarebit.query.columns import text_sql
from rarebit.query.text_sql import keyword_test
from rarebit.query.tree import Prefix, Terms, Wildcard


def scope_sql(rule: Rule, lists: Mapping[str, FilterList]) -> str | None:
    """SQL condition on events for a rule's scope; None if one of its filter lists is not there."""
    tests = []
    for scope in rule.scopes:
        if scope.filter_id not in lists:
            return None
        listed = _listed_sql(scope.field, lists[scope.filter_id].items)
        tests.append(f"({listed})" if scope.include else f"NOT ({listed})")
    return " AND ".join(tests) or "TRUE"


def _listed_sql(field: str, items: tuple[str, ...]) -> str:
    """SQL for a field's value being on a list: by its normal form where it is whole, by its text where it has a ``*``.

    Case is as good as another here as everywhere in the product: values are one if their normal forms are.
    """
    text = text_sql(field)
    whole = sorted({item for item in items if not is_pattern(item)})
    tests = [keyword_test(_pattern(field, item), text) for item in sorted(set(items)) if is_pattern(item)]
    if whole and field in CODED:
        codes = sorted({hash_text(normal_form(field)(item)) for item in whole})
        code = f"CAST({literal.identifier(CODED[field])} AS VARCHAR)"
        tests.append(keyword_test(Terms(field, tuple(map(str, codes))), code))  # a long list as automata
    elif whole:
        tests.append(f"lower({text}) IN ({', '.join(f'lower({literal.string(item)})' for item in whole)})")
    return f"coalesce({literal.disjunction(tests)}, FALSE)" if tests else "FALSE"


def is_pattern(item: str) -> bool:
    """Whether an item has a ``*`` at an end."""
    return item.startswith("*") or item.endswith("*")


def _pattern(field: str, item: str) -> Prefix | Wildcard:
    inner = item.removeprefix("*") if item != "*" else ""
    inner = inner.removesuffix("*")
    plain = "".join(f"\\{char}" if char in "\\*?" else char for char in inner)
    if not item.startswith("*"):
        return Prefix(field, inner, case_insensitive=True)
    return Wildcard(field, f"*{plain}*" if item.endswith("*") else f"*{plain}", case_insensitive=True)
