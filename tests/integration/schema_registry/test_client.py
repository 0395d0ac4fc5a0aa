"""Answers of a registry that are no schemas. A stand-in server gives them: a real registry cannot be made to."""

import base64
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from reprise.bootstrap import open_schema_registry
from reprise.errors import Unreachable, UsageError
from reprise.model import OutageKind
from reprise.schema_registry.client import SchemaRegistryClient, UnknownSchema
from reprise.settings import load
from tests.support import free_port

SCHEMA = b'{"schema": "{\\"type\\": \\"string\\"}"}'
LOGIN = "Basic " + base64.b64encode(b"reader:se:cret").decode()


class _Handler(BaseHTTPRequestHandler):
    """Answers each request with the status and body of the server; with 401 unless the login is right."""

    server: "_StandIn"

    def do_GET(self) -> None:  # the name that the base class calls
        status, body = self.server.answer
        if self.server.needs_login and self.headers.get("Authorization") != LOGIN:
            status, body = 401, b'{"error_code": 401, "message": "Unauthorized"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


class _StandIn(ThreadingHTTPServer):
    answer = (200, SCHEMA)
    needs_login = False


@contextmanager
def stand_in(context: ssl.SSLContext | None = None) -> Iterator[_StandIn]:
    with _StandIn(("127.0.0.1", 0), _Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def open_client(url: str, **settings: str) -> SchemaRegistryClient:
    environment = {f"REPRISE_SCHEMA_REGISTRY_{name}": value for name, value in settings.items()}
    return SchemaRegistryClient(load({"REPRISE_SCHEMA_REGISTRY_URL": url} | environment).schema_registry)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b'{"error_code": 50001, "message": "store"}', OutageKind.UNREACHABLE),
        (503, b"<html>no backend</html>", OutageKind.UNREACHABLE),
        (404, b"<html>no such page</html>", OutageKind.UNREACHABLE),
        (200, b"<html>log in</html>", OutageKind.UNREACHABLE),
        (429, b"{}", OutageKind.UNREACHABLE),
        (401, b'{"error_code": 401, "message": "Unauthorized"}', OutageKind.REFUSES_USER),
        (403, b"{}", OutageKind.REFUSES_USER),
    ],
)
def test_other_answers_are_outages(status: int, body: bytes, kind: OutageKind) -> None:
    """No message is to blame for them: the worker waits, and the error names the registry."""
    with stand_in() as server:
        server.answer = (status, body)
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(Unreachable, match=re.escape(f"the registry at {url} ")) as caught:
            open_client(url).fetch(7)
    assert caught.value.kind is kind


def test_a_schema_that_the_registry_does_not_have() -> None:
    """Its error code says so; the status alone may come from a wrong path."""
    with stand_in() as server:
        server.answer = (404, b'{"error_code": 40403, "message": "Schema 7 not found"}')
        with pytest.raises(UnknownSchema, match="has no schema 7: Schema 7 not found"):
            open_client(f"http://127.0.0.1:{server.server_port}").fetch(7)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, SCHEMA),
        (404, b'{"error_code": 40403, "message": "Schema 1 not found"}'),
        (403, b'{"error_code": 40301, "message": "denied"}'),
    ],
)
def test_the_check_at_the_start_needs_no_schema(status: int, body: bytes) -> None:
    """A login that may read some schemas need not read the first."""
    with stand_in() as server:
        server.answer = (status, body)
        open_client(f"http://127.0.0.1:{server.server_port}").check()


@pytest.mark.parametrize("status", [401, 404, 500])
def test_the_check_at_the_start_finds_a_wrong_address_or_login(status: int) -> None:
    """The worker waits for these, up to the startup timeout."""
    with stand_in() as server:
        server.answer = (status, b"<html></html>")
        with pytest.raises(Unreachable, match=f"answered {status}"):
            open_client(f"http://127.0.0.1:{server.server_port}").check()


def test_a_closed_port_is_an_outage() -> None:
    """The registry is stopped."""
    with pytest.raises(Unreachable, match="does not answer"):
        open_client(f"http://127.0.0.1:{free_port()}").fetch(7)


def test_login_and_tls(tmp_path: Path) -> None:
    """The certificate is checked against the given authority, and the password may have a colon."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    cafile = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(cafile))
    with stand_in(context) as server:
        server.needs_login = True
        url = f"https://localhost:{server.server_port}"
        login = {"USERNAME": "reader", "PASSWORD": "se:cret"}
        assert open_client(url, SSL_CAFILE=str(cafile), **login).fetch(7).kind == "AVRO"
        with pytest.raises(Unreachable, match="answered 401") as caught:
            open_client(url, SSL_CAFILE=str(cafile), USERNAME="reader", PASSWORD="wrong").fetch(7)
        assert caught.value.kind is OutageKind.REFUSES_USER
        assert "wrong" not in str(caught.value)
        with pytest.raises(Unreachable, match=r"does not answer: .*certificate"):
            open_client(url, **login).fetch(7)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is an optional extra."""
    monkeypatch.setattr("reprise.schema_registry.client.find_spec", lambda name: None if name == "fastavro" else name)
    with pytest.raises(UsageError, match=r"needs fastavro: pip install 'reprise\[registry\]'"):
        open_schema_registry(load({"REPRISE_SCHEMA_REGISTRY_URL": "http://localhost:8081"}))
