"""Events of decisions: ids, bodies against the schema, headers of the records."""

import itertools
import string

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from reprise.messages.events import (
    MERGE_SCHEMA_ID,
    SCHEMA_ID,
    event_record,
    merge_event,
    merge_records,
    merge_schema,
    schema,
    story_event,
)
from reprise.messages.ids import event_id, merge_event_id, story_id
from reprise.model import Article, Decision, EventType, Fingerprint, Kind, Message, OutputRecord, StoryMerge, Superseded

HASH = bytes(range(16))
OTHER_HASH = bytes(range(1, 17))
STORY = story_id("news", "founder", HASH)
TOPICS = {EventType.NEW: "stories.new", EventType.VARIANT: "stories.variants"}
VALIDATOR = Draft202012Validator(schema(), format_checker=FormatChecker())
MERGE_VALIDATOR = Draft202012Validator(merge_schema(), format_checker=FormatChecker())

ARTICLE = Article(
    article_id="a-1",
    text="text",
    url="https://example.org/a",
    source="example.org",
    title="Le pont reste ouvert",
    published_at="yesterday",
)
FINGERPRINT = Fingerprint(article_id="a-1", content_hash=HASH, namespace="news")
NEW = Decision(type=EventType.NEW, story_id=STORY, decided_at_ms=1_737_109_230_456)
VARIANT = Decision(
    type=EventType.VARIANT,
    story_id=STORY,
    decided_at_ms=1_737_109_230_000,
    kind=Kind.PARTIAL,
    similarity=0.123456,
    containment=2 / 3,
    matched_article_id="founder",
)
REVISION = Decision(
    type=EventType.VARIANT,
    story_id=STORY,
    decided_at_ms=0,
    kind=Kind.REVISION,
    similarity=1.0,
    containment=1.0,
    matched_article_id="a-1",
    supersedes=Superseded(content_hash=OTHER_HASH, type=EventType.NEW, story_id=STORY),
)
YOUNGER = story_id("news", "younger", HASH)
MERGE = StoryMerge(story_id=YOUNGER, into=STORY, sources=3, representatives=4)
MERGING = Decision(
    type=EventType.VARIANT,
    story_id=STORY,
    decided_at_ms=1_737_109_230_456,
    kind=Kind.PARTIAL,
    similarity=0.3,
    containment=0.4,
    matched_article_id="younger",
    merges=(MERGE,),
)


def message(*headers: tuple[str, bytes]) -> Message:
    return Message(topic="articles.raw", partition=0, offset=0, key=None, value=b"{}", headers=headers)


def record(decision: Decision, *headers: tuple[str, bytes]) -> OutputRecord:
    return event_record(
        ARTICLE,
        FINGERPRINT,
        decision,
        message(*headers),
        topics=TOPICS,
    )


def test_ids_never_change() -> None:
    """Every release derives the same ids, so that a replay after an upgrade repeats events and creates none."""
    assert story_id("news", "a-1", HASH) == "1eb8134bc3c5557b38ad299ab91110f2"
    assert event_id("news", "a-1", HASH, EventType.NEW, "f" * 32) == "5f937e75cde906a2c5c2477f48653ff0"
    assert merge_event_id("news", "a" * 32, "f" * 32) == "63a473e266a6b56bf11e5a06d4c9aeaa"


def test_ids_differ_in_every_part() -> None:
    """A change of any part, or text moved from one part to the next, changes the id."""
    stories = [
        story_id("news", "a-1", HASH),
        story_id("newsa", "-1", HASH),
        story_id("new", "sa-1", HASH),
        story_id("news", "a-1", OTHER_HASH),
        story_id("news", "a-1" + HASH.decode("latin-1"), b""),
        story_id("", "newsa-1", HASH),
    ]
    events = [
        event_id("news", "a-1", HASH, EventType.NEW, STORY),
        event_id("news", "a-1", HASH, EventType.VARIANT, STORY),
        event_id("news", "a-1", HASH, EventType.NEW, stories[1]),
        event_id("news", "a-1", OTHER_HASH, EventType.NEW, STORY),
        event_id("newsa", "-1", HASH, EventType.NEW, STORY),
    ]
    merges = [
        merge_event_id("news", stories[0], stories[1]),
        merge_event_id("news", stories[1], stories[0]),
        merge_event_id("newsa", stories[0], stories[1]),
    ]
    assert all(left != right for left, right in itertools.combinations(stories + events + merges, 2))


