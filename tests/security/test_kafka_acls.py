"""The ACLs of docs/security.md are enough, and none of them is one too many."""

from pathlib import Path

import pytest
from kafka.admin import ACLOperation

from tests.e2e.support_e2e import Place, Raw, article, wait_delivered
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import SecuredKafka, add_users, grant
from tests.security.support_security import all_turned_away, kafka_rights
from tests.support import running_worker

pytestmark = pytest.mark.stack


def test_the_rights_of_the_document_are_enough(place: Place, kafka: SecuredKafka, tmp_path: Path) -> None:
    """A story, its variant and a dead letter: with these ACLs a worker writes to all three of its topics."""
    add_users(place.admin, ["exact"], PASSWORD)
    grant(place.admin, "exact", kafka_rights(place.topics))
    text = "The ferry between the islands was taken out of service on Monday after its bow door was found damaged."
    place.send(
        [
            Raw(value=article(id="1", source="a.example", text=text)),
            Raw(value=article(id="2", source="b.example", text=text)),
            Raw(value=b"no article"),
        ]
    )
    settings = place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "exact")
    with running_worker(settings, tmp_path / "log") as worker:
        wait_delivered(place, worker)
    assert [event.body["type"] for event in place.events()] == ["story.new", "story.variant"]
    assert len(place.dead_letters()) == 1


def test_none_of_them_can_be_left_out(place: Place, kafka: SecuredKafka) -> None:
    """Each right taken away alone ends the worker at the start, with a line that names this right and no other."""
    rights = kafka_rights(place.topics)
    without = {f"without-{number}": right for number, right in enumerate(rights)}
    add_users(place.admin, list(without), PASSWORD)
    for user, missing in without.items():
        grant(place.admin, user, [right for right in rights if right != missing])
    settings = place.settings() | kafka.settings("SECURE")
    found = all_turned_away({user: settings | kafka.login("SCRAM-SHA-256", user) for user in without})
    for user, (kind, name, operation) in without.items():
        lacking = f"reprise: Kafka: this worker lacks {operation.name} on {kind.name.lower()} {name};"
        assert found[user].code == 1
        assert [line[: len(lacking)] for line in found[user].told] == [lacking]
        assert "Traceback" not in found[user].wrote


def test_to_see_a_topic_is_not_enough(place: Place, kafka: SecuredKafka) -> None:
    """A user who may describe everything and use nothing is told of all that lacks, at once."""
    rights = kafka_rights(place.topics)
    add_users(place.admin, ["onlooker"], PASSWORD)
    grant(place.admin, "onlooker", [(kind, name, ACLOperation.DESCRIBE) for kind, name, _ in rights])
    settings = place.settings() | kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", "onlooker")
    found = all_turned_away({"onlooker": settings})["onlooker"]
    assert (found.code, len(found.told)) == (1, 1)
    for _, name, operation in rights:
        if name != place.topics.group_id:
            assert f"{operation.name} on topic {name}" in found.told[0]
