"""``rarebit rule``: list, show, import, test, enable, disable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from rarebit.app import rules
from rarebit.app.rule_past import Past, rule_past
from rarebit.app.rule_run import blind_fields
from rarebit.cli.options import HomeOption, JsonOption, LimitOption, existing_home, home_at, moment
from rarebit.cli.output import count, data, notes, progress, safe, table, write_json
from rarebit.core.errors import InputError
from rarebit.core.rule import Rule, State

app = typer.Typer(no_args_is_help=True, help="Rules: what makes an alert of events, or of a job's records.")
RuleId = Annotated[str, typer.Argument(help="Id of the rule, or its beginning.")]
StateOption = Annotated[str | None, typer.Option("--state", help="off, shadow or on.")]
_SHOWN = 20


@app.command("list")
def list_(
    state: StateOption = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Only rules that need fields no event has; reads all events.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the rules, shipped and imported, and the state of each."""
    with home_at(home) as place:
        found = [rule for rule in rules.list_rules(place) if _state(state) in (None, rule.state)]
        missing = blind_fields(place, found) if blind else {}
    found = [rule for rule in found if not blind or rule.id in missing]
    if json:
        write_json(
            {**msgspec.to_builtins(rule), "state": rule.state, "blind": missing.get(rule.id, ())} for rule in found
        )
        return
    made = table("id", "state", "kind", "severity", "name", *(["no event has"] if blind else []))
    for rule in found:
        last = [safe(", ".join(missing[rule.id]))] if blind else []
        made.add_row(safe(rule.id), rule.state, rule.kind, rule.severity, safe(rule.name), *last)
    data().print(made)


