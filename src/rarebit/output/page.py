"""One page to hand on: cases with their evidence, in a single file that asks for nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2
import msgspec

from rarebit.core.proof import Proof
from rarebit.core.rate import rate
from rarebit.core.result import Case


class CaseText(msgspec.Struct, frozen=True, kw_only=True):
    """A case and what is printed beside it."""

    case: Case
    next_steps: tuple[str, ...]
    events: tuple[str, ...]
    """The first events, a line each."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says."""

    title: str
    made_at: str
    first: str
    last: str
    events: int
    open: tuple[CaseText, ...]
    below: int
    """Cases that the budget left out."""
    budget: float
    blind: tuple[str, ...]
    """What cannot fire and why, a line each."""


def page(report: Report) -> str:
    """The page as HTML: no script, no link to outside, and every text from events escaped."""
    return _room().get_template("report.html").render(report=report, shown=_shown)


def proof_html(proof: Proof) -> str:
    """A proof as HTML, made in the same way."""
    return _room().get_template("proof.html").render(proof=proof)


def _room() -> jinja2.Environment:
    room = jinja2.Environment(
        loader=jinja2.PackageLoader("rarebit.output"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    room.filters |= {"rate": rate, "moment": lambda text: text[:16].replace("T", " "), "number": "{:,}".format}
    return room


def _shown(case: Case, most: int = 8) -> Sequence[object]:
    return case.timeline[:most]
