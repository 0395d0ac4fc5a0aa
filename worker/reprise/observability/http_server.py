"""Health: is the worker alive, is it ready, and the one HTTP port that says so.

    /livez    the loop is alive: it is bootstrapped, and a poll completed within the liveness timeout. Never whether
              Redis or Kafka answers: an outage of theirs would restart every worker.
    /readyz   it joined its group (also with no partition), Redis and Kafka answer, and it is not draining
    /metrics  the registry, for Prometheus

Any other path is 404, any method but GET and HEAD 405. The answers come from memory, so many at once and no more, and
no connection lasts longer than CONNECTION_SECONDS, however its client dawdles.
"""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, ClassVar, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from reprise.errors import Fatal
from reprise.model import Dependency
from reprise.observability.observers import NullObserver

_LOG: Final = logging.getLogger(__name__)

#: Requests answered at once; one more is hung up on. Probes and two scrapers need three.
MAX_REQUESTS: Final = 8

#: Seconds that a connection may last in all: a byte now and then must not keep a slot from the probes.
CONNECTION_SECONDS: Final = 5.0


class ProbeState(NullObserver):
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

    def polled(self, message_count: int) -> None:
        """See Observer."""
        self._polled_at = self._monotonic()

    def unreachable(self, dependency: Dependency, reason: str) -> None:
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
class HttpResponse:
    """An HTTP answer."""

    status: HTTPStatus
    content_type: str
    body: bytes


#: From a path to what answers it, given the request's Accept header.
Routes = Mapping[str, Callable[[str], HttpResponse]]


def routes(vitals: ProbeState, registry: CollectorRegistry) -> Routes:
    """List every path that is answered."""
    return {
        "/livez": lambda _: _verdict(vitals.not_alive()),
        "/readyz": lambda _: _verdict(vitals.not_ready()),
        "/metrics": lambda accept: _exposition(registry, accept),
    }


def _verdict(reasons: list[str]) -> HttpResponse:
    return HttpResponse(
        status=HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK,
        content_type="text/plain; charset=utf-8",
        body=("\n".join(reasons or ["ok"]) + "\n").encode(),
    )


def _exposition(registry: CollectorRegistry, accept: str) -> HttpResponse:
    encode, content_type = choose_encoder(accept)
    return HttpResponse(status=HTTPStatus.OK, content_type=content_type, body=encode(registry))


@contextmanager
def http_server(answers: Routes, port: int) -> Iterator[int]:
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
            thread.join(CONNECTION_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    #: of one read or write; the server ends what lasts longer in all
    timeout = CONNECTION_SECONDS
    answers: ClassVar[Routes] = {}

    def do_GET(self) -> None:
        self._find()

    def do_HEAD(self) -> None:
        self._find()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the base class refuses (another method, a request too large or broken) without repeating it."""
        status = HTTPStatus(code)
        self.request_version = self.protocol_version  # else one that was not understood gets a body without a status
        self._answer(_plain(HTTPStatus.METHOD_NOT_ALLOWED if status is HTTPStatus.NOT_IMPLEMENTED else status))

    def _find(self) -> None:
        answer = self.answers.get(self.path.partition("?")[0])
        self._answer(answer(self.headers.get("Accept", "")) if answer else _plain(HTTPStatus.NOT_FOUND))

    def _answer(self, answer: HttpResponse) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "reprise"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Keep probes and scrapes out of the log."""


def _plain(status: HTTPStatus) -> HttpResponse:
    return HttpResponse(
        status=status, content_type="text/plain; charset=utf-8", body=f"{status.phrase.lower()}\n".encode()
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, handler: type[_Handler]) -> None:
        dual = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if dual else socket.AF_INET
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS)
        #: when each connection that is open began; written by the threads that answer, each its own
        self._began: dict[Any, float] = {}
        super().__init__(("::" if dual else "", port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # not HTTPServer's own: it looks its name up, which takes seconds where no resolver answers
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "reprise", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            self._began[request] = time.monotonic()
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._began[request]
            self._slots.release()

    def service_actions(self) -> None:
        """End what lasts too long; the base class calls this twice a second. Its own thread then leaves."""
        overdue = time.monotonic() - CONNECTION_SECONDS
        for request, began in list(self._began.items()):
            if began < overdue:
                with suppress(OSError):  # it ended by itself meanwhile
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that hung up or was too slow is no news
            _LOG.exception("cannot answer")
