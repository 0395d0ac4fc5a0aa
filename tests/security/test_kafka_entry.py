"""A worker connects to Kafka by every login method of the settings; a refused worker prints the reason in one line."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, open_sandbox
from tests.e2e.worker_state import wait_delivered
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import PLAIN_USER, SecuredKafka, add_users, grant
from tests.security.worker_start import ExitedWorker, kafka_rights, run_all_until_exit
from tests.support import running_worker

pytestmark = pytest.mark.stack

WRONG = "qu1te-wrong"


def test_every_login_method_works(kafka: SecuredKafka, redis_url: str, tmp_path: Path) -> None:
    """Workers with SCRAM of both kinds, PLAIN or a certificate publish a story with the documented rights."""
    worker = kafka.certificates.worker
    logins = {
        "scram-256": kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", "scram-256"),
        "scram-512": kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "scram-512"),
        PLAIN_USER: kafka.settings("SECURE") | kafka.login("PLAIN", PLAIN_USER),
        # The common name of the worker's certificate.
        "worker": kafka.settings("MUTUAL", SSL_CERTFILE=str(worker.certificate), SSL_KEYFILE=str(worker.key)),
    }
    with ExitStack() as stack:
        running = []
        for user, login in logins.items():
            sandbox = stack.enter_context(open_sandbox(kafka.plain, redis_url))
            add_users(sandbox.admin, [user], PASSWORD)
            grant(sandbox.admin, user, kafka_rights(sandbox.topics))
            sandbox.produce(
                [
                    InputMessage(
                        value=article_json(id="1", text=f"The harbour at {user} was closed on Monday after a storm.")
                    )
                ]
            )
            settings = sandbox.settings() | login
            running.append((sandbox, stack.enter_context(running_worker(settings, tmp_path / user))))
        for sandbox, process in running:
            wait_delivered(sandbox, process)
            assert [event.body["type"] for event in sandbox.events()] == ["story.new"]


@pytest.fixture(scope="module")
def refused(kafka: SecuredKafka, redis_url: str) -> dict[str, ExitedWorker]:
    """Run all refused workers at once, as they mostly wait."""
    certificates = kafka.certificates
    with open_sandbox(kafka.plain, redis_url, partitions=None) as sandbox:
        add_users(sandbox.admin, ["known"], PASSWORD)
        secure, login = kafka.settings("SECURE"), kafka.login("SCRAM-SHA-512", "known")
        cases = {
            "wrong password, PLAIN": secure | kafka.login("PLAIN", PLAIN_USER, WRONG),
            "wrong password, SCRAM-SHA-256": secure | kafka.login("SCRAM-SHA-256", "known", WRONG),
            "wrong password, SCRAM-SHA-512": secure | kafka.login("SCRAM-SHA-512", "known", WRONG),
            "unknown user": secure | kafka.login("SCRAM-SHA-512", "unknown"),
            "no such mechanism": kafka.settings("NARROW") | login,
            "wrong authority": kafka.settings("SECURE", SSL_CAFILE=str(certificates.stranger)) | login,
            "expired": kafka.settings("EXPIRED"),
            "wrong host name": kafka.settings("ELSEWHERE"),
            "no certificate": kafka.settings("MUTUAL"),
            "key of another": kafka.settings(
                "MUTUAL",
                SSL_CERTFILE=str(certificates.worker.certificate),
                SSL_KEYFILE=str(certificates.server.key),
            ),
        }
        return run_all_until_exit(
            {name: sandbox.settings(STARTUP_TIMEOUT_SECONDS="30") | settings for name, settings in cases.items()}
        )


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("wrong password, PLAIN", "SaslAuthenticationFailedError"),
        ("wrong password, SCRAM-SHA-256", "SaslAuthenticationFailedError"),
        ("wrong password, SCRAM-SHA-512", "SaslAuthenticationFailedError"),
        ("unknown user", "SaslAuthenticationFailedError"),
        (
            "no such mechanism",
            "(REPRISE_KAFKA_BOOTSTRAP_SERVERS, SASL_SSL, SCRAM-SHA-512): [Error 33] UnsupportedSaslMechanismError",
        ),
        ("wrong authority", "certificate verify failed: unable to get local issuer certificate"),
        ("expired", "certificate verify failed: certificate has expired"),
        ("wrong host name", "certificate verify failed: Hostname mismatch"),
        ("no certificate", "alert bad certificate"),
        ("key of another", "key values mismatch"),
    ],
)
def test_refused_worker_prints_the_reason(refused: dict[str, ExitedWorker], case: str, reason: str) -> None:
    """It exits at once with code 1 and prints one line with reason and address: no traceback, no password."""
    worker = refused[case]
    assert (worker.exit_code, len(worker.error_lines)) == (1, 1), worker.output
    assert reason in worker.error_lines[0]
    assert "connecting to localhost:" in worker.error_lines[0]
    assert "not within" not in worker.error_lines[0]
    assert "Traceback" not in worker.output
    assert PASSWORD not in worker.output
    assert WRONG not in worker.output
