"""Rarebit: a short, ranked, explained list of what is rare in a fleet's telemetry."""

__version__ = "0.1.0"
