"""Measurements, run by hand or by make; no test collects them."""
