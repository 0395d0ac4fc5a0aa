"""decode_article: every reason to reject a message, and every default of a missing field."""

import contextlib
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.errors import BadMessage
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.messages.timestamps import parse_time
from reprise.model import Article, DeadLetterReason, InputField, Message
from tests.decoder_limits import decoder_limits

TEXT = "The council voted late on Tuesday\nto keep the old bridge open for another winter."
SECRET = "confidential-words"


def message(value: bytes) -> Message:
    return Message(topic="articles.raw", partition=0, offset=0, key=None, value=value)


def decode(limits: DecoderLimits | None = None, /, **fields: object) -> Article:
    return decode_article(message(orjson.dumps(fields)), limits or decoder_limits())


def test_known_fields_are_copied() -> None:
    """Every known field of a message reaches the article; unknown fields are ignored."""
    article = decode(
        id="a-1",
        text=TEXT,
        url="HTTP://Example.org/a?utm_source=x",
        source=" example.org ",
        title="Bridge stays open",
        lang="en",
        published_at="yesterday",
        crawled_at="2025-01-17T10:20:30.456Z",
        tags=["x", {"y": 1}],
    )
    assert article == Article(
        article_id="a-1",
        text=TEXT,
        url="HTTP://Example.org/a?utm_source=x",
        source="example.org",
        title="Bridge stays open",
        lang="en",
        published_at="yesterday",
        crawled_at_ms=1_737_109_230_456,
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\xfe{}", DeadLetterReason.NOT_UTF8),
        (b'{"text": "caf\xe9"}', DeadLetterReason.NOT_UTF8),
        (b'{"text": "\xed\xa0\x80"}', DeadLetterReason.NOT_UTF8),
        (b"", DeadLetterReason.NOT_JSON),
        (b"<html>", DeadLetterReason.NOT_JSON),
        (b'{"text": "a"', DeadLetterReason.NOT_JSON),
        (b'{"text": "a"} {}', DeadLetterReason.NOT_JSON),
        (b'{"text": "\\ud800"}', DeadLetterReason.NOT_JSON),
        (b'{"text": "a", "x": NaN}', DeadLetterReason.NOT_JSON),
        (b'{"text": "a", "x": 1e999}', DeadLetterReason.NOT_JSON),
        (b'{"text": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", DeadLetterReason.NOT_JSON),
        (b'{"x": ' * 100_000, DeadLetterReason.NOT_JSON),
        (b"[]", DeadLetterReason.NOT_AN_OBJECT),
        (b'"text"', DeadLetterReason.NOT_AN_OBJECT),
        (b"null", DeadLetterReason.NOT_AN_OBJECT),
        (b"17", DeadLetterReason.NOT_AN_OBJECT),
        (b"{}", DeadLetterReason.NO_TEXT),
        (b'{"id": "a", "title": "b"}', DeadLetterReason.NO_TEXT),
        (b'{"text": null, "html": null}', DeadLetterReason.NO_TEXT),
        (b'{"text": " \\n\\t"}', DeadLetterReason.NO_TEXT),
        (b'{"html": "<html><script>x</script></html>"}', DeadLetterReason.NO_TEXT),
        (b'{"html": "<html></html>", "text": ""}', DeadLetterReason.NO_TEXT),
        (b'{"text": 17}', DeadLetterReason.WRONG_TYPE),
        (b'{"text": {"blocks": ["a"]}, "html": ""}', DeadLetterReason.WRONG_TYPE),
        (b'{"html": [{"p": "a"}]}', DeadLetterReason.WRONG_TYPE),
    ],
)
def test_malformed_messages_are_rejected(value: bytes, reason: DeadLetterReason) -> None:
    """Each kind of malformed message has its own reason."""
    with pytest.raises(BadMessage) as caught:
        decode_article(message(value), decoder_limits())
    assert caught.value.reason is reason


@pytest.mark.parametrize("blank", [None, "", " \t"])
def test_null_and_blank_are_absent(blank: str | None) -> None:
    """An optional field that is null or blank counts as missing."""
    optional = ("id", "html", "url", "source", "title", "lang", "published_at", "crawled_at")
    assert decode(text=TEXT, **dict.fromkeys(optional, blank)) == decode(text=TEXT)


def test_byte_order_mark_is_skipped() -> None:
    """Some tools write a byte order mark before the JSON object."""
    assert decode_article(message(b'\xef\xbb\xbf{"text": "a", "id": "1"}'), decoder_limits()).article_id == "1"