def test_body_of_a_new_story() -> None:
    """The whole body, byte by byte, including the order of the fields."""
    name = event_id("news", "a-1", HASH, EventType.NEW, STORY)
    assert (
        record(NEW).value
        == (
            f'{{"event_id":"{name}","type":"story.new","story_id":"{STORY}","article":{{"id":"a-1",'
            '"url":"https://example.org/a","source":"example.org","title":"Le pont reste ouvert",'
            '"published_at":"yesterday"},"decided_at":"2025-01-17T10:20:30.456Z"}'
        ).encode()
    )


def test_body_of_a_variant() -> None:
    """A variant has its match and two shares with four decimals; whole seconds are written with milliseconds."""
    event = story_event(ARTICLE, FINGERPRINT, VARIANT)
    assert list(event)[-4:] == ["kind", "similarity", "containment", "matched_article_id"]
    assert event["kind"] == "partial"
    assert event["similarity"] == 0.1235
    assert event["containment"] == 0.6667
    assert event["matched_article_id"] == "founder"
    assert event["decided_at"] == "2025-01-17T10:20:30.000Z"


def test_revision_names_the_event_it_replaces() -> None:
    """`revises` is the id of the event that the revision replaces."""
    before = story_event(ARTICLE, Fingerprint(article_id="a-1", content_hash=OTHER_HASH, namespace="news"), NEW)
    assert story_event(ARTICLE, FINGERPRINT, REVISION)["revises"] == before["event_id"]


def test_older_crawl_has_no_revises() -> None:
    """A revision that replaces no event has no `revises`, and meets the schema."""
    late = Decision(
        type=EventType.VARIANT,
        story_id=STORY,
        decided_at_ms=0,
        kind=Kind.REVISION,
        similarity=0.5,
        containment=0.5,
        matched_article_id="a-1",
    )
    event = story_event(ARTICLE, FINGERPRINT, late)
    assert "revises" not in event
    VALIDATOR.validate(event)


def test_variant_without_its_match_is_refused() -> None:
    """A variant without its similarity and match raises ValueError."""
    half = Decision(type=EventType.VARIANT, story_id=STORY, decided_at_ms=0, kind=Kind.NEAR, similarity=0.9)
    with pytest.raises(ValueError, match="matched"):
        story_event(ARTICLE, FINGERPRINT, half)


@pytest.mark.parametrize(("decision", "topic"), [(NEW, "stories.new"), (VARIANT, "stories.variants")])
def test_record_is_a_cloud_event_in_binary_mode(decision: Decision, topic: str) -> None:
    """The record has the story id as its key, its type's topic, and headers that agree with the body."""
    sent = record(decision)
    body = orjson.loads(sent.value or b"")
    assert sent.topic == topic
    assert sent.key == STORY.encode()
    assert dict(sent.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": body["event_id"].encode(),
        "ce_source": b"urn:reprise:namespace:news",
        "ce_type": decision.type.value.encode(),
        "ce_subject": STORY.encode(),
        "ce_time": body["decided_at"].encode(),
        "ce_dataschema": SCHEMA_ID.encode(),
        "content-type": b"application/json",
    }
    assert schema()["$id"] == SCHEMA_ID


@pytest.mark.parametrize(
    ("input_headers", "trace_headers"),
    [
        ([], []),
        ([("traceparent", b"00-1")], [("traceparent", b"00-1")]),
        ([("Traceparent", b"00-1"), ("x", b"y")], [("traceparent", b"00-1")]),
        ([("traceparent", b"old"), ("traceparent", b"new")], [("traceparent", b"new")]),
        (
            [("tracestate", b"a=1"), ("traceparent", b"00-1")],
            [("traceparent", b"00-1"), ("tracestate", b"a=1")],
        ),
        ([("tracestate", b"a=1")], []),
        ([("ce_id", b"theirs"), ("content-type", b"text/plain")], []),
    ],
)
def test_trace_context_is_continued(
    input_headers: list[tuple[str, bytes]], trace_headers: list[tuple[str, bytes]]
) -> None:
    """The event carries the trace headers of the input message, and no other header of it."""
    headers = record(NEW, *input_headers).headers
    assert list(headers[8:]) == trace_headers
    assert len({name for name, _ in headers}) == len(headers)


