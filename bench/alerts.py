"""How well alerts of real sensors, ranked by how seldom they are, point at attacked hosts: the AIT Alert Data Set.

Run: python -m bench.alerts --data DIR --out docs/edr-alerts.md
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from rarebit.app import show
from rarebit.app.edr import gather
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.core.result import Alert
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

NETWORKS: Final = ("fox", "russellmitchell", "santos", "shaw")
BUDGETS: Final = (5, 10)
LABELS: Final = {"event": "event_label", "phase": "time_label"}
_NOTHING: Final = {"-", "", "false_positive"}

Place = tuple[str, int]
"""A host and an hour since 1970."""
Floats = NDArray[np.float64]


class Truth(NamedTuple):
    """What the labels say, and which host-hours there are."""

    hosts: tuple[str, ...]
    hours: range
    attacked: Mapping[str, frozenset[Place]]
    """By kind of label: host-hours with at least one alert that bears it."""


class Result(NamedTuple):
    """How one way to score host-hours did on one network, by one kind of label."""

    network: str
    label: str
    way: str
    attacked: int
    places: int
    auc: float
    recall: tuple[tuple[int, int, int], ...]
    """For each budget: attacked host-days found, the most that so few places could hold, and all."""


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Rows of one network's alerts."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def alert_of(row: Mapping[str, str], number: int) -> dict[str, object]:
    """An alert in ECS form, without its labels; the number tells apart what is alike."""
    sensor, _, name = row["name"].partition(": ")
    return {
        "@timestamp": iso(int(row["time"]) * 1_000_000),
        "event.kind": "alert",
        "event.module": sensor.lower(),
        "event.sequence": number,
        "rule.id": row["short"],
        "rule.name": name or row["name"],
        "host.name": row["host"],
        "host.ip": [row["ip"]],
    }


def truth_of(rows: Sequence[Mapping[str, str]]) -> Truth:
    """Labels by host and hour."""
    places = [(row["host"].lower(), int(row["time"]) // 3600) for row in rows]
    hours = [hour for _, hour in places]
    attacked = {
        kind: frozenset(place for place, row in zip(places, rows, strict=True) if row[column] not in _NOTHING)
        for kind, column in LABELS.items()
    }
    return Truth(tuple(sorted({host for host, _ in places})), range(min(hours), max(hours) + 1), attacked)


def alerts_of(folder: Path, rows: Sequence[Mapping[str, str]]) -> list[Alert]:
    """The alerts as the product gathers and ranks them."""
    folder.mkdir(parents=True)
    file = folder / "alerts.ndjson"
    with file.open("wb") as out:
        out.writelines(orjson.dumps(alert_of(row, number)) + b"\n" for number, row in enumerate(rows))
    home = Home(folder / "home")
    try:
        ingest(home, [file])
        gather(home, home.lake.version())
        return show.alerts(home, source="edr")[0]
    finally:
        home.close()


def _rarest(alerts: Sequence[Alert]) -> float:
    return float(max(-np.log(alert.edr.rarity.probability) for alert in alerts if alert.edr and alert.edr.rarity))


def _together(alerts: Sequence[Alert]) -> float:
    return float(sum(-np.log(alert.edr.rarity.probability) for alert in alerts if alert.edr and alert.edr.rarity))


WAYS: Final[dict[str, Callable[[Sequence[Alert]], float]]] = {
    "rarest alert": _rarest,
    "rarity of all alerts": _together,
    "number of alerts": lambda alerts: float(sum(alert.event_count for alert in alerts)),
    "number of rules": lambda alerts: float(len({alert.rule_id for alert in alerts})),
}
"""Ways to score a host-hour by its alerts: what the product lists by, their sum, and two to compare with."""


def scores(alerts: Sequence[Alert], truth: Truth, way: Callable[[Sequence[Alert]], float]) -> Floats:
    """Score of each host (rows) in each hour (columns); 0 where it has no alert."""
    at = {host: row for row, host in enumerate(truth.hosts)}
    held: dict[Place, list[Alert]] = {}
    for alert in alerts:
        held.setdefault((alert.entity_id, parse_time(alert.timestamp) // HOUR_US), []).append(alert)
    made = np.zeros((len(truth.hosts), len(truth.hours)))
    for (host, hour), own in held.items():
        made[at[host], hour - truth.hours.start] = way(own)
    return made


def auc(values: Floats, attacked: NDArray[np.bool_]) -> float:
    """Part of the pairs of an attacked and another host-hour in which the attacked one has more; ties are half."""
    order = np.sort(values[~attacked].ravel())
    own = values[attacked]
    below = np.searchsorted(order, own, side="left") + np.searchsorted(order, own, side="right")
    return float(below.sum() / (2.0 * max(order.size, 1) * max(own.size, 1)))


def recall(values: Floats, attacked: NDArray[np.bool_], hours: range, budget: int) -> tuple[int, int, int]:
    """Host-days with an attacked hour among the first of their day; the most that could be; and all there are."""
    days = np.array([hour * HOUR_US // DAY_US for hour in hours])
    found = possible = whole = 0
    for day in np.unique(days):
        columns = np.flatnonzero(days == day)
        own, hit = values[:, columns], attacked[:, columns]
        first = np.argsort(-own, axis=None, kind="stable")[:budget]
        shown = np.zeros(own.size, np.bool_)
        shown[first] = True
        shown &= own.ravel() > 0.0
        hosts = int(np.count_nonzero(hit.any(axis=1)))
        whole += hosts
        possible += min(hosts, budget)
        found += int(np.count_nonzero((hit & shown.reshape(own.shape)).any(axis=1)))
    return found, possible, whole


def judge(network: str, alerts: Sequence[Alert], truth: Truth) -> list[Result]:
    """Every way by every kind of label."""
    made = []
    for kind, places in truth.attacked.items():
        attacked = np.array([[(host, hour) in places for hour in truth.hours] for host in truth.hosts])
        for name, way in WAYS.items():
            values = scores(alerts, truth, way)
            told = tuple(recall(values, attacked, truth.hours, budget) for budget in BUDGETS)
            made.append(Result(network, kind, name, int(attacked.sum()), attacked.size, auc(values, attacked), told))
    return made


def page(results: Sequence[Result], sizes: Mapping[str, tuple[int, int]]) -> str:
    """The document."""
    lines = [
        "# Alerts of sensors on networks under attack",
        "",
        "Made by `python -m bench.alerts --data DIR --out docs/edr-alerts.md`, where DIR holds four networks of the",
        "AIT Alert Data Set: all that Wazuh, Suricata and AMiner told of in four to six days, an attack of an hour or",
        "two and an exfiltration among them. Nothing of it is part of this project. Alerts are read, put together and",
        "ranked as in any installation; labels are not among them, and no setting was chosen on them.",
        "",
        "A host-hour is attacked if an alert in it bears a label: *event*, that the attack's own log lines caused it,",
        "or *phase*, that it fell into a phase of the attack, noise included. AUC is over all hosts and hours, silent",
        "ones too, which score 0. Found are attacked hosts by day that have an attacked hour among the first 5 or 10",
        "host-hours of the day, of the most that so few places can hold. *Rarest alert* scores an hour by the least",
        "probable of its alerts, *rarity of all alerts* by the sum of -ln p over them;",
        "the last two ways know nothing of rarity.",
        "",
        *_short(results),
        "",
        "| network | alerts read | kept as |",
        "|---|---|---|",
        *(f"| {name} | {read:,} | {kept:,} |" for name, (read, kept) in sizes.items()),
    ]
    for kind in LABELS:
        lines += ["", f"## By {kind} labels", "", "| network | attacked host-hours | way | AUC | found at 5 | at 10 |"]
        lines.append("|---|---|---|---|---|---|")
        for each in (each for each in results if each.label == kind):
            found = " | ".join(f"{hit} of {most}" for hit, most, _ in each.recall)
            lines.append(
                f"| {each.network} | {each.attacked} of {each.places:,} | {each.way} | {each.auc:.1%} | {found} |"
            )
    return "\n".join(lines) + "\n"


def _short(results: Sequence[Result]) -> list[str]:
    lines = ["In short, means and sums over the networks:", "", "| labels | way | AUC | found at 5 a day | at 10 |"]
    lines.append("|---|---|---|---|---|")
    lines += [f"| {kind} | {way} | {_mean(results, kind, way)} |" for kind in LABELS for way in WAYS]
    return [
        *lines,
        "",
        "Rarity tells more than the number of alerts and little more than the number of different rules: an attack",
        "that sets off many rules at once shows either way. The rarest alert alone is not the best order for a",
        "host-hour; all its alerts together are better by event labels. In santos the exfiltration runs from the first",
        "hour on, so there is no time before it to compare with, and only numbers show it. Days without an attack",
        "still fill their five or ten places: what they hold is noise, and it is not counted here.",
    ]


def _mean(results: Sequence[Result], kind: str, way: str) -> str:
    own = [each for each in results if each.label == kind and each.way == way]
    sums = [np.sum([each.recall[at] for each in own], axis=0).tolist() for at in range(len(BUDGETS))]
    found = (f"{hit} of {most}" for hit, most, _ in sums)
    return f"{sum(each.auc for each in own) / len(own):.1%} | " + " | ".join(found)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    results: list[Result] = []
    sizes: dict[str, tuple[int, int]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for network in NETWORKS:
            rows = list(rows_of(given.data / "ait-ads" / f"{network}_alerts.csv.gz"))
            alerts = alerts_of(Path(scratch) / network, rows)
            sizes[network] = (len(rows), len(alerts))
            results += judge(network, alerts, truth_of(rows))
    given.out.write_text(page(results, sizes), "utf-8")


if __name__ == "__main__":
    main()
