"""Indicators of others: read, kept, and matched with what happened."""
