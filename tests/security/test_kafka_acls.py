"""The ACLs of docs/operating/security.md are enough, and none of them is one too many."""

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from kafka.admin import ACLOperation, ResourceType

from reprise.bootstrap import retry_until_ready
from reprise.errors import Fatal
from reprise.kafka.acls import check_acls
from reprise.messages.dead_letters import dead_letter_record
from reprise.model import DeadLetterReason, Message, Rejection
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from tests.e2e.support_e2e import BROKER_SECONDS, READY_SECONDS, Place, Raw, article, wait_delivered, wait_ready
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import Right, SecuredKafka, add_users, grant, revoke
from tests.security.support_security import kafka_rights, turned_away
from tests.support import reprise_command, running_worker, worker_environment

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("mode", ["at_least_once", "transactional"])
def test_the_rights_of_the_document_are_enough(place: Place, kafka: SecuredKafka, tmp_path: Path, mode: str) -> None:
    """A story, its variant and a dead letter: with these ACLs a worker writes to all three of its topics."""
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
    """Return the rights that a mode of delivery needs."""
    rights = kafka_rights(place.topics)
    if mode == "transactional":
        return rights
    return [right for right in rights if right.kind is not ResourceType.TRANSACTIONAL_ID]


def test_a_transaction_needs_its_own_right(place: Place, kafka: SecuredKafka) -> None:
    """With the rights of the other mode alone the worker ends at the start, and says which is missing."""
    add_users(place.admin, ["no-transactions"], PASSWORD)
    grant(place.admin, "no-transactions", rights_in(place))
    login = kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "no-transactions")
    found = turned_away(place.settings(DELIVERY="transactional") | login)
    assert (found.code, len(found.told)) == (1, 1)
    assert "TransactionalIdAuthorizationFailedError" in found.told[0]


def asked(place: Place, kafka: SecuredKafka, user: str) -> str:
    """Ask as the start does whether a user has every right, and return what is told."""
    environment = place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", user)
    topics = place.topics
    check = partial(
        check_acls, load(environment).kafka, reads=[topics.articles], writes=[topics.new, topics.variants, topics.dead]
    )
    with pytest.raises(Fatal) as caught:  # a broker that never had a group asks for patience first
        retry_until_ready(check, "the rights", limit_seconds=BROKER_SECONDS, stop=StopRequest())
    return str(caught.value)


def test_none_of_them_can_be_left_out(place: Place, kafka: SecuredKafka) -> None:
    """Each right taken away alone is named, and no other."""
    rights = rights_in(place)
    assert len(rights) == 5
    without = {f"without-{number}": right for number, right in enumerate(rights)}
    add_users(place.admin, list(without), PASSWORD)
    for user, missing in without.items():
        grant(place.admin, user, [right for right in rights if right != missing])
    for user, right in without.items():
        lacking = f"Kafka: this worker lacks {right.operation.name} on {right.kind.name.lower()} {right.name};"
        assert asked(place, kafka, user).startswith(lacking)


def test_to_see_a_topic_is_not_enough(place: Place, kafka: SecuredKafka) -> None:
    """Who may describe everything and use nothing is told of all that lacks; the whole worker says it in a line."""
    rights = rights_in(place)
    add_users(place.admin, ["onlooker"], PASSWORD)
    grant(place.admin, "onlooker", [replace(right, operation=ACLOperation.DESCRIBE) for right in rights])
    told = asked(place, kafka, "onlooker")
    for right in rights:
        if right.kind is ResourceType.TOPIC:  # of a group that never had a member a broker tells no rights
            assert f"{right.operation.name} on topic {right.name}" in told
    found = turned_away(place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", "onlooker"))
    assert (found.code, found.told) == (1, [f"reprise: {told}"])
    assert "Traceback" not in found.wrote


def test_a_right_that_is_taken_away_stops_the_worker(place: Place, kafka: SecuredKafka, tmp_path: Path) -> None:
    """Exit code 1 and the topic's name; what it had in hand is not committed."""
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


def test_the_rights_of_the_document_are_enough_to_send_letters_back(place: Place, kafka: SecuredKafka) -> None:
    """Whoever redrives needs other rights than a worker: to write where the articles come from, in a transaction."""
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
    """Return the headers of a dead letter that came from the beginning of a topic."""
    message = Message(topic=topic, partition=0, offset=0, key=None, value=b"{}", headers=(), timestamp_ms=0)
    return list(dead_letter_record("any", message, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""), 0.0).headers)
