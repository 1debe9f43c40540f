"""What people keep here: rules, suppressions, indicators, hosts, jobs, keys."""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import Request, Response

from rarebit.app import intel, jobs, keys, listing, rules, suppress
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.indicator import Match
from rarebit.core.rule import Rule
from rarebit.core.time import DAY_US, parse_span
from rarebit.web.access import actor_of, home_of
from rarebit.web.answer import plain
from rarebit.web.api.forms import Asset, JobShown, KeyLine, NewKey, NewPattern, NewState, NewSuppression
from rarebit.web.api.parts import asked, body_as, one, paged, part_of, tell
from rarebit.web.sight import status_of

_LONGEST_DAYS: Final = 3650


def list_rules(request: Request) -> Response:
    """Rules by id."""
    return paged(request, listing.held((rule.id, plain(rule)) for rule in rules.list_rules(home_of(request))), Rule)


def get_rule(request: Request) -> Response:
    """One rule."""
    asked(request)
    return tell(request, _rule(request))


def _rule(request: Request) -> Rule:
    return one(request, "rule", partial(rules.get_rule, home_of(request)))


def switch_rule(request: Request) -> Response:
    """Switch a rule off, on, or into the shadow."""
    asked(request)
    state = body_as(request, NewState).state
    return tell(request, rules.set_state(home_of(request), _rule(request).id, state, actor=actor_of(request)))


def list_suppressions(request: Request) -> Response:
    """Suppressions by id, those taken back included."""
    found = suppress.listed(home_of(request), every=True)
    return paged(request, listing.held((each.suppression.id, plain(each)) for each in found), suppress.Listed)


def get_suppression(request: Request) -> Response:
    """One suppression, how it stands, and what it has hidden."""
    asked(request)
    return tell(request, _suppression(request))


def _suppression(request: Request) -> suppress.Listed:
    wanted = part_of(request, "suppression_id")
    found = next((e for e in suppress.listed(home_of(request), every=True) if e.suppression.id == wanted), None)
    if found is None:
        raise NotFoundError(f"there is no suppression {wanted!r}")
    return found


def preview_suppression(request: Request) -> Response:
    """What a pattern would hide, by what was found in the last 30 days; nothing is changed."""
    asked(request)
    pattern = _pattern(request, body_as(request, NewPattern).where)
    return tell(request, suppress.preview(home_of(request), pattern))


def add_suppression(request: Request) -> Response:
    """Hide what meets a pattern, from now on and in the past, until it expires."""
    asked(request)
    told = body_as(request, NewSuppression)
    if not DAY_US <= parse_span(told.expires) <= _LONGEST_DAYS * DAY_US:
        raise InputError(f"{told.expires!r} is no life for a suppression", hint=f"1d to {_LONGEST_DAYS}d")
    made, _ = suppress.add(
        home_of(request),
        _pattern(request, told.where),
        reason=told.reason,
        owner=actor_of(request),
        expires=told.expires,
        broad=told.broad,
    )
    return tell(request, made, 201)


def _pattern(request: Request, where: dict[str, str]) -> dict[str, str]:
    odd = [name for name in where if not name or "=" in name]
    if odd:
        raise InputError(f"{odd[0][:60]!r} is no field")
    return suppress.pattern_of(home_of(request), [f"{name}={value}" for name, value in where.items()], None)


def remove_suppression(request: Request) -> Response:
    """Take a suppression back: what it hid is seen again at once."""
    asked(request)
    gone, _ = suppress.remove(home_of(request), _suppression(request).suppression.id, actor=actor_of(request))
    return tell(request, gone)


def list_intel(request: Request) -> Response:
    """Lists of indicators by name."""
    found = home_of(request).library.sources()
    return paged(request, listing.held((each.name, plain(each)) for each in found), intel.Source)


def list_matches(request: Request) -> Response:
    """What indicators met, by id."""
    found = intel.matches(home_of(request), limit=None)
    return paged(request, listing.held((each.id, plain(each)) for each in found), Match)


def list_assets(request: Request) -> Response:
    """Hosts of the inventory by name."""
    hosts = home_of(request).inventory().hosts
    read = listing.held((name, {"id": name, "attributes": known}) for name, known in hosts.items())
    return paged(request, read, Asset)


def get_asset(request: Request) -> Response:
    """What the inventory says of a host."""
    asked(request)
    wanted = part_of(request, "host")
    known = home_of(request).inventory().hosts.get(wanted)
    if known is None:
        raise NotFoundError(f"the inventory has no host {wanted!r}", hint="Names are short and in lower case.")
    return tell(request, Asset(id=wanted, attributes=known))


def list_jobs(request: Request) -> Response:
    """Jobs by id, shipped and local."""
    found = jobs.list_jobs(home_of(request))
    return paged(request, listing.held((each.id, plain(each)) for each in found), jobs.JobLine)


def get_job(request: Request) -> Response:
    """One job: how it stands, and its definition in Elastic's form."""
    asked(request)
    home, wanted = home_of(request), part_of(request, "job_id")
    line = next((each for each in jobs.list_jobs(home) if each.id == wanted), None)
    if line is None:
        raise NotFoundError(f"there is no job {wanted!r}")
    standing = next((each for each in status_of(request).jobs if each.id == wanted), None)
    return tell(request, JobShown(line=line, status=standing, definition=jobs.export_job(home, wanted)))


def list_keys(request: Request) -> Response:
    """Keys by id, without what they are."""
    found = home_of(request).store.keys.list()
    return paged(request, listing.held((key.id, keys.key_line(key)) for key in found), KeyLine)


def make_key(request: Request) -> Response:
    """Make a key, and show it once."""
    asked(request)
    told = body_as(request, NewKey)
    made, shown = keys.make_key(home_of(request), told.name, told.scopes, days=told.days, actor=actor_of(request))
    return tell(request, {"key": keys.key_line(made), "secret": shown}, 201)


def revoke_key(request: Request) -> Response:
    """Let a key work no more."""
    asked(request)
    gone = keys.revoke_key(home_of(request), part_of(request, "key_id"), actor=actor_of(request))
    return tell(request, keys.key_line(gone))
