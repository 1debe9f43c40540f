"""Readers: files of any known format become Arrow batches of ECS columns."""
