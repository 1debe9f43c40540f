"""Peer groups learnt from what entities do: evidence, hard facts, groups, labels."""
