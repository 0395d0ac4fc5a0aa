"""Benchmarks. `make` targets or users run them; pytest does not collect them."""
