"""The HTTP port tells three things and nothing else, to whoever asks in whatever way, and cannot be kept busy."""

import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from reprise.observability.http_server import MAX_CONNECTIONS, build_routes, http_server
from reprise.observability.probes import ProbeState

#: Seconds for an answer that comes from memory, on a machine that is busy with others.
ANSWER_SECONDS = 10.0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    vitals = ProbeState(60.0)
    vitals.mark_started(lambda: True)
    with http_server(build_routes(vitals, CollectorRegistry()), 0) as found:
        yield found


def say(port: int, request: bytes) -> bytes:
    """Send bytes, and return all that comes back until the port hangs up."""
    answer = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as client:
        try:
            client.sendall(request)
            while piece := client.recv(65_536):
                answer += piece
        except ConnectionError:  # it hung up before it had read everything
            pass
    return bytes(answer)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "path",
    [
        *["/", "/metrics/", "/metrics/..", "/../metrics", "/%6detrics", "/metrics%00", "/livez;x", "/readyz/.."],
        *["/debug/pprof", "/favicon.ico", "/worker/health.py", "/etc/passwd", "*", "metrics"],
    ],
)
def test_there_are_three_paths(port: int, path: str) -> None:
    """Nothing near them is one, no folder is listed, and the path is not repeated."""
    answer = say(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status(answer) == 404
    assert answer.endswith(b"\r\n\r\nnot found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "<script>"])
@pytest.mark.parametrize("path", ["/metrics", "/elsewhere"])
def test_the_port_is_read_only(port: int, method: str, path: str) -> None:
    """Whatever is not GET or HEAD is refused, with what is allowed, and repeated nowhere."""
    answer = say(port, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    assert status(answer) == 405
    assert b"\r\nAllow: GET, HEAD\r\n" in answer
    assert answer.endswith(b"\r\n\r\nmethod not allowed\n")


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
def test_what_is_too_large_or_broken_is_refused(port: int, request_bytes: bytes, expected: int) -> None:
    """A line of 64 KB and a hundred headers are the most; the next client is answered as ever."""
    answer = say(port, request_bytes)
    assert f" {expected} ".encode() in answer.split(b"\r\n", 1)[0] or answer == b""
    assert status(say(port, b"GET /livez HTTP/1.1\r\n\r\n")) == 200


def test_no_version_is_told(port: int) -> None:
    """The headers name neither Python nor a version; the build is told by a metric, to those who may scrape."""
    for request in (
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
    ):
        head = say(port, request).partition(b"\r\n\r\n")[0].lower()
        assert b"python" not in head
        assert b"server: reprise\r\n" in head + b"\r\n"


def test_a_dawdler_is_hung_up_on(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then holds a connection for its time and no longer; then a probe gets through."""
    monkeypatch.setattr("reprise.observability.http_server.CONNECTION_TIMEOUT_SECONDS", 1.0)
    dawdlers = [socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) for _ in range(MAX_CONNECTIONS)]
    began = time.monotonic()
    for each in dawdlers:
        each.sendall(b"GET /livez HTTP/1.1\r\n")
        each.settimeout(0.1)
    held = list(dawdlers)
    while held:
        assert time.monotonic() - began < ANSWER_SECONDS, "the connections are still held"
        held = [each for each in held if _dawdles(each)]
    assert time.monotonic() - began >= 1.0
    assert status(say(port, b"GET /livez HTTP/1.1\r\n\r\n")) == 200
    for each in dawdlers:
        each.close()


def _dawdles(client: socket.socket) -> bool:
    """Send one more byte of a header that never ends; tell whether the port still listens."""
    try:
        client.sendall(b"X")
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False
