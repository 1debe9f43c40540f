"""``rarebit alert``: what rules and sensors told of, and which hosts a sensor is heard of."""

from __future__ import annotations

from typing import Annotated

import typer

from rarebit.app import show
from rarebit.cli.options import HomeOption, HostOption, JsonOption, LimitOption, ScoreOption, existing_home
from rarebit.cli.output import count, data, notes, safe, table, write_json
from rarebit.cli.results import print_record
from rarebit.core.edr import Rarity, SensorAlert
from rarebit.core.rate import rate
from rarebit.core.result import Alert

alert_app = typer.Typer(no_args_is_help=True, help="Alerts: what rules over records and events have told of.")
_SHOWN = 50


@alert_app.command("list")
def list_alerts(
    source: Annotated[
        str, typer.Option("--source", help="rules, edr (what EDR and IDS sent, by how seldom it is here) or all.")
    ] = "rules",
    min_score: ScoreOption = None,
    host: HostOption = None,
    limit: LimitOption = None,
    suppressed: Annotated[bool, typer.Option("--suppressed", help="Those that suppressions hide, too.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List alerts, the highest score first."""
    shown = limit if limit or json else _SHOWN
    with existing_home(home) as place:
        found, hidden = show.alerts(
            place, source=source, min_score=min_score, host=host, limit=shown, suppressed=suppressed
        )
    if hidden:
        notes().print(f"{hidden:,} more are suppressed: --suppressed shows them")
    if json:
        write_json(found)
        return
    if not found and source == "edr":
        data().print(safe("no alert of an EDR or IDS has been read; rarebit alert coverage tells which hosts send any"))
        return
    made = table("id", "score", "time", "severity" if source == "edr" else "rule", "what", right=("score",))
    for alert in found:
        third = (alert.severity or "-") if source == "edr" else alert.rule_id
        made.add_row(alert.id[:10], f"{alert.score:.0f}", alert.timestamp[:19], safe(third), safe(alert.sentence))
    data().print(made)


@alert_app.command("show")
def show_alert(alert_id: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one alert and the record it comes from."""
    with existing_home(home) as place:
        alert: Alert = place.store.get_alert(alert_id)
        record = place.store.get_record(alert.record_id) if alert.record_id else None
    if json:
        write_json([alert])
        return
    data().print(safe(f"{alert.rule_id}; ATT&CK {', '.join(alert.techniques) or 'none named'}"))
    if record is not None:
        print_record(record)
    else:
        _print_alert(alert)


def _print_alert(alert: Alert) -> None:
    out = data()
    out.print(safe(alert.sentence), style="bold")
    said = f"{alert.severity}, " if alert.severity else ""
    out.print(safe(f"{said}score {alert.score:.0f}; {alert.state}; {alert.entity_type} {alert.entity_id}"))
    alike = f"; events alike within {alert.window} are one alert" if alert.window else ""
    out.print(safe(f"first {alert.timestamp}, last {alert.last}{alike}"))
    if alert.edr is not None:
        _print_sensor(alert, alert.edr)
    out.print(safe(f"events: rarebit event list --alert {alert.id[:10]}"))


def _print_sensor(alert: Alert, told: SensorAlert) -> None:
    out = data()
    if told.alert_id:
        out.print(safe(f"{told.product} calls it {told.alert_id}"))
    for state in told.states:
        out.print(safe(f"  {state.time[:19]}  {state.state}"))
    if told.sha256:
        out.print(safe(f"sha256 {told.sha256}"))
    if told.rarity is not None:
        out.print(safe(_counts(told.rarity, alert.expected_per_week or 0.0)))


def _counts(found: Rarity, expected: float) -> str:
    return (
        f"of {found.hours:.0f} h before: {found.on_host} alerts of the rule here, {found.on_fleet} on "
        f"{found.hosts_with} of {found.hosts} hosts with alerts, {found.as_many} of as many events; p = "
        f"{found.probability:.2g}; {found.as_rare} alerts were as rare: expected {rate(expected)}"
    )


@alert_app.command("coverage")
def list_coverage(
    without: Annotated[bool, typer.Option("--without", help="Only hosts of which no sensor was ever heard.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List which hosts an EDR is heard of, by its alerts and its other events; where none is, it cannot be silent."""
    with existing_home(home) as place:
        found = [each for each in show.sensed(place) if not (without and each.sensors)]
    if json:
        write_json(found)
        return
    if not found:
        data().print(safe("every host is watched" if without else "no host is remembered"))
        return
    made = table("host", "sensors", "first", "last")
    for each in found:
        made.add_row(
            safe(each.host), safe(", ".join(each.sensors) or "none heard of"),
            (each.first or "")[:19], (each.last or "")[:19],
        )  # fmt: skip
    data().print(made)
    watched = sum(bool(each.sensors) for each in found)
    data().print(safe(f"{count(watched)} of {count(len(found))} hosts are watched"))
