"""The HTTP port for Kubernetes' probes and for Prometheus.

    /livez    200 while the worker is started and polls complete within the liveness timeout, else 503
    /readyz   200 while the worker is in its group, Redis and Kafka answer, and no drain has begun, else 503
    /metrics  the registry's samples

Any other path returns 404, any method but GET and HEAD returns 405. A 503 lists its reasons, one a line. Every response
is made from memory. At most MAX_CONNECTIONS connections are open at a time, each for CONNECTION_TIMEOUT_SECONDS at
most. A further connection displaces the oldest one that has not sent its whole request, so that slow clients cannot
keep the probes out: a probe sends its request at once.
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
from reprise.observability.probes import ProbeState

_LOG: Final = logging.getLogger(__name__)

#: Connections open at a time, each with a thread. Two probes and two scrapers need four. A probe is answered before as
#: many others have connected after it.
MAX_CONNECTIONS: Final = 64

#: Scrapes answered at a time, further ones get 503: a scrape may wait for Redis, and all threads would wait with it.
MAX_SCRAPES: Final = 4

#: Connections that wait to be accepted. The standard library's 5 would make a probe wait a second for its next attempt.
_BACKLOG: Final = 1_024

#: Seconds for a displaced connection's thread to end.
_DISPLACEMENT_SECONDS: Final = 0.5

#: Seconds from accepting a connection to closing it, whatever the client sends: one byte a second must not hold a slot.
CONNECTION_TIMEOUT_SECONDS: Final = 5.0

_PLAIN_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response with its whole body."""

    status: HTTPStatus
    content_type: str
    body: bytes


#: Maps a path to the function that makes its response from the request's Accept header.
Routes = Mapping[str, Callable[[str], HttpResponse]]


def build_routes(probes: ProbeState, registry: CollectorRegistry) -> Routes:
    """Return the routes of the worker's port."""
    scrapes = threading.BoundedSemaphore(MAX_SCRAPES)
    return {
        "/livez": lambda _: _probe_response(probes.liveness_failures()),
        "/readyz": lambda _: _probe_response(probes.readiness_failures()),
        "/metrics": lambda accept: _metrics_response(registry, accept, scrapes),
    }


def _probe_response(failures: list[str]) -> HttpResponse:
    status = HTTPStatus.SERVICE_UNAVAILABLE if failures else HTTPStatus.OK
    body = "".join(f"{line}\n" for line in failures or ["ok"])
    return HttpResponse(status=status, content_type=_PLAIN_TEXT, body=body.encode())


def _metrics_response(registry: CollectorRegistry, accept: str, scrapes: threading.BoundedSemaphore) -> HttpResponse:
    if not scrapes.acquire(blocking=False):
        return _error_response(HTTPStatus.SERVICE_UNAVAILABLE)
    try:
        encode, content_type = choose_encoder(accept)
        return HttpResponse(status=HTTPStatus.OK, content_type=content_type, body=encode(registry))
    finally:
        scrapes.release()


def _error_response(status: HTTPStatus) -> HttpResponse:
    return HttpResponse(status=status, content_type=_PLAIN_TEXT, body=f"{status.phrase.lower()}\n".encode())


@contextmanager
def http_server(routes: Routes, port: int) -> Iterator[int]:
    """Serve the routes on all addresses, in a thread of its own, until the context ends.

    port  0 chooses a free port

    Yields the port. Raises Fatal if the port cannot be bound.
    """
    handler = type("Handler", (_Handler,), {"routes": routes})
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
            thread.join(CONNECTION_TIMEOUT_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    #: seconds of one read or write; `_Server.service_actions` bounds the whole connection
    timeout = CONNECTION_TIMEOUT_SECONDS
    routes: ClassVar[Routes] = {}

    def do_GET(self) -> None:
        self._send_route()

    def do_HEAD(self) -> None:
        self._send_route()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send the status alone: the base class would repeat parts of the request in the body.

        The base class calls this for a method without a handler and for a request that is malformed or too large.
        """
        status = HTTPStatus(code)
        # A malformed request leaves the version at HTTP/0.9, which would drop the status line.
        self.request_version = self.protocol_version
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._send(_error_response(status))

    def _send_route(self) -> None:
        if isinstance(self.server, _Server):
            self.server.keep(self.connection)
        make_response = self.routes.get(self.path.partition("?")[0])
        if make_response is None:
            self._send(_error_response(HTTPStatus.NOT_FOUND))
        else:
            self._send(make_response(self.headers.get("Accept", "")))

    def _send(self, response: HttpResponse) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if response.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def version_string(self) -> str:
        return "reprise"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Log nothing: probes and scrapes would fill the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(self, port: int, handler: type[_Handler]) -> None:
        dual = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if dual else socket.AF_INET
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        #: open connections and when each was accepted; each request's thread removes its own entry
        self._accepted_at: dict[Any, float] = {}
        #: connections that have not sent their whole request, the oldest first
        self._reading: dict[Any, None] = {}
        super().__init__(("::" if dual else "", port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # HTTPServer.server_bind resolves the host's name, which takes seconds without a resolver.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "reprise", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False) or (
            self._displace_oldest() and self._slots.acquire(timeout=_DISPLACEMENT_SECONDS)
        ):
            self._accepted_at[request] = time.monotonic()
            self._reading[request] = None
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def keep(self, request: Any) -> None:
        """Protect a connection from displacement: its request was read."""
        self._reading.pop(request, None)

    def _displace_oldest(self) -> bool:
        """End the oldest connection whose request is not complete; its thread then frees the slot."""
        for request in list(self._reading):
            # Another thread may have read the request in between.
            if self._reading.pop(request, self) is None:
                with suppress(OSError):  # the request's thread closed the socket meanwhile
                    request.shutdown(socket.SHUT_RDWR)
                return True
        return False

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._reading.pop(request, None)
            del self._accepted_at[request]
            self._slots.release()

    def service_actions(self) -> None:
        """Shut down connections that are past their timeout; `serve_forever` calls this twice a second.

        The shutdown ends the read or write of the request's thread, which then frees the slot.
        """
        latest = time.monotonic() - CONNECTION_TIMEOUT_SECONDS
        for request, accepted_at in list(self._accepted_at.items()):
            if accepted_at < latest:
                with suppress(OSError):  # the request's thread closed the socket meanwhile
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # An OSError means that the client closed the connection or was too slow.
        if not isinstance(sys.exception(), OSError):
            _LOG.exception("HTTP request failed")
