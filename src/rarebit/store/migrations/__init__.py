"""Alembic migrations of the operational database, run when it is opened."""
