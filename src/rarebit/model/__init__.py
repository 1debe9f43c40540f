"""Learners over arrays: score, then learn; the whole memory is named arrays."""
