"""The output of a worker contains no secret and no text of an article, at debug level, also after errors."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis

from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.types import StackKind, StackUnavailable
from reprise.messages.dead_letters import REASON
from reprise.model import DeadLetterReason
from tests.e2e.sandbox import InputMessage, Sandbox
from tests.e2e.worker_state import READY_SECONDS, http_get, wait_counted, wait_ready
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import SecuredKafka, add_users, grant
from tests.security.secured_redis import restricted
from tests.security.worker_start import kafka_rights, redis_rights, run_all_until_exit
from tests.support import running_worker, unavailable, wait_until

pytestmark = pytest.mark.stack

WRONG = "qu1te-wrong"

#: Words that occur only in the articles: in texts, in titles, in unknown fields and in malformed JSON.
TEXT, TITLE, OTHER = "xylographic", "marzipanwerk", "quokkaherd"
SECRETS = (PASSWORD, WRONG, TEXT, TITLE, OTHER)

#: Reasons of the dead letters that `messages` causes.
DEAD_LETTER_REASONS = {
    DeadLetterReason.NOT_UTF8,
    DeadLetterReason.NOT_JSON,
    DeadLetterReason.NOT_AN_OBJECT,
    DeadLetterReason.WRONG_TYPE,
    DeadLetterReason.NO_TEXT,
    DeadLetterReason.ID_TOO_LONG,
    DeadLetterReason.TEXT_TOO_LONG,
}

PAGE = (
    f"The {TEXT} workshop by the river closed its doors on Monday after ninety years, and the council of the town said "
    f"that the {TEXT} presses would be given to the museum before the end of the summer."
)


def messages() -> list[InputMessage]:
    """Return messages with every outcome: stories, copies, a revision, and most reasons of dead letters."""
    valid: Sequence[dict[str, object]] = (
        {"id": "1", "source": "a.example", "title": TITLE, "text": PAGE, "other": OTHER},
        {"id": "2", "source": "b.example", "title": TITLE, "text": PAGE},
        {"id": "1", "source": "a.example", "title": TITLE, "text": f"{PAGE} The last print was sold the same day."},
        {"id": "3", "source": "c.example", "html": f"<title>{TITLE}</title><p>{PAGE}</p>"},
    )
    invalid: Sequence[dict[str, object]] = (
        {"id": "4", "title": TITLE},
        {"id": "5", "title": TITLE, "text": [TEXT]},
        {"id": TEXT * 100, "text": PAGE},
        {"id": "6", "title": {"of": TITLE}, "text": PAGE},
        {"id": "7", "text": f"{TEXT} " * 60_000},
        {"id": "8", "title": TITLE, "text": {"of": TEXT}},
        {"id": "9", "title": TITLE, "text": [{"of": TEXT}]},
    )
    raw = [json.dumps(fields).encode() for fields in (*valid, *invalid)]
    raw += [f'{{"text": "{TEXT}", {TITLE}'.encode(), TEXT.encode() + b"\xff", json.dumps([TEXT, TITLE]).encode()]
    raw += [f'{{"text": "{TEXT} \\ud800", "title": {TITLE}}}'.encode(), f"{TITLE}".encode()]
    return [InputMessage(value=value) for value in raw]


def leaking_lines(output: str) -> list[str]:
    """Return the lines that contain a secret or a word of an article."""
    return [line for line in output.splitlines() if any(secret in line for secret in SECRETS)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a Redis that the test may stop."""
    try:
        with local_redis(StackKind.JVM, tmp_path / "redis") as service:
            yield service.address
    except StackUnavailable as error:
        unavailable("stack", f"no Redis: {error}")


def test_a_worker_leaks_nothing(sandbox: Sandbox, kafka: SecuredKafka, server: str, tmp_path: Path) -> None:
    """Output, metrics and headers are checked after success, dead letters, an outage and a failed shutdown."""
    add_users(sandbox.admin, ["discreet"], PASSWORD)
    grant(sandbox.admin, "discreet", kafka_rights(sandbox.topics))
    limits = {"MAX_TEXT_CHARACTERS": "100000", "CIRCUIT_SHARE": "1"}
    timeouts = {"REDIS_TIMEOUT_SECONDS": "0.5", "FLUSH_TIMEOUT_SECONDS": "2", "DRAIN_TIMEOUT_SECONDS": "4"}
    settings = sandbox.settings(LOG_LEVEL="debug", **limits, **timeouts)
    settings |= kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "discreet")
    with restricted(server, redis_rights(), f"~{{{sandbox.namespace}}}:*", PASSWORD) as url:
        settings["REPRISE_REDIS_URL"] = url
        sandbox.produce(messages())
        with running_worker(settings, tmp_path / "log", "--debug") as worker:
            wait_ready(worker)
            wait_counted(sandbox, worker)
            outputs = [http_get(worker, path).body for path in ("/metrics", "/livez", "/readyz", f"/{TEXT}")]
            with redis.Redis.from_url(server) as client:
                client.shutdown(nosave=True)
            sandbox.produce(messages()[:4])
            wait_until(lambda: http_get(worker, "/readyz").status == 503, READY_SECONDS, "an outage")
            outputs += [http_get(worker, path).body for path in ("/metrics", "/readyz")]
            assert worker.stop() == 1
            outputs.append(worker.output())
    assert "undelivered" in outputs[-1]
    assert "dead_letter" in outputs[-1]
    assert leaking_lines("\n".join(outputs)) == []
    dead = sandbox.dead_letters()
    headers = [(name, value) for letter in dead for name, value in letter.headers]
    reasons = {value.decode() for name, value in headers if name == REASON}
    assert reasons == DEAD_LETTER_REASONS
    assert len(dead) == 10
    assert leaking_lines("\n".join(f"{name}: {value!r}" for name, value in headers)) == []


def test_a_refused_worker_leaks_nothing(kafka: SecuredKafka, server: str) -> None:
    """No error or traceback contains a password, if Redis, Kafka or the settings refuse the worker."""
    address = server.removeprefix("redis://")
    right = {"REPRISE_REDIS_URL": server, "REPRISE_LOG_LEVEL": "debug"}
    login = kafka.settings("SECURE") | kafka.login("PLAIN", "unknown", WRONG)
    cases = {
        "by Redis": (1, {**right, "REPRISE_REDIS_URL": f"redis://{WRONG}:{PASSWORD}@{address}"}),
        "by Kafka": (1, right | login),
        "by a closed port": (
            1,
            {"REPRISE_REDIS_URL": f"redis://{WRONG}:{PASSWORD}@localhost:1", "REPRISE_STARTUP_TIMEOUT_SECONDS": "0.5"},
        ),
        "by its settings": (2, right | login | {"REPRISE_REDIS_URL": f"http://{WRONG}:{PASSWORD}@{address}"}),
        "by two settings": (2, right | login | {"REPRISE_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}),
    }
    refused = run_all_until_exit({name: settings for name, (_, settings) in cases.items()}, "--debug")
    assert {name: worker.exit_code for name, worker in refused.items()} == {
        name: code for name, (code, _) in cases.items()
    }
    assert {name: leaking_lines(worker.output) for name, worker in refused.items()} == {name: [] for name in cases}
