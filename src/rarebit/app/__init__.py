"""Use cases: the one place where rooms meet."""
