"""Pages of what is hidden: a preview from a finding, the list, and taking one back."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Query, Request, Response

from rarebit.app import suppress as suppressing
from rarebit.app.findings import finding_of
from rarebit.app.home import Home
from rarebit.core.errors import InputError
from rarebit.core.suppression import Pattern
from rarebit.web.access import actor_of, form_of, home_of, local_path
from rarebit.web.answer import Data, answer, done, plain, wants_json

_LONGEST = 4000
_SPANS = ("7d", "30d", "90d", "180d", "365d")
Where = Annotated[tuple[str, ...], Query()]


def suppressions_page(request: Request) -> Response:
    """Suppressions, those taken back included, with what each hides."""
    return _list(request)


def suppress_page(request: Request, record: str = "", case: str = "", where: Where = ()) -> Response:
    """What hiding the like of a finding would do; nothing is changed."""
    home = home_of(request)
    asked = _parts("\n".join(where))
    pattern = suppressing.pattern_of(home, asked, record or None)
    data: Data = {
        "effect": plain(suppressing.preview(home, pattern)),
        "where": pattern,
        "choices": _choices(home, pattern, record),
        "record": record,
        "case": case,
        "owner": actor_of(request),
        "spans": list(_SPANS),
    }
    return answer(request, "suppress.html", data)


def _choices(home: Home, pattern: Pattern, record: str) -> list[Data]:
    """What can be asked for: what the pattern asks, then whatever else is known of the finding."""
    known = finding_of(home, record).attributes if record else {}
    return [
        {
            "field": name,
            "value": value,
            "asked": name in pattern,
            "sent": name if known.get(name) == value else f"{name}={value}",
        }
        for name, value in (pattern | known | pattern).items()
    ]


def suppress(request: Request) -> Response:
    """Hide what meets a pattern, until it expires."""
    form, home, actor = form_of(request), home_of(request), actor_of(request)
    pattern = suppressing.pattern_of(home, _sent(form.get("where", "")), None)
    new, effect = suppressing.add(
        home,
        pattern,
        reason=form.get("reason", ""),
        owner=form.get("owner", "").strip()[:64] or actor,
        expires=form.get("expires") or "90d",
        broad=form.get("broad") == "yes",
        actor=actor,
    )
    if wants_json(request):
        return answer(request, "suppressions.html", {"suppression": plain(new), "effect": plain(effect)})
    told = f"Suppressed: {effect.findings:,} of the last weeks' findings hidden, {len(effect.shifts):,} cases changed."
    return done(request, f"/cases/{form['case']}" if form.get("case", "").isalnum() else "/suppressions", told)


def remove_suppression(request: Request, suppression_id: str) -> Response:
    """Take a suppression back: what it hid is seen again at once."""
    gone, shifts = suppressing.remove(home_of(request), suppression_id, actor=actor_of(request))
    if wants_json(request):
        return answer(request, "suppressions.html", {"suppression": plain(gone), "shifts": plain(shifts)})
    back = local_path(form_of(request).get("back", "/suppressions"))
    return done(request, back, f"Taken back: what it hid counts again, {len(shifts):,} cases changed.")


def _list(request: Request) -> Response:
    found = suppressing.listed(home_of(request), every=True)
    found.sort(key=lambda each: (each.state != "stands", -each.suppression.created_us))
    return answer(request, "suppressions.html", {"listed": plain(found)})


def _parts(text: str) -> list[str]:
    """``field=value`` or ``field``, one a line.

    Raises
    ------
    InputError
        If it is too long.
    """
    if len(text) > _LONGEST:
        raise InputError(f"a pattern of more than {_LONGEST:,} characters")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _sent(text: str) -> list[str]:
    """``field=value`` of a form: an object as JSON, which keeps every character, or one a line."""
    if not text.startswith("{"):
        return _parts(text)
    try:
        return [f"{name}={value}" for name, value in msgspec.json.decode(text, type=dict[str, str]).items()]
    except msgspec.DecodeError as error:
        raise InputError("the pattern is no JSON object of texts") from error
