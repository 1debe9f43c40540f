"""Rules of an installation: those that ship and its own; list, import, switch."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from rarebit.alert.condition import condition, needed_fields
from rarebit.alert.definition import parse_rule, shipped_rules
from rarebit.alert.elastic import is_elastic, parse_elastic
from rarebit.alert.sigma_sources import is_sigma
from rarebit.app.home import Home
from rarebit.app.jobs import check_asset_fields, get_job
from rarebit.asset.people import is_looked_up
from rarebit.core.disk import replacing
from rarebit.core.errors import DefinitionError, InputError, MissingExtraError, NotFoundError, RarebitError, StateError
from rarebit.core.rule import Rule, State
from rarebit.query.tree import Node, fields_of, rewrite
from rarebit.source.windows_fields import fields_of_event_data

_MAX_BYTES = 16 << 20
Json = dict[str, Any]
_FORMATS = (".yaml", ".yml", ".json", ".ndjson", ".toml")


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation keeps of rules."""

    rules: dict[str, Rule] = msgspec.field(default_factory=dict)
    states: dict[str, State] = msgspec.field(default_factory=dict)
    """Where a person has switched a rule."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that was not taken over."""

    where: str
    reason: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import."""

    rules: tuple[Rule, ...]
    refused: tuple[Refused, ...]


def list_rules(home: Home) -> list[Rule]:
    """All rules by id, each in the state that it was switched to last."""
    kept = _read(home)
    known = shipped_rules() | kept.rules
    return [
        msgspec.structs.replace(known[name], state=kept.states.get(name, known[name].state)) for name in sorted(known)
    ]


def get_rule(home: Home, rule_id: str) -> Rule:
    """The rule with an id, or with the only id that begins so.

    Raises
    ------
    NotFoundError
        If there is none, or there are several.
    """
    rules = {rule.id: rule for rule in list_rules(home)}
    if rule_id in rules:
        return rules[rule_id]
    alike = [name for name in rules if name.startswith(rule_id)] if rule_id else []
    if len(alike) == 1:
        return rules[alike[0]]
    hint = f"It begins {', '.join(alike[:3])}" if alike else "List them with: rarebit rule list"
    raise NotFoundError(f"no one rule {rule_id!r}", hint=hint)


def set_state(home: Home, rule_id: str, state: State, *, actor: str = "local") -> Rule:
    """Switch a rule off, on, or into the shadow; audited.

    A rule that is switched on goes over what the lake holds that it has not seen.

    Raises
    ------
    NotFoundError
        If there is no such rule.
    """
    before = get_rule(home, rule_id)
    kept = _read(home)
    _write(home, msgspec.structs.replace(kept, states={**kept.states, before.id: state}))
    home.store.add_audit(actor, "rule state", before.id, before.state, state)
    return msgspec.structs.replace(before, state=state)


def import_rules(home: Home, path: Path, *, state: State | None = None) -> Imported:
    """Take over the rules of a file, or of all files below a directory: our YAML, Sigma, Elastic's JSON and TOML.

    Rules that cannot be honoured are left out and named; a rule of the same id is replaced.

    Raises
    ------
    InputError
        If there is nothing to read.
    """
    found: dict[str, Rule] = {}
    refused: list[Refused] = []
    bodies = [each for file in _files(path) for each in _bodies(file, refused)]
    named = _named(body for _, body in bodies)
    for where, body in bodies:
        try:
            for rule in _parsed(body, where, named):
                taken = _usable(home, rule if state is None else msgspec.structs.replace(rule, state=state), where)
                found[taken.id] = taken
        except RarebitError as error:
            refused.append(Refused(where=where, reason=error.what + (f". {error.hint}" if error.hint else "")))
    if found:
        kept = _read(home)
        states = {name: given for name, given in kept.states.items() if name not in found}
        _write(home, _Kept(rules=kept.rules | found, states=states))
        home.store.add_audit("local", "rule import", path.name, "", f"{len(found)} rules")
    return Imported(rules=tuple(found.values()), refused=tuple(refused))


def read_rule(home: Home, path: Path) -> Rule:
    """The one rule of a file, not kept.

    Raises
    ------
    InputError, DefinitionError
        If there is not exactly one, or it is wrong.
    """
    refused: list[Refused] = []
    bodies = list(_bodies(path, refused))
    named = _named(body for _, body in bodies)
    found = [rule for where, body in bodies for rule in _parsed(body, where, named)]
    if len(found) != 1:
        reason = refused[0].reason if refused else f"{len(found)} rules where one is wanted"
        raise InputError(reason, where=str(path))
    return _usable(home, found[0], path.name)


def condition_of(home: Home, rule: Rule) -> Node:
    """Events a rule looks at, with ``asset.*`` turned into the hosts of the inventory."""
    node = condition(rule)
    fields = [name for name in fields_of(node) if is_looked_up(name)]
    return rewrite(node, home.resolvers(fields)) if fields else node  # type: ignore[arg-type]


def _usable(home: Home, rule: Rule, where: str) -> Rule:
    if rule.id in shipped_rules():
        raise DefinitionError(f"there is a shipped rule {rule.id!r}", where=where, hint="Give it another id")
    if rule.kind == "anomaly":
        get_job(home, rule.job)
    check_asset_fields(home, needed_fields(rule))
    return rule


def _named(bodies: Iterable[Any]) -> dict[str, Json]:
    """Rules of Sigma by name and by id, for correlations that refer to them."""
    sigma = [body for body in bodies if is_sigma(body)]
    return {str(body[key]): body for body in sigma for key in ("id", "name") if body.get(key)}


def _parsed(body: Any, where: str, named: dict[str, Json]) -> list[Rule]:  # noqa: ANN401 - from outside
    if is_sigma(body):
        try:
            from rarebit.alert.sigma import parse_sigma
            from rarebit.alert.sigma_correlation import is_correlation, parse_correlation
        except ImportError as error:
            raise MissingExtraError("pysigma", "sigma") from error
        if is_correlation(body):
            return [parse_correlation(body, named, where=where, moved=fields_of_event_data)]
        return [parse_sigma(body, where=where, moved=fields_of_event_data)]
    return parse_elastic(body, where=where) if is_elastic(body) else [parse_rule(body, where=where, origin=where)]


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in _FORMATS and file.is_file())
    else:
        found = [path]
    if not found:
        raise InputError("no rule files", where=str(path), hint=f"Rules are read from {', '.join(_FORMATS)}")
    return found


def _bodies(file: Path, refused: list[Refused]) -> Iterator[tuple[str, Any]]:
    """Definitions of a file, and where each stands."""
    try:
        raw = file.read_bytes() if file.stat().st_size <= _MAX_BYTES else None
        bodies = [] if raw is None else list(_decoded(raw, file.suffix.lower()))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        refused.append(Refused(where=file.name, reason=f"cannot be read: {str(error).splitlines()[0]}"))
        return
    if raw is None:
        refused.append(Refused(where=file.name, reason="a rule file of more than 16 MB"))
    for number, body in enumerate(bodies, 1):
        yield (file.name if len(bodies) == 1 else f"{file.name} #{number}"), body


def _decoded(raw: bytes, suffix: str) -> Iterable[Any]:
    match suffix:
        case ".toml":
            return [tomllib.loads(raw.decode())]
        case ".ndjson":
            return [msgspec.json.decode(line) for line in raw.splitlines() if line.strip()]
        case ".json":
            body = msgspec.json.decode(raw)
            return body if isinstance(body, list) else [body]
    return [document for document in yaml.load_all(raw, Loader=_Loader) if document is not None]


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(home: Home) -> _Kept:
    try:
        return msgspec.json.decode(home.rule_file.read_bytes(), type=_Kept) if home.rule_file.exists() else _Kept()
    except (OSError, msgspec.DecodeError) as error:
        raise StateError(
            f"the rules are damaged: {error}", where=str(home.rule_file), hint="Import the rules again"
        ) from error


def _write(home: Home, kept: _Kept) -> None:
    with replacing(home.rule_file) as draft:
        draft.write_bytes(msgspec.json.encode(kept, order="sorted"))


STATES: tuple[State, ...] = get_args(State)
