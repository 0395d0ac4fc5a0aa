"""Metrics, liveness and readiness, the HTTP port that serves them, and the log."""
