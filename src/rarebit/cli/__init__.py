"""The terminal: speaks to app and core only."""
