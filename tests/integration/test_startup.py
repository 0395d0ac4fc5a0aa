"""The start of a worker while its broker is away."""

import socket

import pytest

from reprise.errors import Fatal
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from reprise.startup import wait_for_broker


def test_an_unreachable_broker_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is reported once for all attempts, and ends with an error after the timeout."""
    monkeypatch.setattr("reprise.kafka.clients.BOOTSTRAP_TIMEOUT_MS", 100)
    with socket.socket() as unused:  # bound, but not listening, so that connections are refused
        unused.bind(("127.0.0.1", 0))
        reasons: list[str] = []
        servers = f"127.0.0.1:{unused.getsockname()[1]}"
        settings = load({"REPRISE_KAFKA_BOOTSTRAP_SERVERS": servers, "REPRISE_STARTUP_TIMEOUT_SECONDS": "1.5"})
        with pytest.raises(Fatal, match=rf"kafka at {servers}: not ready within 1\.5 s"):
            wait_for_broker(settings, StopRequest(), reasons.append)
        assert len(reasons) == 1
