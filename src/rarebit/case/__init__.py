"""Alerts and records of one entity put together into the unit of work."""
