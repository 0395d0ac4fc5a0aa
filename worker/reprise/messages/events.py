"""Build the events of a decision: their JSON bodies and their CloudEvents headers.

Every decision has one event about its article, and one about each story that it merged into an older one.

Every function is pure: the same decision on the same message produces the same bytes, so that a consumer can recognise
a repeated event by its id or by its body.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NotRequired, TypedDict

import orjson

from reprise.messages.ids import event_id, merge_event_id
from reprise.messages.timestamps import format_rfc3339
from reprise.model import Article, Decision, EventType, Fingerprint, Kind, Message, OutputRecord, StoryMerge

#: URIs of the bodies' schemas: the values of `ce_dataschema` and the `$id`s in the schema files. The number changes
#: with every change of a schema that would break a consumer.
SCHEMA_ID: Final = "urn:reprise:schema:story-event:1"
MERGE_SCHEMA_ID: Final = "urn:reprise:schema:merge-event:1"

#: Prefix of `ce_source`, before the namespace. CloudEvents requires that `source` and `id` together are unique.
_CE_SOURCE: Final = "urn:reprise:namespace:"

#: Decimal places of `similarity` and `containment`. A sketch of some hundred hashes estimates no finer.
_ESTIMATE_DIGITS: Final = 4

#: Kafka headers of the W3C trace context.
_TRACE_HEADERS: Final = ("traceparent", "tracestate")


class EventArticle(TypedDict):
    """The article as its message describes it; None for a field that the message does not have."""

    id: str
    url: str | None
    source: str | None
    title: str | None
    published_at: str | None


class StoryEvent(TypedDict):
    """The body of an event, with its fields in this order; schema/story-event.schema.json describes it."""

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


class MergeSupport(TypedDict):
    """The representatives of the younger story that the article copies, and their distinct sources."""

    sources: int
    representatives: int


class MergeEvent(TypedDict):
    """The body of a story.merged event, with its fields in this order; schema/merge-event.schema.json describes it."""

    event_id: str
    type: str
    story_id: str
    into: str
    article: EventArticle
    support: MergeSupport
    decided_at: str


def story_event(article: Article, fingerprint: Fingerprint, decision: Decision) -> StoryEvent:
    """Build the body of the event of a decision.

    Raises ValueError for a variant without the match that it was decided by.
    """
    namespace = fingerprint.namespace
    event: StoryEvent = {
        "event_id": event_id(namespace, article.article_id, fingerprint.content_hash, decision.type, decision.story_id),
        "type": decision.type.value,
        "story_id": decision.story_id,
        "article": _event_article(article),
        "decided_at": format_rfc3339(decision.decided_at_ms),
    }
    if decision.type is EventType.VARIANT:
        _add_match(event, decision)
        _add_revises(event, article, decision, namespace)
    return event


def event_record(
    article: Article,
    fingerprint: Fingerprint,
    decision: Decision,
    message: Message,
    *,
    topics: Mapping[EventType, str],
) -> OutputRecord:
    """Build the event of a decision as a Kafka record: a CloudEvent in binary mode, keyed by the story id.

    message  the input message, whose trace context the event continues
    topics   the topic of each type of event
    """
    event = story_event(article, fingerprint, decision)
    return OutputRecord(
        topic=topics[decision.type],
        key=decision.story_id.encode(),
        value=orjson.dumps(event),
        headers=(*_cloud_event_headers(event, SCHEMA_ID, fingerprint.namespace), *_trace_headers(message)),
    )


def merge_event(article: Article, namespace: str, merge: StoryMerge, decided_at_ms: int) -> MergeEvent:
    """Build the body of the event of a merge. `article` showed that the two stories are one."""
    return {
        "event_id": merge_event_id(namespace, merge.story_id, merge.into),
        "type": EventType.MERGED.value,
        "story_id": merge.story_id,
        "into": merge.into,
        "article": _event_article(article),
        "support": {"sources": merge.sources, "representatives": merge.representatives},
        "decided_at": format_rfc3339(decided_at_ms),
    }


def merge_records(
    article: Article, namespace: str, decision: Decision, message: Message, *, topic: str
) -> Sequence[tuple[OutputRecord, OutputRecord]]:
    """Build the event of each merge of a decision as a Kafka record, keyed by the id of the younger story.

    Returns each event with a smaller one, whose article has its id alone, for a topic that refuses the first as too
    large.
    """
    brief = Article(article_id=article.article_id, text="")

    def record(about: Article, merge: StoryMerge) -> OutputRecord:
        event = merge_event(about, namespace, merge, decision.decided_at_ms)
        return OutputRecord(
            topic=topic,
            key=merge.story_id.encode(),
            value=orjson.dumps(event),
            headers=(*_cloud_event_headers(event, MERGE_SCHEMA_ID, namespace), *_trace_headers(message)),
        )

    return [(record(article, merge), record(brief, merge)) for merge in decision.merges]


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the bodies of story.new and story.variant."""
    return _read_schema("story-event")


@cache
def merge_schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the body of story.merged."""
    return _read_schema("merge-event")


def _read_schema(name: str) -> Mapping[str, Any]:
    text = files("reprise.messages.schema").joinpath(f"{name}.schema.json").read_bytes()
    parsed: dict[str, Any] = orjson.loads(text)
    return parsed


def _event_article(article: Article) -> EventArticle:
    return {
        "id": article.article_id,
        "url": article.url,
        "source": article.source,
        "title": article.title,
        "published_at": article.published_at,
    }


def _add_match(event: StoryEvent, decision: Decision) -> None:
    kind, matched = decision.kind, decision.matched_article_id
    similarity, containment = decision.similarity, decision.containment
    if kind is None or matched is None or similarity is None or containment is None:
        raise ValueError("the decision of a variant lacks its kind, matched article, similarity or containment")
    event["kind"] = kind.value
    event["similarity"] = round(similarity, _ESTIMATE_DIGITS)
    event["containment"] = round(containment, _ESTIMATE_DIGITS)
    event["matched_article_id"] = matched


def _add_revises(event: StoryEvent, article: Article, decision: Decision, namespace: str) -> None:
    # A crawl that is older than the recorded one is a revision, but replaces no event.
    before = decision.supersedes
    if decision.kind is Kind.REVISION and before is not None:
        event["revises"] = event_id(namespace, article.article_id, before.content_hash, before.type, before.story_id)


def _cloud_event_headers(
    event: StoryEvent | MergeEvent, schema_id: str, namespace: str
) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event["event_id"].encode()),
        ("ce_source", f"{_CE_SOURCE}{namespace}".encode()),
        ("ce_type", event["type"].encode()),
        ("ce_subject", event["story_id"].encode()),
        ("ce_time", event["decided_at"].encode()),
        ("ce_dataschema", schema_id.encode()),
        ("content-type", b"application/json"),
    )


def _trace_headers(message: Message) -> tuple[tuple[str, bytes], ...]:
    """Return the trace context of a message; `tracestate` without `traceparent` is dropped (W3C Trace Context)."""
    # Kafka allows repeated headers. The last one comes from the producer or proxy closest to this topic.
    last = {name.lower(): value for name, value in message.headers}
    if "traceparent" not in last:
        return ()
    return tuple((name, last[name]) for name in _TRACE_HEADERS if name in last)
