"""The ACLs that docs/operating/security.md lists are sufficient, and each of them is necessary."""

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from kafka.admin import ACLOperation, ResourceType

from reprise.errors import Fatal
from reprise.kafka.acls import check_acls
from reprise.messages.dead_letters import dead_letter_record
from reprise.model import DeadLetterReason, Message, Rejection
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from reprise.startup import retry_until_ready
from tests.e2e.articles import article_json
from tests.e2e.sandbox import BROKER_SECONDS, InputMessage, Sandbox
from tests.e2e.worker_state import READY_SECONDS, wait_delivered, wait_ready
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import Right, SecuredKafka, add_users, grant, revoke
from tests.security.worker_start import kafka_rights, run_until_exit
from tests.support import reprise_command, running_worker, worker_environment

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("mode", ["at_least_once", "transactional"])
def test_documented_rights_are_sufficient(sandbox: Sandbox, kafka: SecuredKafka, tmp_path: Path, mode: str) -> None:
    """With these ACLs a worker publishes a story, its variant and a dead letter."""
    add_users(sandbox.admin, [mode], PASSWORD)
    grant(sandbox.admin, mode, rights_in(sandbox, mode))
    text = "The ferry between the islands was taken out of service on Monday after its bow door was found damaged."
    sandbox.produce(
        [
            InputMessage(value=article_json(id="1", source="a.example", text=text)),
            InputMessage(value=article_json(id="2", source="b.example", text=text)),
            InputMessage(value=b"no article"),
        ]
    )
    settings = sandbox.settings(DELIVERY=mode) | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", mode)
    with running_worker(settings, tmp_path / "log") as worker:
        wait_delivered(sandbox, worker)
    assert [event.body["type"] for event in sandbox.events()] == ["story.new", "story.variant"]
    assert len(sandbox.dead_letters()) == 1


def rights_in(sandbox: Sandbox, mode: str = "at_least_once") -> list[Right]:
    """Return the rights that the document lists for a delivery mode."""
    rights = kafka_rights(sandbox.topics)
    if mode == "transactional":
        return rights
    return [right for right in rights if right.kind is not ResourceType.TRANSACTIONAL_ID]


def test_transactions_need_a_right_of_their_own(sandbox: Sandbox, kafka: SecuredKafka) -> None:
    """Without the right to its transactional id the worker exits at the start and names the error."""
    add_users(sandbox.admin, ["no-transactions"], PASSWORD)
    grant(sandbox.admin, "no-transactions", rights_in(sandbox))
    login = kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "no-transactions")
    worker = run_until_exit(sandbox.settings(DELIVERY="transactional") | login)
    assert (worker.exit_code, len(worker.error_lines)) == (1, 1)
    assert "TransactionalIdAuthorizationFailedError" in worker.error_lines[0]


def rights_error(sandbox: Sandbox, kafka: SecuredKafka, user: str) -> str:
    """Check a user's rights like a worker at its start, and return the error."""
    environment = sandbox.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", user)
    topics = sandbox.topics
    writes = [topics.new, topics.variants, topics.merged, topics.dead]
    check = partial(check_acls, load(environment).kafka, reads=[topics.articles], writes=writes)
    with pytest.raises(Fatal) as caught:  # A new broker returns retriable errors until its first group exists.
        retry_until_ready(check, "the rights", timeout_seconds=BROKER_SECONDS, stop=StopRequest())
    return str(caught.value)


def test_every_missing_right_is_named(sandbox: Sandbox, kafka: SecuredKafka) -> None:
    """For each right, a user without it gets an error that names it and no other."""
    rights = rights_in(sandbox)
    assert len(rights) == 6
    without = {f"without-{number}": right for number, right in enumerate(rights)}
    add_users(sandbox.admin, list(without), PASSWORD)
    for user, missing in without.items():
        grant(sandbox.admin, user, [right for right in rights if right != missing])
    for user, right in without.items():
        lacking = f"Kafka: this worker lacks {right.operation.name} on {right.kind.name.lower()} {right.name};"
        assert rights_error(sandbox, kafka, user).startswith(lacking)


def test_right_to_describe_is_not_sufficient(sandbox: Sandbox, kafka: SecuredKafka) -> None:
    """A user with DESCRIBE alone gets an error that names every missing right; the worker prints it in one line."""
    rights = rights_in(sandbox)
    add_users(sandbox.admin, ["describer"], PASSWORD)
    grant(sandbox.admin, "describer", [replace(right, operation=ACLOperation.DESCRIBE) for right in rights])
    error = rights_error(sandbox, kafka, "describer")
    for right in rights:
        if right.kind is ResourceType.TOPIC:  # A broker reports no rights on a group that never had a member.
            assert f"{right.operation.name} on topic {right.name}" in error
    worker = run_until_exit(sandbox.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", "describer"))
    assert (worker.exit_code, worker.error_lines) == (1, [f"reprise: {error}"])
    assert "Traceback" not in worker.output


def test_revoked_right_stops_the_worker(sandbox: Sandbox, kafka: SecuredKafka, tmp_path: Path) -> None:
    """The worker exits with code 1 and names the error; it does not commit the batch in flight."""
    add_users(sandbox.admin, ["demoted"], PASSWORD)
    grant(sandbox.admin, "demoted", rights_in(sandbox))
    settings = sandbox.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "demoted")
    with running_worker(settings, tmp_path / "log") as worker:
        wait_ready(worker)
        revoke(
            sandbox.admin,
            "demoted",
            Right(kind=ResourceType.TOPIC, name=sandbox.topics.new, operation=ACLOperation.WRITE),
        )
        sandbox.produce(
            [InputMessage(value=article_json(id="1", text="The ferry was taken out of service on Monday morning."))]
        )
        assert worker.process.wait(READY_SECONDS) == 1
    assert "TopicAuthorizationFailedError" in worker.output().splitlines()[-1]
    assert sandbox.committed() == {}


def test_documented_rights_are_sufficient_for_a_redrive(sandbox: Sandbox, kafka: SecuredKafka) -> None:
    """An operator needs other rights than a worker: to write to the articles' topic, in a transaction."""
    add_users(sandbox.admin, ["operator"], PASSWORD)
    grant(sandbox.admin, "operator", kafka_rights(sandbox.topics, "operator"))
    sandbox.producer.send(sandbox.topics.dead, value=b"{}", headers=dead_headers(sandbox.topics.articles)).get(
        BROKER_SECONDS
    )
    settings = sandbox.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "operator")
    done = subprocess.run(
        [*reprise_command(), "dead", "redrive"],
        env=worker_environment(settings),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sum(sandbox.end_offsets(sandbox.topics.articles).values()) > 0


def dead_headers(topic: str) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter for the first message of a topic."""
    message = Message(topic=topic, partition=0, offset=0, key=None, value=b"{}", headers=(), timestamp_ms=0)
    return list(dead_letter_record("any", message, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""), 0.0).headers)
