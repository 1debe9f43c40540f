"""What each function finds in real series: flows of office clients with malware, logons of a public host.

Run: python -m bench.series --data DIR --out docs/real-series.md
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from bench import flow_series, logon_series
from bench.flow_series import BUDGETS, HOURS, Found
from bench.flows import Capture, captures
from bench.logon_series import Answer

VICTIMS: Final = ("Client1", "Client4")
"""One that is never asleep and one of office hours; chosen before any result was seen."""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = flow_results(Path(scratch), captures(given.data / "ctu50-feel"), VICTIMS)
        answers = logon_series.judge(Path(scratch) / "logons", given.data / "ssh-authlog" / "auth.log.gz")
    given.out.write_text(page(found, answers), "utf-8")


def flow_results(scratch: Path, known: Sequence[Capture], victims: Sequence[str]) -> dict[str, list[Found]]:
    """Results with nothing joined, under an empty name, and of each malware on each victim in turn."""
    clients = [capture for capture in known if not capture.malware]
    found = {"": flow_series.judge(scratch / "clean", clients, None, "")}
    for malware in (capture for capture in known if capture.malware):
        for victim in victims:
            name = f"{malware.name} on {victim}"
            found[name] = flow_series.judge(scratch / name, clients, malware, victim)
    return found


def page(found: Mapping[str, Sequence[Found]], answers: Sequence[Answer]) -> str:
    """The document."""
    lines = [
        "# Real series",
        "",
        "Made by `python -m bench.series --data DIR --out docs/real-series.md`, where DIR holds the public captures",
        "CTU-50-FEEL and an sshd log. Nothing of them is part of this project. No setting was chosen on them.",
        "",
        *_flows(found),
        *_logons(answers),
    ]
    return "\n".join(lines) + "\n"


def _flows(found: Mapping[str, Sequence[Found]]) -> list[str]:
    budgets = ", ".join(map(str, BUDGETS))
    lines = [
        "## Malware on an office client, hour by hour",
        "",
        "Five clients, five days of hourly flow vectors. The vectors of a malware are joined to one client on days 4",
        "and 5, three days being all the history there is; labels are not among the events. Each function is a job of",
        f"its own in buckets of an hour. There are {5 * HOURS} client-hours in the judged days; a function ranks them",
        "by its records, and those without a record lie together at the end (an AUC of 50 % tells nothing). *Awake*",
        "counts only client-hours in which the client itself spoke: malware that speaks at night is easy to see on a",
        f"client that sleeps. Recall is the share of labelled client-hours within the first {budgets} records a day.",
        "Of 48 labelled ones 5 a day can hold no more than 21 %, 10 no more than 42 %.",
        "*Elsewhere*: of the first ten records a day on the two days, how many are about the other four clients.",
        "",
        "In short, means over the malware and clients below:",
        "",
        *_means([own for name, own in found.items() if name]),
        "",
        "With nothing joined, records on the two judged days, and how many of them alert; ten alerts a week are",
        f"promised of each function, which is {10 * HOURS / 168:.1f} in these days:",
        "",
        "| function | records | alerts |",
        "|---|---|---|",
        *(f"| {each.function} | {each.records} | {each.alerts} |" for each in found[""]),
        "",
    ]
    for name, own in found.items():
        if name:
            lines += [f"### {name}", "", f"{own[0].labelled} labelled client-hours.", "", *_table(own), ""]
    return lines


def _means(found: Sequence[Sequence[Found]]) -> list[str]:
    lines = ["| function | AUC | AUC awake | recall at 10 a day |", "|---|---|---|---|"]
    for each in zip(*found, strict=True):
        recall = np.mean([own.recall[BUDGETS.index(10)] for own in each])
        whole, awake = np.mean([own.auc for own in each]), np.nanmean([own.auc_awake for own in each])
        lines.append(f"| {each[0].function} | {whole:.0%} | {awake:.0%} | {recall:.0%} |")
    return lines


def _table(own: Sequence[Found]) -> list[str]:
    budgets = " / ".join(map(str, BUDGETS))
    lines = [
        f"| function | records | alerts | best rank | median rank | AUC | AUC awake | recall {budgets} | elsewhere |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in own:
        recall = " / ".join(f"{share:.0%}" for share in each.recall)
        awake = "none" if math.isnan(each.auc_awake) else f"{each.auc_awake:.0%}"
        lines.append(
            f"| {each.function} | {each.records} | {each.alerts} | {each.best_rank:g} | {each.median_rank:g} "
            f"| {each.auc:.0%} | {awake} | {recall} | {each.on_clean} |"
        )
    return lines


def _logons(answers: Sequence[Answer]) -> list[str]:
    firsts = " | ".join(f"facts in the first {most}" for most in logon_series.FIRST)
    lines = [
        "## Logons of one public host",
        "",
        f"25 days of one host, the first {logon_series.LEARN_DAYS} for learning. There are no labels: facts are",
        "counted from the text of the log, apart from the product. A fact is not yet an attack, and a record that is",
        "no fact not yet false. Nearly every logon here is at an hour new to its account, so that the last line tells",
        "little.",
        "",
        f"| function | a fact is | facts | records | {firsts} | in all records | the first record says |",
        "|---|---|---|---|" + "---|" * len(logon_series.FIRST) + "---|---|",
    ]
    for each in answers:
        cells = (each.question.name, each.question.fact, each.facts, each.records, *each.first, each.all, each.leading)
        lines.append("| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |")
    return lines


if __name__ == "__main__":
    main()
