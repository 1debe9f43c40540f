"""Every job id and rule of the field has a job of ours, and the table in the documents says which."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from rarebit.app.jobs import detector_text
from rarebit.detect.catalog import CatalogEntry, catalog

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
KNOWN: dict[str, Any] = yaml.safe_load(
    resources.files("rarebit.content").joinpath("coverage").joinpath("elastic.yaml").read_text("utf-8")
)
RULED = [rule["job"] for rules in KNOWN["rules"].values() for rule in rules]
LISTED = [job for jobs in KNOWN["jobs"].values() for job in jobs]
HEAD = """# Coverage

Which of our jobs answers to which job and rule of Elastic's. Every id below runs by its own name
(`rarebit run … --job ID`), over ECS events; `rarebit job show ID` says what it means, what is benign and what to do
next. This page is made from the jobs and the list of ids by its test (`RAREBIT_UPDATE_GOLDEN=1`), which fails when an
id has none. A rule's threshold is Elastic's; ours alert from the score that the site's budget of alerts gives them.
"""


def test_every_id_of_the_field_is_one_of_ours() -> None:
    assert sorted({*RULED, *LISTED} - set(catalog())) == []
    assert (len(RULED), len(set(RULED))) == (106, 106)


def test_the_page_says_what_the_jobs_are() -> None:
    made = page()
    if os.environ.get("RAREBIT_UPDATE_GOLDEN"):
        PAGE.write_text(made, "utf-8")
        pytest.skip("written anew")
    assert PAGE.read_text("utf-8") == made, "make it anew: RAREBIT_UPDATE_GOLDEN=1 pytest tests/test_coverage.py"


def page() -> str:
    """The table of coverage as Markdown."""
    heads = [entry for entry in catalog().values() if entry.head == entry.job.job_id]
    ours = [entry for entry in heads if _forms(entry).isdisjoint({*RULED, *LISTED})]
    default = ", ".join(f"`{entry.head}`" for entry in heads if entry.default)
    told = (
        f"{len(heads)} jobs under {len(catalog())} ids. By default run {default}: few, and those whose findings"
        " were measured (known-truth.md). The others run when named, or by group: `--job linux`,"
        " `--job cloud`, `--job security` for all.\n"
    )
    lines = [
        HEAD,
        told,
        "## Rules\n",
    ]
    for package, rules in KNOWN["rules"].items():
        lines += [f"### {package}\n", "| rule | from | job | what runs | what differs |", "|---|---|---|---|---|"]
        for rule in rules:
            entry = catalog()[rule["job"]]
            lines.append(f"| {rule['rule']} | {rule['threshold']} | `{rule['job']}` | {_cells(entry)} |")
        lines.append("")
    lines += ["## Other ids\n"]
    for package, jobs in KNOWN["jobs"].items():
        lines += [f"### {package}\n", "| job | what runs | what differs |", "|---|---|---|"]
        lines += [f"| `{job}` | {_cells(catalog()[job])} |" for job in jobs]
        lines.append("")
    lines += ["## Only here\n", "| job | what runs | why |", "|---|---|---|"]
    lines += [f"| `{entry.head}` | {_cells(entry)} |" for entry in ours]
    return "\n".join(lines) + "\n"


def _forms(entry: CatalogEntry) -> set[str]:
    return {other.job.job_id for other in catalog().values() if other.head == entry.head}


def _cells(entry: CatalogEntry) -> str:
    detectors = "; ".join(detector_text(entry.job, index) for index in range(len(entry.job.detectors)))
    head = catalog()[entry.head]
    note = head.note if entry.note.endswith(f"{entry.head}.") else entry.note
    quiet = not note or note.startswith("Runs when named")
    return f"{detectors} in {entry.job.bucket_span} | {'' if quiet else note}"
