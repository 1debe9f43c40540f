"""A trace played by a site's own hosts and accounts, as its own sensors would have sent it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from rarebit.app.home import Home
from rarebit.app.stage import ENVELOPE, IDENTITY, Sent, SiteHost, Stage, sent_by
from rarebit.core.fields import TIME
from rarebit.core.names import host_key, user_key
from rarebit.core.time import DAY_US, WEEK_US
from rarebit.simulate.trace import MadeTrace

_ROLE: Final = {"domain_controller": "domain_controller", "server": "server", "terminal_server": "server"}
_ID: Final = "event.id"
_KEPT: Final = frozenset({TIME, _ID, "user.name", *IDENTITY, *ENVELOPE})
"""Fields that are not taken away where the site's own events lack them: they come from the site."""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """A trace as it was played."""

    name: str
    events: tuple[dict[str, Any], ...]
    hosts: dict[str, str]
    """Host of the trace to that of the site."""
    users: dict[str, str]
    unsent: dict[str, int]
    """Events left out, by the kind that the host does not send."""
    unplayed: int = 0
    """Events left out because the site has too few hosts."""
    fields: tuple[str, ...] = ()
    """Fields taken away because the site's own events do not have them."""


class Cast:
    """Gives parts to hosts and accounts of a site, each of them to one trace as long as there are others.

    Parameters
    ----------
    home : Home
        The site; only read.
    scene : Stage
        What it has.
    seed : int
        Of the choice.
    """

    def __init__(self, home: Home, scene: Stage, seed: int) -> None:
        self._home, self._scene = home, scene
        self._rng = np.random.default_rng(seed)
        self._taken: set[str] = set()

    def play(self, trace: MadeTrace, shift_us: int, end_us: int, hosts: Sequence[str] = ()) -> Played:
        """The trace with parts given and moved in time.

        Parameters
        ----------
        trace : MadeTrace
        shift_us : int
            Added to every time.
        end_us : int
            What the site sends is judged by the two weeks before.
        hosts : sequence of str
            Hosts of the site that take the first parts.
        """
        parts = self._parts(trace, list(hosts))
        users = self._users(trace, parts)
        fields = sorted({name for event in trace.events for name in event} - _KEPT)
        sent = sent_by(self._home, [host.name for host in parts.values()], fields, end_us)
        rename = _renaming(trace, parts, users)
        events, unsent, lost, unplayed = [], dict[str, int](), set[str](), 0
        for number, event in enumerate(trace.events):
            host = parts.get(host_key(event["host.name"]))
            if host is None:
                unplayed += 1
                continue
            kind = _kind_of(event, sent.get(host.key, []))
            if kind is None:
                words = _words(event)
                unsent[words] = unsent.get(words, 0) + 1
                continue
            lost |= event.keys() - _KEPT - kind.filled
            own = {name: rename(value) for name, value in event.items() if name in kind.filled}
            account = str(event.get("user.name", ""))
            own |= self._scene.users.get(users.get(user_key(account), user_key(account)), {"user.name": account})
            own |= kind.sample | {TIME: event[TIME] + shift_us, _ID: f"trial-{trace.name}-{number}"}
            events.append({name: value for name, value in own.items() if value not in (None, "")})
        return Played(
            name=trace.name,
            events=tuple(events),
            hosts={name: host.name for name, host in parts.items()},
            users=users,
            unsent=unsent,
            unplayed=unplayed,
            fields=tuple(sorted(lost)),
        )

    def _parts(self, trace: MadeTrace, given: list[str]) -> dict[str, SiteHost]:
        names = list(dict.fromkeys(host_key(event["host.name"]) for event in trace.events))
        names += [own for own in dict.fromkeys(trace.owners.values()) if own not in names and self._acts(trace, own)]
        known = {host.key: host for host in self._scene.hosts}
        parts: dict[str, SiteHost] = {}
        for name in names:
            wanted = known.get(host_key(given.pop(0))) if given else None
            host = wanted or self._one(_ROLE.get(trace.roles.get(name, ""), "workstation"), parts)
            if host is not None:
                parts[name] = host
                self._taken.add(host.key)
        return parts

    @staticmethod
    def _acts(trace: MadeTrace, host: str) -> bool:
        """Whether the owner of a host, which has no event of its own, does anything elsewhere."""
        owners = {user for user, own in trace.owners.items() if own == host}
        return any(user_key(str(event.get("user.name", ""))) in owners for event in trace.events)

    def _one(self, kind: str, parts: dict[str, SiteHost]) -> SiteHost | None:
        held = {host.key for host in parts.values()}
        free = [host for host in self._scene.hosts if host.key not in held and host.windows]
        for choice in (
            [host for host in free if host.kind == kind and host.key not in self._taken and _lived_in(host, kind)],
            [host for host in free if host.kind == kind],
            [host for host in free if host.key not in self._taken],
            free,
        ):
            if choice:
                return choice[int(self._rng.integers(len(choice)))]
        return None

    def _users(self, trace: MadeTrace, parts: dict[str, SiteHost]) -> dict[str, str]:
        acting = dict.fromkeys(user_key(str(event.get("user.name", ""))) for event in trace.events)
        kinds = {user_key(user): kind for user, kind in trace.accounts.items()}
        owners = {user_key(user): host for user, host in trace.owners.items()}
        users: dict[str, str] = {}
        for user in acting:
            kind = kinds.get(user)
            if kind is None:
                continue
            host = parts.get(owners.get(user, ""))
            pool = host.people if kind == "person" and host else self._scene.accounts.get(kind, ())
            pool = pool or tuple(name for part in parts.values() for name in part.people)
            chosen = self._account(pool, set(users.values()), first=kind == "person")
            if chosen:
                users[user] = chosen
        return users

    def _account(self, pool: Iterable[str], held: set[str], *, first: bool) -> str:
        choice = [name for name in pool if name not in held]
        fresh = [name for name in choice if name not in self._taken] or choice
        if not fresh:
            return ""
        name = fresh[0 if first else int(self._rng.integers(min(len(fresh), 5)))]
        self._taken.add(name)
        return name


