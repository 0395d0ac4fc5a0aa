"""The AsyncAPI document describes the records that the worker writes."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.docs_pages import PAGES
from reprise.messages.dead_letters import dead_letter_record
from reprise.messages.events import event_record
from reprise.model import (
    Article,
    DeadLetterReason,
    Decision,
    EventType,
    Fingerprint,
    Kind,
    Message,
    OutputRecord,
    Rejection,
)
from reprise.settings import load

TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
MESSAGE = Message(topic="articles.raw", partition=0, offset=1, key=None, value=b"{}", headers=(TRACE,))


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load(PAGES["asyncapi.yaml"]())


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        for each in value.values():
            yield from references(each)


def resolve(document: Any, reference: str) -> Any:
    found = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_reference_resolves(document: Any) -> None:
    """No definition of the schemas was lost."""
    found = list(references(document))
    assert len(found) > 10
    assert all(resolve(document, reference) for reference in found)


def test_every_topic_is_a_channel(document: Any) -> None:
    """The worker receives from the first and sends to the others."""
    topics = load({}).topics
    assert {channel["address"] for channel in document["channels"].values()} == set(topics.model_dump().values())
    actions = {name: operation["action"] for name, operation in document["operations"].items()}
    assert [name for name, action in actions.items() if action == "receive"] == ["articles"]
    assert document["channels"]["articles"]["address"] == topics.articles


def event(kind: EventType) -> OutputRecord:
    decision = Decision(type=kind, story_id="75bf75d72d3b9385b0c3503e0574713b", decided_at_ms=1_741_680_000_000)
    if kind is EventType.VARIANT:
        decision = Decision(
            type=kind, story_id=decision.story_id, decided_at_ms=decision.decided_at_ms, kind=Kind.NEAR,
            similarity=0.5, containment=0.75, matched_article_id="a0",
        )  # fmt: skip
    fingerprint = Fingerprint(article_id="a1", content_hash=bytes(16))
    return event_record(Article(article_id="a1", text="x"), fingerprint, decision, MESSAGE, topics={kind: "out"})


@pytest.mark.parametrize("kind", [EventType.NEW, EventType.VARIANT])
def test_an_event_matches_its_message(document: Any, kind: EventType) -> None:
    """Its body and its headers; a body without its story does not."""
    message = document["components"]["messages"]["storyEvent"]
    record = event(kind)
    payload = Draft7Validator(resolve(document, message["payload"]["$ref"]))
    body = orjson.loads(record.value or b"")
    assert [error.message for error in payload.iter_errors(body)] == []
    assert not payload.is_valid({name: value for name, value in body.items() if name != "story_id"})
    headers = {name: value.decode() for name, value in record.headers}
    assert headers.keys() <= message["headers"]["properties"].keys()
    assert [error.message for error in Draft7Validator(message["headers"]).iter_errors(headers)] == []


def test_a_dead_letter_matches_its_message(document: Any) -> None:
    """Its own headers; those of the rejected message stay."""
    rejection = Rejection(reason=DeadLetterReason.NO_TEXT, detail="neither text nor html")
    record = dead_letter_record("articles.dead", MESSAGE, rejection, 1.0)
    headers = {name: value.decode() for name, value in record.headers}
    described = document["components"]["messages"]["deadLetter"]["headers"]
    assert [error.message for error in Draft7Validator(described).iter_errors(headers)] == []
    assert headers.keys() - {"traceparent"} <= described["properties"].keys()
