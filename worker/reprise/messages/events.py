"""A decision -> the event that tells it, and the names (ids) of stories and events.

May live here: what an event says, in its body and in its headers. Everything is a function of its arguments: the same
decision on the same message gives the same bytes, so that a consumer can tell a repetition by its id or by its body.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final, NotRequired, TypedDict

import orjson

from reprise.messages.timestamps import rfc3339
from reprise.model import Article, Decision, EventType, Fingerprint, Kind, Message, OutputRecord

#: The name of the body's schema, in `ce_dataschema` and as `$id` of the file. The number changes when a consumer of the
#: old schema could no longer read the new events.
SCHEMA_ID: Final = "urn:reprise:schema:story-event:1"

#: CloudEvents' `source`, up to the namespace: a URI that names who decided; with the event's id it is unique.
_CE_SOURCE: Final = "urn:reprise:namespace:"

#: Bytes of an id, written as twice as many hexadecimal digits: 128 bits, never the same for two by chance.
_ID_BYTES: Final = 16

#: Digits behind the point: estimates from a sketch of some hundred hashes know no more.
_ESTIMATE_DIGITS: Final = 4

#: W3C trace context, as producers write it into Kafka headers.
_TRACE_HEADERS: Final = ("traceparent", "tracestate")


class EventArticle(TypedDict):
    """The article as the message in hand describes it; None where it does not say."""

    id: str
    url: str | None
    source: str | None
    title: str | None
    published_at: str | None


class StoryEvent(TypedDict):
    """The body of an event, in this order of fields; reprise/schema/story-event.schema.json describes it."""

    event_id: str
    type: str
    story_id: str
    article: EventArticle
    decided_at: str
    kind: NotRequired[str]
    similarity: NotRequired[float]
    containment: NotRequired[float]
    matched_article_id: NotRequired[str]
    revises: NotRequired[str]


def story_id(namespace: str, article_id: str, content_hash: bytes) -> str:
    """Name the story that this article founds: 32 hexadecimal digits, the same at every replay."""
    return _digest(b"reprise.story", namespace.encode(), article_id.encode(), content_hash)


def event_id(namespace: str, article_id: str, content_hash: bytes, event_type: EventType, story: str) -> str:
    """Name the event that this article with this content is of this type in this story: 32 hexadecimal digits."""
    parts = (namespace.encode(), article_id.encode(), content_hash, event_type.value.encode(), story.encode())
    return _digest(b"reprise.event", *parts)


def story_event(article: Article, fingerprint: Fingerprint, decision: Decision) -> StoryEvent:
    """Build the body of the event for one decision."""
    namespace = fingerprint.namespace
    event: StoryEvent = {
        "event_id": event_id(namespace, article.article_id, fingerprint.content_hash, decision.type, decision.story_id),
        "type": decision.type.value,
        "story_id": decision.story_id,
        "article": {
            "id": article.article_id,
            "url": article.url,
            "source": article.source,
            "title": article.title,
            "published_at": article.published_at,
        },
        "decided_at": rfc3339(decision.decided_at_ms),
    }
    if decision.type is EventType.VARIANT:
        _add_match(event, decision)
        _add_revised(event, article, decision, namespace)
    return event


def event_record(
    article: Article,
    fingerprint: Fingerprint,
    decision: Decision,
    message: Message,
    *,
    topics: Mapping[EventType, str],
) -> OutputRecord:
    """Build the record that tells one decision: a CloudEvent in Kafka's binary mode, keyed by its story.

    topics  the topic of each type of event
    """
    event = story_event(article, fingerprint, decision)
    return OutputRecord(
        topic=topics[decision.type],
        key=decision.story_id.encode(),
        value=orjson.dumps(event),
        headers=(*_cloud_event(event, fingerprint.namespace), *_trace(message)),
    )


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every event's body meets."""
    text = files("reprise.messages.schema").joinpath("story-event.schema.json").read_bytes()
    parsed: dict[str, Any] = orjson.loads(text)
    return parsed


def _digest(domain: bytes, *parts: bytes) -> str:
    # Each part with its length before it: ("ab", "c") and ("a", "bc") must not meet.
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return blake2b(framed, digest_size=_ID_BYTES, person=domain).hexdigest()


def _add_match(event: StoryEvent, decision: Decision) -> None:
    kind, matched = decision.kind, decision.matched_article_id
    similarity, containment = decision.similarity, decision.containment
    if kind is None or matched is None or similarity is None or containment is None:
        raise ValueError("a variant's decision says what it matched, and how")
    event["kind"] = kind.value
    event["similarity"] = round(similarity, _ESTIMATE_DIGITS)
    event["containment"] = round(containment, _ESTIMATE_DIGITS)
    event["matched_article_id"] = matched


def _add_revised(event: StoryEvent, article: Article, decision: Decision, namespace: str) -> None:
    # A late crawl, older than the recorded one, is a revision that replaces nothing.
    before = decision.supersedes
    if decision.kind is Kind.REVISION and before is not None:
        event["revises"] = event_id(namespace, article.article_id, before.content_hash, before.type, before.story_id)


def _cloud_event(event: StoryEvent, namespace: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event["event_id"].encode()),
        ("ce_source", f"{_CE_SOURCE}{namespace}".encode()),
        ("ce_type", event["type"].encode()),
        ("ce_subject", event["story_id"].encode()),
        ("ce_time", event["decided_at"].encode()),
        ("ce_dataschema", SCHEMA_ID.encode()),
        ("content-type", b"application/json"),
    )


def _trace(message: Message) -> tuple[tuple[str, bytes], ...]:
    """Return the trace context of a message; a state without a parent means nothing and stays behind."""
    # Kafka allows a header twice; the last one was added by who was nearest.
    last = {name.lower(): value for name, value in message.headers}
    if "traceparent" not in last:
        return ()
    return tuple((name, last[name]) for name in _TRACE_HEADERS if name in last)
