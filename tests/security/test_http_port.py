"""The HTTP port serves three paths, whatever a client sends, and no client can block it."""

import resource
import selectors
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from reprise.observability.http_server import MAX_CONNECTIONS, MAX_SCRAPES, build_routes, http_server
from reprise.observability.probes import ProbeState

#: Seconds for a response from memory on a busy machine.
RESPONSE_SECONDS = 10.0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    probes = ProbeState(60.0)
    probes.mark_started(lambda: True)
    with http_server(build_routes(probes, CollectorRegistry()), 0) as port:
        yield port


def exchange(port: int, request: bytes) -> bytes:
    """Send bytes, and return all bytes that the port sends until it closes the connection."""
    response = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=RESPONSE_SECONDS) as client:
        try:
            client.sendall(request)
            while piece := client.recv(65_536):
                response += piece
        except ConnectionError:  # closed before the port had read everything
            pass
    return bytes(response)


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "path",
    [
        *["/", "/metrics/", "/metrics/..", "/../metrics", "/%6detrics", "/metrics%00", "/livez;x", "/readyz/.."],
        *["/debug/pprof", "/favicon.ico", "/reprise/probes.py", "/etc/passwd", "*", "metrics"],
    ],
)
def test_other_paths_are_not_found(port: int, path: str) -> None:
    """Similar paths do not exist, no folder is listed, and the response does not repeat the path."""
    response = exchange(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status(response) == 404
    assert response.endswith(b"\r\n\r\nnot found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "<script>"])
@pytest.mark.parametrize("path", ["/metrics", "/elsewhere"])
def test_the_port_is_read_only(port: int, method: str, path: str) -> None:
    """Other methods than GET and HEAD are refused, and the response does not repeat them."""
    response = exchange(port, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    assert status(response) == 405
    assert b"\r\nAllow: GET, HEAD\r\n" in response
    assert response.endswith(b"\r\n\r\nmethod not allowed\n")


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /livez HTTP/9.9\r\n\r\n", 505),
        (b"GET /livez now HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ],
)
def test_large_and_malformed_requests_are_refused(port: int, request_bytes: bytes, expected: int) -> None:
    """The limits are a line of 64 KB and a hundred headers. The next client gets its response."""
    response = exchange(port, request_bytes)
    assert f" {expected} ".encode() in response.split(b"\r\n", 1)[0] or response == b""
    assert status(exchange(port, b"GET /livez HTTP/1.1\r\n\r\n")) == 200


def test_responses_contain_no_version(port: int) -> None:
    """The Server header has the name alone. The version is a metric, for clients that may scrape."""
    for request in (
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
    ):
        head = exchange(port, request).partition(b"\r\n\r\n")[0].lower()
        assert b"python" not in head
        assert b"server: reprise\r\n" in head + b"\r\n"


def test_slow_clients_are_disconnected(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that send single bytes hold all connections for the timeout; then a probe succeeds."""
    monkeypatch.setattr("reprise.observability.http_server.CONNECTION_TIMEOUT_SECONDS", 1.0)
    slow_clients = [
        socket.create_connection(("127.0.0.1", port), timeout=RESPONSE_SECONDS) for _ in range(MAX_CONNECTIONS)
    ]
    start = time.monotonic()
    for client in slow_clients:
        client.sendall(b"GET /livez HTTP/1.1\r\n")
        client.settimeout(0.1)
    connected = list(slow_clients)
    while connected:
        assert time.monotonic() - start < RESPONSE_SECONDS, "the connections are still open"
        connected = [client for client in connected if _send_byte(client)]
    assert time.monotonic() - start >= 1.0
    assert status(exchange(port, b"GET /livez HTTP/1.1\r\n\r\n")) == 200
    for client in slow_clients:
        client.close()


def _send_byte(client: socket.socket) -> bool:
    """Send one more byte of an endless header; return whether the connection is still open."""
    try:
        client.sendall(b"X")
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


#: Slow clients at a time, and the seconds in which probes must succeed beside them.
SLOW_CLIENTS = 1_000
PROBED_SECONDS = 3.0

#: Seconds for a probe: the default timeout of Kubernetes.
PROBE_SECONDS = 1.0


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow as many open files as both ends of the connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _keep_connecting(port: int, stop: threading.Event) -> None:
    """Keep a thousand connections that send one byte after the other; each that is closed connects again."""
    with selectors.DefaultSelector() as selector:

        def connect() -> None:
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            selector.register(client, selectors.EVENT_READ)

        for _ in range(SLOW_CLIENTS):
            connect()
        while not stop.wait(0.05):
            closed = [key.fileobj for key, _ in selector.select(0)]
            for client in closed:
                selector.unregister(client)
                assert isinstance(client, socket.socket)
                client.close()
                connect()
            for key in list(selector.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                try:
                    key.fileobj.send(b"G")
                except OSError:
                    continue
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()


@pytest.mark.usefixtures("many_files")
def test_probes_succeed_beside_a_thousand_slow_clients(port: int) -> None:
    """Every probe is answered within the timeout of Kubernetes while the clients connect again and again."""
    stop = threading.Event()
    clients = threading.Thread(target=_keep_connecting, args=(port, stop), daemon=True)
    clients.start()
    answered = []
    try:
        end = time.monotonic() + PROBED_SECONDS
        while time.monotonic() < end:
            start = time.monotonic()
            response = exchange(port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert response.startswith(b"HTTP/1.0 200"), response
            answered.append(time.monotonic() - start)
            time.sleep(0.1)
    finally:
        stop.set()
        clients.join(RESPONSE_SECONDS)
    assert max(answered) < PROBE_SECONDS


def test_scrapes_beyond_the_bound_are_refused_and_probes_are_not() -> None:
    """Collectors may wait for Redis. Further scrapes get 503 at once, and probes their response."""
    waiting, released = threading.Semaphore(0), threading.Event()

    class SlowCollector(Collector):
        def describe(self) -> Iterator[Metric]:
            return iter(())

        def collect(self) -> Iterator[Metric]:
            waiting.release()
            released.wait(RESPONSE_SECONDS)
            return iter(())

    probes, registry = ProbeState(60.0), CollectorRegistry()
    probes.mark_started(lambda: True)
    with http_server(build_routes(probes, registry), 0) as slow_port:
        registry.register(SlowCollector())
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        scrapers = [threading.Thread(target=exchange, args=(slow_port, request)) for _ in range(MAX_SCRAPES)]
        for scraper in scrapers:
            scraper.start()
        for _ in scrapers:
            assert waiting.acquire(timeout=RESPONSE_SECONDS)
        assert status(exchange(slow_port, request)) == 503
        assert status(exchange(slow_port, b"GET /livez HTTP/1.1\r\n\r\n")) == 200
        released.set()
        for scraper in scrapers:
            scraper.join(RESPONSE_SECONDS)
        assert status(exchange(slow_port, request)) == 200