def test_same_decision_produces_the_same_bytes() -> None:
    """A repeated decision on the same message produces an equal record, headers included."""
    assert record(REVISION, ("traceparent", b"00-1")) == record(REVISION, ("traceparent", b"00-1"))


def test_body_of_a_merge() -> None:
    """The whole body, byte by byte, including the order of the fields."""
    ((sent, _),) = merge_records(ARTICLE, "news", MERGING, message(), topic="stories.merged")
    name = merge_event_id("news", YOUNGER, STORY)
    assert (
        sent.value
        == (
            f'{{"event_id":"{name}","type":"story.merged","story_id":"{YOUNGER}","into":"{STORY}","article":{{"id":'
            '"a-1","url":"https://example.org/a","source":"example.org","title":"Le pont reste ouvert",'
            '"published_at":"yesterday"},"support":{"sources":3,"representatives":4},'
            '"decided_at":"2025-01-17T10:20:30.456Z"}'
        ).encode()
    )


def test_merge_is_a_cloud_event_keyed_by_the_younger_story() -> None:
    """Its headers agree with the body, name the schema of merges, and continue the trace of the message."""
    ((sent, _),) = merge_records(ARTICLE, "news", MERGING, message(("traceparent", b"00-1")), topic="stories.merged")
    assert (sent.topic, sent.key) == ("stories.merged", YOUNGER.encode())
    assert dict(sent.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": merge_event_id("news", YOUNGER, STORY).encode(),
        "ce_source": b"urn:reprise:namespace:news",
        "ce_type": b"story.merged",
        "ce_subject": YOUNGER.encode(),
        "ce_time": b"2025-01-17T10:20:30.456Z",
        "ce_dataschema": MERGE_SCHEMA_ID.encode(),
        "content-type": b"application/json",
        "traceparent": b"00-1",
    }
    assert merge_schema()["$id"] == MERGE_SCHEMA_ID


def test_smaller_merge_event_has_the_article_id_alone() -> None:
    """It has the same id and the same stories, and meets the schema."""
    ((sent, smaller),) = merge_records(ARTICLE, "news", MERGING, message(), topic="stories.merged")
    whole, brief = orjson.loads(sent.value or b""), orjson.loads(smaller.value or b"")
    empty = dict.fromkeys(("url", "source", "title", "published_at"))
    assert brief == {**whole, "article": {"id": "a-1", **empty}}
    MERGE_VALIDATOR.validate(brief)


hex_ids = st.text("0123456789abcdef", min_size=32, max_size=32)
hashes = st.binary(min_size=16, max_size=16)
shares = st.floats(0, 1)
optional_text = st.none() | st.text(min_size=1, max_size=50)
milliseconds = st.integers(0, 253_402_300_799_999)
articles = st.builds(
    Article,
    article_id=st.text(string.printable, min_size=1, max_size=50) | st.text(min_size=1, max_size=50),
    text=st.just("text"),
    url=optional_text,
    source=optional_text,
    title=optional_text,
    published_at=optional_text,
)
superseded = st.builds(
    Superseded, content_hash=hashes, type=st.sampled_from([EventType.NEW, EventType.VARIANT]), story_id=hex_ids
)
decisions = st.one_of(
    st.builds(
        Decision,
        type=st.just(EventType.NEW),
        story_id=hex_ids,
        decided_at_ms=milliseconds,
        supersedes=st.none() | superseded,
    ),
    st.builds(
        Decision,
        type=st.just(EventType.VARIANT),
        story_id=hex_ids,
        decided_at_ms=milliseconds,
        kind=st.sampled_from(Kind),
        similarity=shares,
        containment=shares,
        matched_article_id=st.text(min_size=1, max_size=50),
        supersedes=st.none() | superseded,
    ),
)


