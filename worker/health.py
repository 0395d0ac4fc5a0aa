"""Health: is the worker alive, is it ready, and the one HTTP port that says so.

    /livez    the loop is alive: it is bootstrapped, and a poll completed within the liveness timeout. Never whether
              Redis or Kafka answers: an outage of theirs would restart every worker.
    /readyz   it joined its group (also with no partition), Redis and Kafka answer, and it is not draining
    /metrics  the registry, for Prometheus

Anything else is 404. The answers come from memory, and so many at once are answered and no more.
"""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, ClassVar, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from worker.errors import Fatal
from worker.model import Dependency
from worker.observers import Deaf

_LOG: Final = logging.getLogger(__name__)

#: Requests answered at once; one more is hung up on. Probes and two scrapers need three.
MAX_REQUESTS: Final = 8

#: Seconds that a client may keep a connection waiting for its next byte.
CLIENT_TIMEOUT_SECONDS: Final = 5.0


class Vitals(Deaf):
    """What the pipeline tells, as far as life and readiness go. Written by its thread, read by the server's."""

    def __init__(self, liveness_timeout_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._timeout = liveness_timeout_seconds
        self._monotonic = monotonic
        self._polled_at: float | None = None
        self._away = frozenset(Dependency)
        self._joined: Callable[[], bool] = bool  # False until `bootstrapped` says whom to ask
        self._draining = False

    def bootstrapped(self, joined: Callable[[], bool]) -> None:
        """Begin to expect polls; `joined` says whether the worker is a member of its group."""
        self._joined = joined
        self._polled_at = self._monotonic()

    def draining(self) -> None:
        """Be unready from now on."""
        self._draining = True

    def polled(self, messages: int) -> None:
        """See Observer."""
        self._polled_at = self._monotonic()

    def unreachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._away |= {dependency}

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._away -= {dependency}

    def not_alive(self) -> list[str]:
        """Say why the worker is not alive; nothing where it is."""
        if self._polled_at is None:
            return ["starting"]
        quiet = self._monotonic() - self._polled_at
        return [f"no poll completed for {quiet:.0f} s"] if quiet > self._timeout else []

    def not_ready(self) -> list[str]:
        """Say why the worker is not ready; nothing where it is."""
        reasons = [f"{dependency} does not answer" for dependency in sorted(self._away)]
        if not self._joined():
            reasons.append("not a member of the group")
        if self._draining:
            reasons.append("draining")
        return reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    content_type: str
    body: bytes


#: From a path to what answers it, given the request's Accept header.
Routes = Mapping[str, Callable[[str], Answer]]


def routes(vitals: Vitals, registry: CollectorRegistry) -> Routes:
    """List every path that is answered."""
    return {
        "/livez": lambda _: _verdict(vitals.not_alive()),
        "/readyz": lambda _: _verdict(vitals.not_ready()),
        "/metrics": lambda accept: _exposition(registry, accept),
    }


def _verdict(reasons: list[str]) -> Answer:
    return Answer(
        status=HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK,
        content_type="text/plain; charset=utf-8",
        body=("\n".join(reasons or ["ok"]) + "\n").encode(),
    )


def _exposition(registry: CollectorRegistry, accept: str) -> Answer:
    encode, content_type = choose_encoder(accept)
    return Answer(status=HTTPStatus.OK, content_type=content_type, body=encode(registry))


@contextmanager
def served(answers: Routes, port: int) -> Iterator[int]:
    """Serve on `port` of every address while the context lasts, 0 for a free one; gives the port. Raises Fatal."""
    handler = type("Handler", (_Handler,), {"answers": answers})
    try:
        bound = _Server(port, handler)
    except OSError as error:
        raise Fatal(f"port {port} (REPRISE_HTTP_PORT) cannot be served: {error.strerror}") from error
    with bound as server:
        thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(CLIENT_TIMEOUT_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_TIMEOUT_SECONDS
    answers: ClassVar[Routes] = {}

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        answer = self.answers.get(self.path.partition("?")[0], _not_found)(self.headers.get("Accept", ""))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "reprise"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Keep probes and scrapes out of the log."""


def _not_found(_: str) -> Answer:
    return Answer(status=HTTPStatus.NOT_FOUND, content_type="text/plain; charset=utf-8", body=b"not found\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, handler: type[_Handler]) -> None:
        dual = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if dual else socket.AF_INET
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS)
        super().__init__(("::" if dual else "", port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # not HTTPServer's own: it looks its name up, which takes seconds where no resolver answers
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "reprise", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that hung up or was too slow is no news
            _LOG.exception("cannot answer")
