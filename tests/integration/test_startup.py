"""The start of a worker while its broker is away."""

import socket

import pytest

from reprise.errors import Fatal
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from reprise.startup import wait_for_broker


def test_a_broker_that_stays_away_is_told_once_and_then_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is told once, however many tries it takes, and ends at its limit."""
    monkeypatch.setattr("reprise.kafka.clients.BOOTSTRAP_TIMEOUT_MS", 100)
    with socket.socket() as nobody:  # bound and not listening: refuses every connection
        nobody.bind(("127.0.0.1", 0))
        told: list[str] = []
        servers = f"127.0.0.1:{nobody.getsockname()[1]}"
        settings = load({"REPRISE_KAFKA_BOOTSTRAP_SERVERS": servers, "REPRISE_STARTUP_TIMEOUT_SECONDS": "1.5"})
        with pytest.raises(Fatal, match=rf"kafka at {servers}: not ready within 1\.5 s"):
            wait_for_broker(settings, StopRequest(), told.append)
        assert len(told) == 1