@pytest.mark.parametrize(
    ("limits", "fields", "reason"),
    [
        (decoder_limits(message_bytes=100), {"text": "a" * (100 - len('{"text":""}'))}, None),
        (
            decoder_limits(message_bytes=100),
            {"text": "a" * (101 - len('{"text":""}'))},
            DeadLetterReason.MESSAGE_TOO_LARGE,
        ),
        (decoder_limits(text_characters=10), {"text": "é" * 10}, None),
        (decoder_limits(text_characters=10), {"text": "é" * 11}, DeadLetterReason.TEXT_TOO_LONG),
        (decoder_limits(text_characters=10), {"html": "<p><b><i>" + "é" * 10}, None),
        (decoder_limits(text_characters=10), {"html": "<p>" + "é" * 11}, DeadLetterReason.TEXT_TOO_LONG),
        (decoder_limits(text_characters=10), {"html": "<p>short", "text": "a" * 11}, None),
        (decoder_limits(), {"text": "a", "id": "é" * 128}, None),
        (decoder_limits(), {"text": "a", "id": "é" * 128 + "x"}, DeadLetterReason.ID_TOO_LONG),
    ],
)
def test_limits_are_inclusive(limits: DecoderLimits, fields: dict[str, str], reason: DeadLetterReason | None) -> None:
    """A message at a limit is decoded; one unit beyond, it is rejected."""
    if reason is None:
        assert decode(limits, **fields).text
        return
    with pytest.raises(BadMessage) as caught:
        decode(limits, **fields)
    assert caught.value.reason is reason


@pytest.mark.parametrize("field", ["url", "source", "title", "published_at"])
def test_long_fields_are_left_out(field: str) -> None:
    """An event repeats these fields; without a long one, the article is still decided."""
    limits = decoder_limits(field_characters=9)
    assert not decode(limits, text=TEXT, **{field: "éàè.ùâêîô"}).ignored
    article = decode(limits, text=TEXT, **{field: "éàè.ùâêîôû"})
    assert getattr(article, field) is None
    assert article.ignored == (field,)


def test_html_has_priority_over_text() -> None:
    """Of a message with both fields, the text is extracted from html and marked as extracted."""
    article = decode(html=f"<main><p>{'A sentence of the page itself. ' * 5}</p></main>", text=TEXT)
    assert article.extracted
    assert article.text.startswith("A sentence of the page itself.")
    assert "bridge" not in article.text


@pytest.mark.parametrize("page", ["", "  ", "<html><script>x</script></html>"])
def test_text_is_used_if_html_has_no_text(page: str) -> None:
    """An empty page does not reject a message that has a text field."""
    article = decode(html=page, text=TEXT)
    assert article.text == TEXT
    assert not article.extracted


def test_id_falls_back_to_url_and_then_to_text() -> None:
    """Without an id, all spellings of a URL share an article id; without a URL, equal texts do."""
    by_url = decode(text=TEXT, url="https://example.org/a").article_id
    assert by_url == decode(text="Another text.", url="http://EXAMPLE.org/a?utm_source=x#top").article_id
    assert by_url != decode(text=TEXT, url="https://example.org/b").article_id
    by_text = decode(text=TEXT).article_id
    assert by_text == decode(text=TEXT, url="n/a", title="Bridge").article_id
    assert by_text != decode(text=TEXT + ".").article_id
    assert by_text != by_url
    assert decode(text="https://example.org/a").article_id != by_url


def test_derived_ids_never_change() -> None:
    """Every release derives the same id, so that an upgrade does not announce known articles as new."""
    assert decode(text=TEXT, url="https://example.org/a").article_id == "c5ce1c41c9311513ea58db16898b6487"
    assert decode(text=TEXT).article_id == "cb66e628e6c6178456d0197d84b11537"


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"source": "Example News", "url": "https://example.org/"}, "Example News"),
        ({"url": "https://www.example.co.uk/a"}, "example.co.uk"),
        ({"source": " ", "url": "https://www.example.co.uk/a"}, "example.co.uk"),
        ({"source": ""}, None),
        ({"url": "n/a"}, None),
        ({}, None),
    ],
)
def test_source_falls_back_to_the_site_of_the_url(fields: dict[str, str], source: str | None) -> None:
    """The source is the message's field, else the registered domain of the URL, else unknown."""
    assert decode(text=TEXT, **fields).source == source


@pytest.mark.parametrize(
    ("crawled_at", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-01-17T10:20:30Z", 1_737_109_230_000),
        ("2025-01-17t10:20:30z", 1_737_109_230_000),
        ("2025-01-17T12:20:30+02:00", 1_737_109_230_000),
        ("2025-01-17 10:20:30.4567891+00:00", 1_737_109_230_456),
        ("2025-01-17T10:20:30", 1_737_109_230_000),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199_000),
        ("0001-01-01T00:00:00+14:00", None),
        ("1969-12-31T23:59:59Z", None),
        ("2025-13-01T00:00:00Z", None),
        ("1737109230", 1_737_109_230_000),
        ("1737109230456", 1_737_109_230_456),
        ("Fri, 17 Jan 2025 12:20:30 +0200", 1_737_109_230_000),
        ("Fri, 17 Jan 2025 10:20:30 GMT", 1_737_109_230_000),
        ("2025-01-17", 1_737_072_000_000),
        ("20250117", 1_737_072_000_000),
        ("17", None),
        ("1" * 60, None),
        ("Fri, 99 Jan 2025 10:20:30 GMT", None),
        ("yesterday", None),
        ("9" * 10_000, None),
    ],
)
def test_crawl_times(crawled_at: str, milliseconds: int | None) -> None:
    """An RFC 3339 time becomes milliseconds; an invalid time is unknown and does not reject the message."""
    assert decode(text=TEXT, crawled_at=crawled_at).crawled_at_ms == milliseconds


