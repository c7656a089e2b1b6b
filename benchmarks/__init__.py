"""Measurements; never part of the tests. `python -m benchmarks` runs them all and prints tables."""