def _lived_in(host: SiteHost, kind: str) -> bool:
    return bool(host.people) or kind != "workstation"


def _kind_of(event: dict[str, Any], sent: Sequence[Sent]) -> Sent | None:
    """How a host sends such an event; None if it does not."""
    categories, types = (_set(event.get(name)) for name in ("event.category", "event.type"))
    outcome = str(event.get("event.outcome", ""))
    fit = [
        kind
        for kind in sent
        if kind.categories & categories
        and (kind.types & types or not types)
        and (not outcome or not kind.outcome or kind.outcome == outcome)
    ]
    return max(fit, key=lambda kind: (kind.types == types, kind.events), default=None)


def _set(value: object) -> frozenset[str]:
    words = value if isinstance(value, list) else str(value).split(",") if value else []
    return frozenset(map(str, words))


def _words(event: dict[str, Any]) -> str:
    return " ".join(",".join(sorted(_set(event.get(name)))) for name in ("event.category", "event.type")).strip()


def _renaming(trace: MadeTrace, parts: dict[str, SiteHost], users: dict[str, str]) -> Any:  # noqa: ANN401 - a function
    """Puts the site's names and addresses in place of the trace's, wherever they stand in a value."""
    names = {name: host.key for name, host in parts.items()} | users
    names |= {ip: parts[name].address for ip, name in trace.addresses.items() if name in parts and parts[name].address}
    if not names:
        return lambda value: value
    longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![\w-])({longest_first})(?![\w-])", re.IGNORECASE)

    def rename(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, str):
            return pattern.sub(lambda match: names[match[1].lower()], value)
        return [rename(each) for each in value] if isinstance(value, list) else value

    return rename


def shift_of(trace: MadeTrace, begin_us: int, end_us: int) -> int | None:
    """How far a trace is moved so that it ends before a time and begins after another, as late as it can.

    By whole weeks if that fits, so that hours and weekdays stay, else by whole days; None if it is too long.
    """
    first, last = trace.events[0][TIME], trace.events[-1][TIME]
    for step in (WEEK_US, DAY_US):
        shift = int((end_us - last) // step * step)
        if first + shift >= begin_us:
            return shift
    return None
