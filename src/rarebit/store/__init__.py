"""Operational state: jobs, records, alerts, cases, positions and audit in a database; model state in files."""

from rarebit.store.store import AuditEntry, Position, Store

__all__ = ["AuditEntry", "Position", "Store"]
