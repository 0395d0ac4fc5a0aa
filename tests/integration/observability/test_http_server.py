import http.client
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from reprise.errors import Fatal
from reprise.observability.http_server import MAX_CONNECTIONS, build_routes, http_server
from reprise.observability.probes import ProbeState

TIMEOUT = 30.0


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vitals(clock: Clock) -> ProbeState:
    return ProbeState(TIMEOUT, clock)


@pytest.fixture
def port(vitals: ProbeState) -> Iterator[int]:
    registry = CollectorRegistry()
    Counter("reprise_things", "Things.", registry=registry).inc()
    with http_server(build_routes(vitals, registry), 0) as port:
        yield port


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def make_ready(vitals: ProbeState) -> None:
    vitals.reachable("redis")
    vitals.reachable("kafka")
    vitals.mark_started(lambda: True)


def test_a_worker_that_starts_is_neither_alive_nor_ready(vitals: ProbeState, port: int) -> None:
    """A startup probe on /livez passes when the worker is bootstrapped, not before."""
    assert ask(port, "/livez") == (503, "starting\n")
    assert ask(port, "/readyz")[0] == 503
    make_ready(vitals)
    assert ask(port, "/livez") == (200, "ok\n")
    assert ask(port, "/readyz") == (200, "ok\n")


def test_alive_means_that_a_poll_completed_in_time(vitals: ProbeState, clock: Clock, port: int) -> None:
    """A loop that hangs is seen, and an empty poll is a sign of life."""
    make_ready(vitals)
    clock.now = TIMEOUT + 1
    assert ask(port, "/livez") == (503, "no poll completed for 31 s\n")
    vitals.polled(0)
    assert ask(port, "/livez") == (200, "ok\n")


@pytest.mark.parametrize("dependency", ["redis", "kafka"])
def test_an_outage_makes_unready_and_never_dead(vitals: ProbeState, port: int, dependency: str) -> None:
    """Were liveness to follow Redis or Kafka, their outage would restart every worker."""
    make_ready(vitals)
    vitals.unreachable(dependency, "refused")
    assert ask(port, "/readyz") == (503, f"{dependency} does not answer\n")
    assert ask(port, "/livez") == (200, "ok\n")
    vitals.reachable(dependency)
    assert ask(port, "/readyz") == (200, "ok\n")


def test_ready_means_a_member_of_the_group(vitals: ProbeState, port: int) -> None:
    """Membership is asked for at each probe, as a rebalance takes it and gives it back."""
    make_ready(vitals)
    joined = False
    vitals.mark_started(lambda: joined)
    assert ask(port, "/readyz") == (503, "not a member of the group\n")
    joined = True
    assert ask(port, "/readyz") == (200, "ok\n")


def test_a_worker_that_drains_is_unready_and_alive(vitals: ProbeState, port: int) -> None:
    """Draining is an orderly end, not a failure."""
    make_ready(vitals)
    vitals.mark_draining()
    assert ask(port, "/readyz") == (503, "draining\n")
    assert ask(port, "/livez")[0] == 200


def test_metrics_are_served_to_old_and_new_scrapers(port: int) -> None:
    """The format follows the Accept header."""
    assert "reprise_things_total 1.0" in ask(port, "/metrics")[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.read().endswith(b"# EOF\n")
    connection.close()


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/metrics/", "/livez/x", "/../etc/passwd"])
def test_nothing_else_is_answered(port: int, path: str) -> None:
    """The port has three paths."""
    assert ask(port, path)[0] == 404


def test_only_reading_is_answered(port: int) -> None:
    """HEAD is GET without the body; nothing can be written."""
    assert ask(port, "/metrics", "HEAD") == (200, "")
    assert ask(port, "/metrics", "POST")[0] == 405


def test_connections_are_bounded(vitals: ProbeState, port: int) -> None:
    """Clients that say nothing take their slots and no more, and the slots come back when they leave."""
    make_ready(vitals)
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(MAX_CONNECTIONS)]
    refused = socket.create_connection(("127.0.0.1", port), timeout=10)
    refused.settimeout(4)  # less than a silent client is given
    assert refused.recv(1) == b""
    for each in (*silent, refused):
        each.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert ask(port, "/livez")[0] == 200
            break
        except (http.client.HTTPException, ConnectionError):
            assert time.monotonic() < deadline, "the slots did not come back"


def test_the_port_is_free_again_afterwards(vitals: ProbeState) -> None:
    """Leaving the context closes the port, and a port in use is an error at once."""
    answers = build_routes(vitals, CollectorRegistry())
    with http_server(answers, 0) as port, pytest.raises(Fatal, match="in use"), http_server(answers, port):
        pass
    with pytest.raises(ConnectionError):
        ask(port, "/livez")