@settings(deadline=None)
@given(articles, hashes, decisions)
def test_every_event_meets_its_schema(article: Article, content_hash: bytes, decision: Decision) -> None:
    """The body of every decision on every article meets the schema."""
    fingerprint = Fingerprint(article_id=article.article_id, content_hash=content_hash)
    sent = event_record(article, fingerprint, decision, message(), topics=TOPICS)
    VALIDATOR.validate(orjson.loads(sent.value or b""))


@settings(deadline=None)
@given(articles, hex_ids, hex_ids, st.integers(1, 16), st.integers(1, 16), milliseconds)
def test_every_merge_meets_its_schema(
    article: Article, story: str, into: str, sources: int, representatives: int, decided_at_ms: int
) -> None:
    """The body of every merge meets the schema of merges."""
    merge = StoryMerge(story_id=story, into=into, sources=sources, representatives=representatives)
    MERGE_VALIDATOR.validate({**merge_event(article, "news", merge, decided_at_ms)})


def test_schemas_are_valid() -> None:
    """The schemas themselves meet draft 2020-12 of JSON Schema."""
    Draft202012Validator.check_schema(schema())
    Draft202012Validator.check_schema(merge_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"into": None},
        {"into": "f" * 31},
        {"type": "story.variant"},
        {"article": None},
        {"support": None},
        {"support": {"sources": 3}},
        {"support": {"sources": 0, "representatives": 1}},
        {"decided_at": "2025-01-17T10:20:30Z"},
    ],
)
def test_schema_of_merges_is_strict(change: dict[str, object]) -> None:
    """The schema rejects every malformed merge; None in a change removes the field."""
    event: dict[str, object] = {**merge_event(ARTICLE, "news", MERGE, 0)}
    MERGE_VALIDATOR.validate(event)
    changed = {name: value for name, value in {**event, **change}.items() if value is not None}
    with pytest.raises(ValidationError):
        MERGE_VALIDATOR.validate(changed)


@pytest.mark.parametrize(
    ("decision", "change"),
    [
        (NEW, {"extra": 1}),
        (NEW, {"event_id": None}),
        (NEW, {"event_id": "F" * 32}),
        (NEW, {"story_id": "f" * 31}),
        (NEW, {"type": "story.gone"}),
        (NEW, {"type": "story.variant"}),
        (NEW, {"decided_at": "2025-01-17T10:20:30Z"}),
        (NEW, {"decided_at": "2025-13-17T10:20:30.000Z"}),
        (NEW, {"decided_at": 1_737_109_230}),
        (NEW, {"article": {"id": "a-1"}}),
        (NEW, {"article": {**dict.fromkeys(("url", "source", "title", "published_at")), "id": ""}}),
        (NEW, {"kind": "near"}),
        (NEW, {"similarity": 0.5}),
        (NEW, {"containment": 0.5}),
        (NEW, {"matched_article_id": "b"}),
        (NEW, {"revises": "f" * 32}),
        (VARIANT, {"type": "story.new"}),
        (VARIANT, {"kind": None}),
        (VARIANT, {"kind": "similar"}),
        (VARIANT, {"similarity": None}),
        (VARIANT, {"similarity": 1.5}),
        (VARIANT, {"containment": -0.1}),
        (VARIANT, {"containment": None}),
        (VARIANT, {"matched_article_id": None}),
        (VARIANT, {"revises": "f" * 32}),
        (REVISION, {"revises": "not an id"}),
    ],
)
def test_schema_is_strict(decision: Decision, change: dict[str, object]) -> None:
    """The schema rejects every malformed event; None in a change removes the field."""
    event: dict[str, object] = {**story_event(ARTICLE, FINGERPRINT, decision)}
    VALIDATOR.validate(event)
    changed = {name: value for name, value in {**event, **change}.items() if value is not None}
    with pytest.raises(ValidationError):
        VALIDATOR.validate(changed)
