"""The wait for dependencies at the start of a worker."""

import pytest
from structlog.testing import capture_logs

from reprise.errors import Fatal, Unreachable
from reprise.processing.shutdown import StopRequest
from reprise.startup import StoppedDuringStartup, retry_until_ready


def test_a_late_dependency_is_awaited() -> None:
    """The start continues when the dependency responds, and the wait is logged once."""
    attempts = iter([Unreachable("no"), Unreachable("still no"), None])

    def attempt() -> str:
        error = next(attempts)
        if error is not None:
            raise error
        return "ready"

    with capture_logs() as lines:
        assert retry_until_ready(attempt, "redis at r:6379", timeout_seconds=30, stop=StopRequest()) == "ready"
    assert [(line["event"], line["what"], line["reason"]) for line in lines] == [("waiting", "redis at r:6379", "no")]


def fail() -> None:
    raise Unreachable("no route")


def test_an_unreachable_dependency_ends_the_start() -> None:
    """The error has the dependency, the timeout and the last reason."""
    with pytest.raises(Fatal, match=r"redis at r:6379: not ready within 0\.3 s: no route"):
        retry_until_ready(fail, "redis at r:6379", timeout_seconds=0.3, stop=StopRequest())


def test_a_fatal_error_ends_the_start_at_once() -> None:
    """Only Unreachable is retried."""

    def refuse() -> None:
        raise Fatal("wrong password")

    with pytest.raises(Fatal, match="wrong password"):
        retry_until_ready(refuse, "redis", timeout_seconds=3600, stop=StopRequest())


def test_a_request_to_stop_ends_the_wait() -> None:
    """The start raises StoppedDuringStartup before its timeout."""
    stop = StopRequest()
    stop.request()
    with pytest.raises(StoppedDuringStartup):
        retry_until_ready(fail, "redis", timeout_seconds=3600, stop=stop)
