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
from tests.e2e.support_e2e import BROKER_SECONDS, READY_SECONDS, Place, Raw, article, wait_delivered, wait_ready
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import Right, SecuredKafka, add_users, grant, revoke
from tests.security.support_security import kafka_rights, run_until_exit
from tests.support import reprise_command, running_worker, worker_environment

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("mode", ["at_least_once", "transactional"])
def test_documented_rights_are_sufficient(place: Place, kafka: SecuredKafka, tmp_path: Path, mode: str) -> None:
    """With these ACLs a worker publishes a story, its variant and a dead letter."""
    add_users(place.admin, [mode], PASSWORD)
    grant(place.admin, mode, rights_in(place, mode))
    text = "The ferry between the islands was taken out of service on Monday after its bow door was found damaged."
    place.send(
        [
            Raw(value=article(id="1", source="a.example", text=text)),
            Raw(value=article(id="2", source="b.example", text=text)),
            Raw(value=b"no article"),
        ]
    )
    settings = place.settings(DELIVERY=mode) | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", mode)
    with running_worker(settings, tmp_path / "log") as worker:
        wait_delivered(place, worker)
    assert [event.body["type"] for event in place.events()] == ["story.new", "story.variant"]
    assert len(place.dead_letters()) == 1


def rights_in(place: Place, mode: str = "at_least_once") -> list[Right]:
    """Return the rights that the document lists for a delivery mode."""
    rights = kafka_rights(place.topics)
    if mode == "transactional":
        return rights
    return [right for right in rights if right.kind is not ResourceType.TRANSACTIONAL_ID]


def test_transactions_need_a_right_of_their_own(place: Place, kafka: SecuredKafka) -> None:
    """Without the right to its transactional id the worker exits at the start and names the error."""
    add_users(place.admin, ["no-transactions"], PASSWORD)
    grant(place.admin, "no-transactions", rights_in(place))
    login = kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "no-transactions")
    worker = run_until_exit(place.settings(DELIVERY="transactional") | login)
    assert (worker.exit_code, len(worker.error_lines)) == (1, 1)
    assert "TransactionalIdAuthorizationFailedError" in worker.error_lines[0]


def rights_error(place: Place, kafka: SecuredKafka, user: str) -> str:
    """Check a user's rights like a worker at its start, and return the error."""
    environment = place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", user)
    topics = place.topics
    check = partial(
        check_acls, load(environment).kafka, reads=[topics.articles], writes=[topics.new, topics.variants, topics.dead]
    )
    with pytest.raises(Fatal) as caught:  # A new broker returns retriable errors until its first group exists.
        retry_until_ready(check, "the rights", timeout_seconds=BROKER_SECONDS, stop=StopRequest())
    return str(caught.value)


def test_every_missing_right_is_named(place: Place, kafka: SecuredKafka) -> None:
    """For each right, a user without it gets an error that names it and no other."""
    rights = rights_in(place)
    assert len(rights) == 5
    without = {f"without-{number}": right for number, right in enumerate(rights)}
    add_users(place.admin, list(without), PASSWORD)
    for user, missing in without.items():
        grant(place.admin, user, [right for right in rights if right != missing])
    for user, right in without.items():
        lacking = f"Kafka: this worker lacks {right.operation.name} on {right.kind.name.lower()} {right.name};"
        assert rights_error(place, kafka, user).startswith(lacking)


def test_right_to_describe_is_not_sufficient(place: Place, kafka: SecuredKafka) -> None:
    """A user with DESCRIBE alone gets an error that names every missing right; the worker prints it in one line."""
    rights = rights_in(place)
    add_users(place.admin, ["describer"], PASSWORD)
    grant(place.admin, "describer", [replace(right, operation=ACLOperation.DESCRIBE) for right in rights])
    error = rights_error(place, kafka, "describer")
    for right in rights:
        if right.kind is ResourceType.TOPIC:  # A broker reports no rights on a group that never had a member.
            assert f"{right.operation.name} on topic {right.name}" in error
    worker = run_until_exit(place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", "describer"))
    assert (worker.exit_code, worker.error_lines) == (1, [f"reprise: {error}"])
    assert "Traceback" not in worker.output


def test_revoked_right_stops_the_worker(place: Place, kafka: SecuredKafka, tmp_path: Path) -> None:
    """The worker exits with code 1 and names the error; it does not commit the batch in flight."""
    add_users(place.admin, ["demoted"], PASSWORD)
    grant(place.admin, "demoted", rights_in(place))
    settings = place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "demoted")
    with running_worker(settings, tmp_path / "log") as worker:
        wait_ready(worker)
        revoke(
            place.admin,
            "demoted",
            Right(kind=ResourceType.TOPIC, name=place.topics.new, operation=ACLOperation.WRITE),
        )
        place.send([Raw(value=article(id="1", text="The ferry was taken out of service on Monday morning."))])
        assert worker.process.wait(READY_SECONDS) == 1
    assert "TopicAuthorizationFailedError" in worker.output().splitlines()[-1]
    assert place.committed() == {}


def test_documented_rights_are_sufficient_for_a_redrive(place: Place, kafka: SecuredKafka) -> None:
    """An operator needs other rights than a worker: to write to the articles' topic, in a transaction."""
    add_users(place.admin, ["operator"], PASSWORD)
    grant(place.admin, "operator", kafka_rights(place.topics, "operator"))
    place.producer.send(place.topics.dead, value=b"{}", headers=dead_headers(place.topics.articles)).get(BROKER_SECONDS)
    settings = place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "operator")
    done = subprocess.run(
        [*reprise_command(), "dead", "redrive"],
        env=worker_environment(settings),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sum(place.ends(place.topics.articles).values()) > 0


def dead_headers(topic: str) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter for the first message of a topic."""
    message = Message(topic=topic, partition=0, offset=0, key=None, value=b"{}", headers=(), timestamp_ms=0)
    return list(dead_letter_record("any", message, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""), 0.0).headers)
