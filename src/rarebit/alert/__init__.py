"""Rules that turn records into alerts."""