@app.command()
def show(rule_id: RuleId, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what a rule looks for, and what to do when it alerts."""
    with home_at(home) as place:
        rule = rules.get_rule(place, rule_id)
    if json:
        write_json([rule])
        return
    out = data()
    out.print(safe(rule.id), style="bold")
    out.print(safe(rule.name))
    out.print(safe(f"{rule.state}; {rule.kind}; {rule.severity}, score {rule.alert_score:g}; from {rule.origin}"))
    if rule.description:
        out.print(safe(rule.description))
    for line in _looks_for(rule):
        out.print(safe(line))
    guide = rule.guide
    if guide.meaning and guide.meaning != rule.description:
        out.print(safe(f"meaning: {guide.meaning}"))
    for name, lines in (("benign", guide.benign), ("next", guide.next_steps)):
        for line in lines:
            out.print(safe(f"{name}: {line}"))
    if guide.techniques:
        out.print(safe(f"ATT&CK: {', '.join(guide.tactics)} ({', '.join(guide.techniques)})"))
    for name in rule.not_honoured:
        out.print(safe(f"not acted on: {name}"))


def _looks_for(rule: Rule) -> list[str]:
    if rule.kind == "anomaly":
        return [f"records of job {rule.job} from score {rule.score:g}"]
    if rule.indicator is not None:
        asked = rule.indicator
        lists = ", ".join(asked.sources) or "any list"
        line = f"matches ({', '.join(asked.outcomes)}) with indicators of {lists} from confidence {asked.confidence:g}"
        alone = (
            "" if asked.alone else f", beside a record of the same entity from score {rule.score:g} within {asked.near}"
        )
        return [line + alone]
    query = rule.query if isinstance(rule.query, str) else msgspec.json.encode(rule.query).decode()
    found = [f"query: {query or 'every event'}"]
    threshold, new = rule.threshold, rule.new_terms
    if threshold is not None:
        line = f"at least {threshold.value:,} events with the same {', '.join(threshold.fields) or 'nothing'}"
        if threshold.cardinality_field:
            line += f" and {threshold.cardinality:,} different {threshold.cardinality_field}"
        return [*found, f"{line} in a window of {rule.suppress.window}"]
    if new is not None:
        since = f"not seen for {new.history}" if new.history else "never seen before"
        found.append(f"{' with '.join(new.fields)} {since}; nothing is told in the first {new.learn}")
        return found
    return [*found, f"one alert for each {', '.join(rule.suppress.fields) or 'window'} in {rule.suppress.window}"]


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="YAML of ours, JSON or TOML of Elastic's; or a directory of them.")],
    state: StateOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Import rules; those that cannot be honoured are left out and named, with the reason."""
    with home_at(home) as place:
        taken = rules.import_rules(place, path, state=_state(state))
    if json:
        write_json({"id": rule.id, "state": rule.state, "not_honoured": rule.not_honoured} for rule in taken.rules)
        write_json({"where": each.where, "refused": each.reason} for each in taken.refused)
    else:
        _print_import(taken)
    if not taken.rules:
        raise typer.Exit(2)


def _print_import(taken: rules.Imported) -> None:
    for rule in taken.rules[:_SHOWN]:
        data().print(safe(f"{rule.id}: imported, {rule.state}"))
        if rule.not_honoured:
            notes().print(safe(f"  not acted on: {', '.join(rule.not_honoured)}"))
    if len(taken.rules) > _SHOWN:
        data().print(safe(f"and {count(len(taken.rules) - _SHOWN)} more imported"))
    for each in taken.refused[:_SHOWN]:
        notes().print(safe(f"{each.where}: left out: {each.reason}"))
    if len(taken.refused) > _SHOWN:
        reasons = Counter(each.reason for each in taken.refused)
        for reason, many in reasons.most_common(_SHOWN):
            notes().print(safe(f"left out {count(many)}: {reason}"))


@app.command("test")
def over_the_past(
    rule_id: Annotated[str, typer.Argument(help="Id of the rule, or a file with one.")],
    start: Annotated[str | None, typer.Option("--from", help="Only events from this time on, as 7d.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Only events before this time.")] = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run a rule over the past, keeping nothing: alerts a day, top entities, the alerts."""
    with existing_home(home) as place, progress() as report:
        rule = rules.read_rule(place, Path(rule_id)) if Path(rule_id).is_file() else rules.get_rule(place, rule_id)
        past = rule_past(place, rule, start_us=moment(start), end_us=moment(end), progress=report)
    if json:
        write_json([past])
    else:
        _print_past(rule, past, limit or _SHOWN)


def _print_past(rule: Rule, past: Past, limit: int) -> None:
    out = data()
    if past.blind:
        notes().print(safe(f"{rule.id} is blind: no event has {', '.join(past.blind)}"))
    if past.learning_until:
        notes().print(safe(f"nothing is told before {past.learning_until[:19]}: at the beginning everything is new"))
    again = sum(day.ongoing for day in past.days)
    out.print(
        safe(
            f"{rule.name}: {count(len(past.alerts))} alerts in {count(len(past.days))} days, {past.a_day:.2g} a day"
            + (f"; {count(again)} of them go on from the window before" if again else "")
        ),
        style="bold",
    )
    days = [day for day in past.days if day.alerts]
    made = table("day", "alerts", "ongoing", "events", right=("alerts", "ongoing", "events"))
    for day in days:
        made.add_row(day.day, count(day.alerts), count(day.ongoing), count(day.events))
    if days:
        out.print(made)
    if past.entities:
        out.print(safe("most: " + ", ".join(f"{name} {number:,}" for name, number in past.entities)))
    listed = table("time", "state", "what")
    for alert in past.alerts[:limit]:
        listed.add_row(alert.timestamp[:19], alert.state, safe(alert.sentence))
    if past.alerts:
        out.print(listed)
    if len(past.alerts) > limit:
        out.print(safe(f"the first {limit} of {count(len(past.alerts))}; all with --json"))


@app.command()
def enable(
    rule_id: RuleId,
    shadow: Annotated[bool, typer.Option("--shadow", help="Run and count it, but keep no alerts.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Switch a rule on, or into the shadow; the next run takes it over all events it has not seen."""
    _switch(rule_id, "shadow" if shadow else "on", home, json=json)


@app.command()
def disable(rule_id: RuleId, home: HomeOption = None, json: JsonOption = False) -> None:
    """Switch a rule off."""
    _switch(rule_id, "off", home, json=json)


def _switch(rule_id: str, state: State, home: Path | None, *, json: bool) -> None:
    with home_at(home) as place:
        rule = rules.set_state(place, rule_id, state)
    if json:
        write_json([{"id": rule.id, "state": rule.state}])
    else:
        data().print(safe(f"{rule.id}: {rule.state}"))


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    for state in rules.STATES:
        if text == state:
            return state
    raise InputError(f"{text!r} is no state of a rule", where="--state", hint=f"One of {', '.join(rules.STATES)}")
