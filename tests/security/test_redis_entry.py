"""Redis lets the worker in over TLS, with a user and with a certificate; whoever is turned away is told why."""

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
from tests.security.support_security import run_until_exit
from tests.support import running_worker

pytestmark = pytest.mark.redis

Run = Callable[..., AbstractContextManager[SecuredRedis]]

WRONG = "qu1te-wrong"


def come(settings: dict[str, str]) -> None:
    """Connect, and leave."""
    connect(load(settings).redis).close()


@pytest.mark.stack
def test_a_worker_with_a_certificate_and_a_user_tells_a_story(sandbox: Sandbox, tls_redis: Run, tmp_path: Path) -> None:
    """Mutual TLS, the user's password from a file, and the rights of the document: from the start to the event."""
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


def test_a_server_may_ask_for_a_certificate(tls_redis: Run) -> None:
    """Certificate and key may stand in one file; without any, the worker is told what the server wants."""
    with tls_redis(clients="yes") as server:
        come(server.settings(SSL_CERTFILE=str(server.certificates.worker.both)))
        # the whole worker, which tries again: the server may hang up before its reason is read
        found = run_until_exit(server.settings())
    assert (found.exit_code, len(found.error_lines)) == (1, 1)
    assert re.search(r"localhost:\d+: no TLS connection: .*certificate required", found.error_lines[0])


def test_who_cannot_be_trusted_is_not(tls_redis: Run, certificates: Certificates) -> None:
    """An authority that signed something else, a date that has passed, another host's name: each is said in words."""
    with tls_redis() as server:
        come(server.settings())
        with pytest.raises(Fatal, match="no TLS connection: certificate verify failed"):
            come(server.settings(SSL_CAFILE=str(certificates.stranger)))
        own, other = str(certificates.worker.certificate), str(certificates.server.key)
        with pytest.raises(Fatal, match="key values mismatch"):
            come(server.settings(SSL_CERTFILE=own, SSL_KEYFILE=other))
    with tls_redis(shown=certificates.expired) as server, pytest.raises(Fatal, match="certificate has expired"):
        come(server.settings())
    with tls_redis(shown=certificates.elsewhere) as server, pytest.raises(Fatal, match="Hostname mismatch"):
        come(server.settings())


def test_a_wrong_login_is_refused_without_its_words(tls_redis: Run) -> None:
    """A wrong password, a user nobody knows, and nobody at all."""
    with tls_redis() as server:
        for user in (f"{USER}:{WRONG}@", f"{WRONG}:{PASSWORD}@", ""):
            with pytest.raises(Fatal, match=rf"redis at localhost:{server.port} refuses this worker: ") as caught:
                come(server.settings(URL=f"rediss://{user}localhost:{server.port}/0"))
            assert PASSWORD not in str(caught.value)
            assert WRONG not in str(caught.value)


def test_the_whole_worker_says_it_in_a_line(tls_redis: Run, certificates: Certificates) -> None:
    """Exit code 1, one line, no traceback, no secret: for a certificate and for a password."""
    with tls_redis() as server:
        strange = run_until_exit(server.settings(SSL_CAFILE=str(certificates.stranger)))
        wrong = run_until_exit(server.settings(URL=f"rediss://{USER}:{WRONG}@localhost:{server.port}/0"))
    for found, why in ((strange, "certificate verify failed"), (wrong, "refuses this worker")):
        assert (found.exit_code, len(found.error_lines)) == (1, 1)
        assert why in found.error_lines[0]
        assert not [word for word in ("Traceback", PASSWORD, WRONG) if word in found.output]
