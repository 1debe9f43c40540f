"""A made fleet with labelled intrusions, for demonstrations, tests and benchmarks."""
