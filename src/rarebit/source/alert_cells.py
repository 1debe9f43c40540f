"""Alerts among cells: each gets a name of its rule, and an id for each state it was sent in."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.fields import ID
from rarebit.source.alert_form import ALERT_ID
from rarebit.source.cells import Cells

RULE_NAME: Final = "rule.name"
_SUBTYPE: Final = "endgame.event_subtype_full"
ALERT_CELLS: Final = (RULE_NAME, _SUBTYPE)
"""Cells, beside the columns of an event, that this step needs; afterwards they are in the rest."""

_NONE: Final = pa.scalar(None, pa.string())


def settle_alerts(cells: Cells) -> None:
    """Name the rule of each alert, and free ``event.id`` for the hash of the record.

    A product sends an alert again whenever its state changes, under the same id. The lake keeps one event of an id, so
    the product's goes to :data:`ALERT_ID`. Endgame's alerts, and Elastic's of malware, name no rule: their kind or
    message does.
    """
    if cells.has("event.kind"):
        alerts = pc.fill_null(pc.equal(cells.get("event.kind"), "alert"), False)
        if pc.any(alerts).as_py():
            _settle(cells, alerts)
    for name in ALERT_CELLS:
        column = cells.columns.pop(name, None)
        if column is not None:
            cells.to_rest(name, column)


def _settle(cells: Cells, alerts: pa.Array) -> None:
    given = cells.get(ID)
    cells.to_rest(ALERT_ID, pc.if_else(alerts, given, _NONE))
    cells.set(ID, pc.if_else(alerts, _NONE, given))
    elastic = pc.fill_null(pc.equal(cells.get("event.module"), "endpoint"), False)
    message = pc.if_else(elastic, cells.get("message"), _NONE)
    said = pc.coalesce(cells.get(_SUBTYPE), message, cells.get("event.action"), cells.get("event.code"))
    cells.fill(RULE_NAME, pc.if_else(alerts, pc.coalesce(said, pa.scalar("unnamed rule")), _NONE))
