"""Alerts of a public data set go in without their labels, and are held against these rightly."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from bench import alerts

DATA = Path(os.environ.get("RAREBIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
HEADER = "time,name,ip,host,short,time_label,event_label\n"
START = 1_642_204_800


def written(folder: Path) -> Path:
    """A quiet rule every hour on two hosts for three days, and in one hour an attack of which one rule tells."""
    rows = [f"{START + 3600 * hour + 60 * host},Wazuh: Usual,10.0.0.{host},h{host},W-U,false_positive,-"
            for hour in range(72) for host in (1, 2)]  # fmt: skip
    rows += [f"{START + 3600 * 60 + 5},AMiner: Odd value,10.0.0.2,H2,A-O,webshell,webshell_cmd"] * 2
    path = folder / "net_alerts.csv.gz"
    path.write_bytes(gzip.compress((HEADER + "\n".join(rows) + "\n").encode()))
    return path


def test_labels_stay_outside_and_alike_alerts_are_all_counted(tmp_path: Path) -> None:
    rows = list(alerts.rows_of(written(tmp_path)))
    assert "webshell" not in str([alerts.alert_of(row, number) for number, row in enumerate(rows)])
    found = alerts.alerts_of(tmp_path / "work", rows)
    assert sum(alert.event_count for alert in found) == len(rows)
    assert found[0].rule_name == "Odd value"
    truth = alerts.truth_of(rows)
    assert truth.attacked["event"] == {("h2", START // 3600 + 60)}
    best = {result.way: result for result in alerts.judge("net", found, truth) if result.label == "event"}
    assert best["rarest alert"].auc == 1.0
    assert best["rarest alert"].recall == ((1, 1, 1), (1, 1, 1))
    assert "| net | 1 of 144 | rarest alert | 100.0% | 1 of 1 | 1 of 1 |" in alerts.page(
        list(best.values()) + [best["rarest alert"]._replace(label="phase", way=way) for way in alerts.WAYS],
        {"net": (len(rows), len(found))},
    )


def test_auc_and_recall_are_what_they_are_called() -> None:
    values = np.array([[3.0, 0.0, 1.0], [2.0, 2.0, 0.0]])
    attacked = np.array([[False, False, True], [True, False, False]])
    pairs = [(one, other) for one in values[attacked] for other in values[~attacked]]
    expected = sum((one > other) + 0.5 * (one == other) for one, other in pairs) / len(pairs)
    assert alerts.auc(values, attacked) == pytest.approx(expected)
    hours = range(3)
    assert alerts.recall(values, attacked, hours, 1) == (0, 1, 2)
    assert alerts.recall(values, attacked, hours, 2) == (1, 2, 2)


@pytest.mark.skipif(not (DATA / "ait-ads").is_dir(), reason="the AIT Alert Data Set is not there")
def test_one_real_network_is_read_whole(tmp_path: Path) -> None:
    rows = list(alerts.rows_of(DATA / "ait-ads" / "russellmitchell_alerts.csv.gz"))
    found = alerts.alerts_of(tmp_path / "work", rows)
    assert sum(alert.event_count for alert in found) == len(rows)
    by_way = {each.way: each for each in alerts.judge("r", found, alerts.truth_of(rows)) if each.label == "event"}
    assert by_way["rarest alert"].auc > by_way["number of alerts"].auc
