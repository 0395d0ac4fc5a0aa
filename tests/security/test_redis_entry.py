"""A worker connects to Redis with TLS, a user and a certificate; a refused worker prints the reason."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reprise.errors import Fatal
from reprise.index.redis.client import connect
from reprise.settings import load
from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, Sandbox
from tests.e2e.worker_state import wait_delivered
from tests.security.certificates import Certificates
from tests.security.conftest import PASSWORD
from tests.security.secured_redis import USER, SecuredRedis
from tests.security.worker_start import run_until_exit
from tests.support import running_worker

pytestmark = pytest.mark.redis

RunRedis = Callable[..., AbstractContextManager[SecuredRedis]]

WRONG = "qu1te-wrong"


def connect_and_close(settings: dict[str, str]) -> None:
    """Connect with these settings."""
    connect(load(settings).redis).close()


@pytest.mark.stack
def test_a_worker_with_a_certificate_and_a_user_publishes_a_story(
    sandbox: Sandbox, tls_redis: RunRedis, tmp_path: Path
) -> None:
    """A worker with mutual TLS, a password from a file and the documented rights publishes an event."""
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    sandbox.produce(
        [
            InputMessage(
                value=article_json(id="1", text="The harbour was closed on Monday after a storm tore a crane down.")
            )
        ]
    )
    with tls_redis(clients="yes") as server:
        pair = server.certificates.worker
        settings = server.settings(
            URL=f"rediss://{USER}@localhost:{server.port}/0",
            PASSWORD_FILE=str(secret),
            SSL_CERTFILE=str(pair.certificate),
            SSL_KEYFILE=str(pair.key),
        )
        with running_worker(sandbox.settings() | settings, tmp_path / "log") as worker:
            wait_delivered(sandbox, worker)
    assert [event.body["type"] for event in sandbox.events()] == ["story.new"]


def test_a_server_may_require_a_certificate(tls_redis: RunRedis) -> None:
    """Certificate and key may be in one file. Without them the worker prints that the server requires a certificate."""
    with tls_redis(clients="yes") as server:
        connect_and_close(server.settings(SSL_CERTFILE=str(server.certificates.worker.both)))
        # A worker tries again, because the server may close the connection before the reason is read.
        worker = run_until_exit(server.settings())
    assert (worker.exit_code, len(worker.error_lines)) == (1, 1)
    assert re.search(r"localhost:\d+: no TLS connection: .*certificate required", worker.error_lines[0])


def test_invalid_certificates_are_refused(tls_redis: RunRedis, certificates: Certificates) -> None:
    """The error names an unknown authority, a key of another certificate, an expired one and a wrong host name."""
    with tls_redis() as server:
        connect_and_close(server.settings())
        with pytest.raises(Fatal, match="no TLS connection: certificate verify failed"):
            connect_and_close(server.settings(SSL_CAFILE=str(certificates.stranger)))
        own, other = str(certificates.worker.certificate), str(certificates.server.key)
        with pytest.raises(Fatal, match="key values mismatch"):
            connect_and_close(server.settings(SSL_CERTFILE=own, SSL_KEYFILE=other))
    with tls_redis(shown=certificates.expired) as server, pytest.raises(Fatal, match="certificate has expired"):
        connect_and_close(server.settings())
    with tls_redis(shown=certificates.elsewhere) as server, pytest.raises(Fatal, match="Hostname mismatch"):
        connect_and_close(server.settings())


def test_a_wrong_login_is_refused(tls_redis: RunRedis) -> None:
    """The error for a wrong password, an unknown user or no user contains no password."""
    with tls_redis() as server:
        for user in (f"{USER}:{WRONG}@", f"{WRONG}:{PASSWORD}@", ""):
            with pytest.raises(Fatal, match=rf"redis at localhost:{server.port} refuses this worker: ") as caught:
                connect_and_close(server.settings(URL=f"rediss://{user}localhost:{server.port}/0"))
            assert PASSWORD not in str(caught.value)
            assert WRONG not in str(caught.value)


def test_a_refused_worker_prints_one_line(tls_redis: RunRedis, certificates: Certificates) -> None:
    """Exit code 1 and one line without a traceback or a secret, for a wrong certificate and a wrong password."""
    with tls_redis() as server:
        untrusted = run_until_exit(server.settings(SSL_CAFILE=str(certificates.stranger)))
        wrong = run_until_exit(server.settings(URL=f"rediss://{USER}:{WRONG}@localhost:{server.port}/0"))
    for worker, reason in ((untrusted, "certificate verify failed"), (wrong, "refuses this worker")):
        assert (worker.exit_code, len(worker.error_lines)) == (1, 1)
        assert reason in worker.error_lines[0]
        assert not [word for word in ("Traceback", PASSWORD, WRONG) if word in worker.output]
