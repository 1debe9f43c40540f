"""Operational state: jobs, records, alerts, cases, positions and snapshots in one database."""
