"""Operational state: jobs, records, alerts, cases, positions and audit in a database; model state in files."""

from rarebit.store.entries import AuditEntry, Position
from rarebit.store.store import Store

__all__ = ["AuditEntry", "Position", "Store"]
