import http.client
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from reprise.errors import Fatal
from reprise.model import Dependency
from reprise.observability.http_server import MAX_CONNECTIONS, build_routes, http_server
from reprise.observability.probes import ProbeState


@pytest.fixture
def probes() -> ProbeState:
    return ProbeState(liveness_timeout_seconds=30.0)


@pytest.fixture
def port(probes: ProbeState) -> Iterator[int]:
    registry = CollectorRegistry()
    Counter("reprise_things", "Things.", registry=registry).inc()
    with http_server(build_routes(probes, registry), 0) as port:
        yield port


def request(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    """Return status and body of a response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def make_ready(probes: ProbeState) -> None:
    """Do what a worker does until it is ready."""
    probes.reachable(Dependency.REDIS)
    probes.reachable(Dependency.KAFKA)
    probes.mark_started(lambda: True)


def test_probes_have_a_status_and_their_failures(probes: ProbeState, port: int) -> None:
    """A failed probe has the status 503 and one line for each failure."""
    assert request(port, "/livez") == (503, "starting\n")
    assert request(port, "/readyz") == (
        503,
        "kafka does not answer\nredis does not answer\nnot a member of the group: joining or rebalancing\n",
    )
    make_ready(probes)
    assert request(port, "/livez") == (200, "ok\n")
    assert request(port, "/readyz") == (200, "ok\n")
    probes.mark_draining()
    assert request(port, "/livez") == (200, "ok\n")
    assert request(port, "/readyz") == (503, "draining\n")


def test_metrics_are_served_to_old_and_new_scrapers(port: int) -> None:
    """The Accept header selects the format."""
    assert "reprise_things_total 1.0" in request(port, "/metrics")[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    response = connection.getresponse()
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.read().endswith(b"# EOF\n")
    connection.close()


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/metrics/", "/livez/x", "/../etc/passwd"])
def test_other_paths_are_not_found(port: int, path: str) -> None:
    """The port has three paths."""
    assert request(port, path)[0] == 404


def test_only_get_and_head_are_allowed(port: int) -> None:
    """HEAD returns no body."""
    assert request(port, "/metrics", "HEAD") == (200, "")
    assert request(port, "/metrics", "POST")[0] == 405


def test_the_number_of_connections_is_limited(probes: ProbeState, port: int) -> None:
    """A connection beyond the limit displaces the oldest one that has sent no request, at once."""
    make_ready(probes)
    idle = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(MAX_CONNECTIONS)]
    assert request(port, "/livez")[0] == 200
    idle[0].settimeout(4)  # less than the timeout of an idle connection
    assert idle[0].recv(1) == b""
    for client in idle:
        client.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert request(port, "/livez")[0] == 200
            break
        except (http.client.HTTPException, ConnectionError):
            assert time.monotonic() < deadline, "no slot became free"


def test_the_port_is_closed_at_the_end(probes: ProbeState) -> None:
    """A port that is in use is an error at the start."""
    routes = build_routes(probes, CollectorRegistry())
    with http_server(routes, 0) as port, pytest.raises(Fatal, match="in use"), http_server(routes, port):
        pass
    with pytest.raises(ConnectionError):
        request(port, "/livez")