@pytest.mark.parametrize(
    "value",
    [
        b'{"text": "' + SECRET.encode() + b'" "id"}',
        b'{"text": "' + SECRET.encode() + b'\xff"}',
        b'["' + SECRET.encode() + b'"]',
        orjson.dumps({"text": {"a": SECRET}}),
        orjson.dumps({f"{SECRET} of an article": "a"}),
        orjson.dumps({"text": SECRET * 10_000}),
        orjson.dumps({"text": "a", "id": SECRET * 100}),
        orjson.dumps({"title": SECRET}),
        orjson.dumps({"html": f"<script>{SECRET}</script>"}),
    ],
)
def test_details_contain_no_article_text(value: bytes) -> None:
    """Details are written to logs and headers, which must not contain text of articles."""
    with pytest.raises(BadMessage) as caught:
        decode_article(message(value), decoder_limits(text_characters=1000))
    assert SECRET not in str(caught.value)
    assert len(caught.value.detail) < 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
known_fields = st.sampled_from(
    ["id", "text", "html", "url", "source", "title", "lang", "published_at", "crawled_at", "other"]
)
any_bytes = st.one_of(
    st.binary(max_size=300),
    json_values.map(orjson.dumps),
    st.dictionaries(known_fields, json_values).map(orjson.dumps),
    st.dictionaries(known_fields, st.text(max_size=60)).map(orjson.dumps),
)


@settings(deadline=None, max_examples=300)
@given(any_bytes)
def test_any_bytes_are_decoded_or_rejected(value: bytes) -> None:
    """No exception but BadMessage is raised, and every decoded article is within the limits."""
    limits = decoder_limits(message_bytes=250, text_characters=50, id_bytes=20)
    try:
        article = decode_article(message(value), limits)
    except BadMessage:
        return
    assert article.text.strip()
    assert len(article.text) <= limits.text_characters
    assert article.article_id
    assert article.source is None or article.source.strip()
    assert article == decode_article(message(value), limits)


@pytest.mark.parametrize(
    "value",
    [
        b'{"text": "a", "x": [' + b"1," * 2_000_000 + b"1]}",
        b'{"text": "' + b"\\n" * 2_000_000 + b'"}',
        b"{" + b",".join(b'"%d": 1' % number for number in range(300_000)) + b"}",
        orjson.dumps({"text": "a", "url": "https://example.org/" + "a/../" * 800_000}),
        orjson.dumps({"text": "a", "source": " " * 4_000_000}),
        orjson.dumps({"text": "a", "crawled_at": "2025-01-17T10:20:30." + "1" * 4_000_000}),
        b"[" * 4_000_000,
        b'"' * 4_000_000,
    ],
)
def test_decoding_time_is_bounded(value: bytes) -> None:
    """A message at the size limit takes seconds at most, whatever its content."""
    started = time.perf_counter()
    with contextlib.suppress(BadMessage):
        decode_article(message(value), decoder_limits())
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("crawled_at", "sent_ms", "expected"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000, 1_767_225_600_000),
        ("2026-01-01T00:10:00Z", 1_767_225_600_000, 1_767_226_200_000),
        ("2026-01-01T00:10:01Z", 1_767_225_600_000, 1_767_225_600_000),
        ("2100-01-01T00:00:00Z", 1_767_225_600_000, 1_767_225_600_000),
        ("2100-01-01T00:00:00Z", None, 4_102_444_800_000),
    ],
)
def test_a_crawl_time_after_the_message_is_ignored(crawled_at: str, sent_ms: int | None, expected: int | None) -> None:
    """It would make every later crawl of the page late. Clocks may differ by ten minutes."""
    value = orjson.dumps({"id": "a", "text": TEXT, "crawled_at": crawled_at})
    sent = Message(topic="t", partition=0, offset=0, key=None, value=value, timestamp_ms=sent_ms)
    article = decode_article(sent, decoder_limits())
    assert article.crawled_at_ms == expected
    assert (InputField.CRAWLED_AT in article.ignored) == (expected != parse_time(crawled_at))


@pytest.mark.parametrize("crawled_at", [{}, {"crawled_at": None}, {"crawled_at": "yesterday"}])
@pytest.mark.parametrize("sent_ms", [None, 1_767_225_600_000])
def test_the_timestamp_of_the_message_stands_for_an_unknown_crawl_time(
    crawled_at: dict[str, str | None], sent_ms: int | None
) -> None:
    """It orders the crawls of an article after a rewind of the offsets."""
    value = orjson.dumps({"id": "a", "text": TEXT} | crawled_at)
    sent = Message(topic="t", partition=0, offset=0, key=None, value=value, timestamp_ms=sent_ms)
    assert decode_article(sent, decoder_limits()).crawled_at_ms == sent_ms
