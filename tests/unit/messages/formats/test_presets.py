"""Each preset reads the messages of its tool."""

from typing import Any

import orjson
import pytest

from reprise.errors import BadMessage, SkippedMessage
from reprise.messages.decoder import decode_article
from reprise.messages.formats import FieldMapping, load_presets
from reprise.messages.formats.detection import find_format
from reprise.messages.formats.mapping import MappingError, parse_own_fields
from reprise.messages.namespaces import NamespaceRule, NamespaceSource
from reprise.model import Article, DeadLetterReason, Message
from tests.decoder_limits import decoder_limits
from tests.unit.messages.formats.tool_messages import FIRST, TEXT, TITLE, TOOL_MESSAGES, URL

PUBLISHED = {
    "news-please": "2025-03-11 06:30:00",
    "trafilatura": "2025-03-11",
    "newspaper4k": "2025-03-11T06:30:00+00:00",
    "fundus": "2025-03-11 06:30:00+00:00",
    "scrapy": "2025-03-11T06:30:00Z",
    "newsapi": "2025-03-11T06:30:00Z",
    "webz": "2025-03-11T06:30:00.000+00:00",
    "diffbot": "Tue, 11 Mar 2025 06:30:00 GMT",
    "rss": "Tue, 11 Mar 2025 06:30:00 +0000",
    "json-ld": "2025-03-11T06:30:00Z",
}
CRAWLED_MS = {
    "news-please": 1_741_680_000_000,
    "trafilatura": 1_741_737_600_000,
    "fundus": 1_741_680_000_000,
    "scrapy": 1_741_680_000_000,
    "webz": 1_741_672_800_000,
    "debezium": 1_741_680_000_000,
    "kafka-connect": 1_741_680_000_000,
}
IDS = {
    "reprise": "a-1",
    "webz": "9b1f0c",
    "rss": "tag:paper.example,2025:4711",
    "cloudevents": "a-1",
    "debezium": "4711",
    "kafka-connect": "4711",
}
LANGUAGES = {"webz": "english", "reprise": "en"} | dict.fromkeys(
    ("news-please", "trafilatura", "newspaper4k", "fundus", "scrapy", "diffbot", "json-ld"), "en"
)


def decode(body: Any, mapping: FieldMapping) -> Article:
    return decode_article(
        Message(topic="t", partition=0, offset=0, key=None, value=orjson.dumps(body)), decoder_limits(), mapping=mapping
    )


def test_every_preset_has_a_message() -> None:
    assert TOOL_MESSAGES.keys() == load_presets().keys()


@pytest.mark.parametrize("name", TOOL_MESSAGES)
def test_a_preset_reads_the_messages_of_its_tool(name: str) -> None:
    """Every field that the tool writes, and nothing is left out."""
    article = decode(TOOL_MESSAGES[name], FieldMapping.build(name))
    assert article.text.split() == TEXT.split()
    assert article.url == URL
    assert article.source == "paper.example"
    assert article.title == TITLE
    assert article.published_at == PUBLISHED.get(name)
    assert article.crawled_at_ms == CRAWLED_MS.get(name)
    assert article.lang == LANGUAGES.get(name)
    assert article.article_id == IDS.get(name, decode({"text": "a", "url": URL}, FieldMapping.build()).article_id)
    assert not article.ignored


@pytest.mark.parametrize("name", TOOL_MESSAGES)
def test_the_preset_that_fits_is_found(name: str) -> None:
    """From one message."""
    assert find_format(TOOL_MESSAGES[name]) == name


def test_an_envelope_around_the_messages_of_a_tool_is_found() -> None:
    """The two presets are joined."""
    body = {"specversion": "1.0", "type": "crawled", "data": TOOL_MESSAGES["news-please"]}
    assert find_format(body) == "cloudevents+news-please"
    article = decode(body, FieldMapping.build("cloudevents+news-please"))
    assert (article.text, article.url) == (TEXT, URL)


def test_nothing_fits_a_message_without_a_text() -> None:
    assert find_format({"title": TITLE, "url": URL, "uuid": "a"}) is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"maintext": TEXT, "url": URL}, "news-please"),
        ({"articleBody": TEXT, "headline": TITLE, "datePublished": "2025-03-11"}, "scrapy"),
        ({"item": {"guid": {"#text": "g-1", "@isPermaLink": "false"}, "content:encoded": f"<p>{TEXT}</p>"}}, "rss"),
    ],
)
def test_a_rejected_message_names_its_fields_and_the_preset(body: dict[str, Any], name: str) -> None:
    with pytest.raises(BadMessage) as caught:
        decode(body, FieldMapping.build())
    assert caught.value.reason is DeadLetterReason.NO_TEXT
    assert f"the fields are {', '.join(body)};" in caught.value.detail
    assert f"REPRISE_INPUT_FORMAT={name} reads" in caught.value.detail


def test_the_wrong_preset_is_named() -> None:
    """An envelope that is not there, too."""
    with pytest.raises(BadMessage, match="REPRISE_INPUT_FORMAT=trafilatura finds neither text nor html"):
        decode(TOOL_MESSAGES["news-please"], FieldMapping.build("trafilatura"))
    with pytest.raises(BadMessage, match="no object where REPRISE_INPUT_FORMAT=kafka-connect expects"):
        decode(TOOL_MESSAGES["reprise"], FieldMapping.build("kafka-connect"))


@pytest.mark.parametrize("operation", ["d", "t", "m"])
@pytest.mark.parametrize("with_schema", [True, False])
def test_a_deletion_in_a_database_is_skipped(operation: str, with_schema: bool) -> None:
    """It is no article, and no mistake: it must not open the circuit."""
    body: dict[str, Any] = {"before": {"id": 1}, "after": None, "op": operation}
    with pytest.raises(SkippedMessage):
        decode({"schema": {}, "payload": body} if with_schema else body, FieldMapping.build("debezium"))


def test_an_item_of_a_converted_feed() -> None:
    """As xml-to-JSON converters write RSS."""
    item = {
        "title": TITLE,
        "link": URL,
        "guid": {"#text": "g-1", "@isPermaLink": "false"},
        "pubDate": "Tue, 11 Mar 2025 06:30:00 GMT",
        "description": f"<p>{FIRST}</p>",
        "dc:language": "en",
    }
    article = decode(item, FieldMapping.build("rss"))
    assert (article.article_id, article.text.strip(), article.lang) == ("g-1", FIRST, "en")
    assert decode({**item, "guid": "g-1"}, FieldMapping.build("rss")) == article


def test_data_of_a_cloudevent_in_base64() -> None:
    """Producers that do not know the data to be JSON encode it."""
    body = {"specversion": "1.0", "data_base64": "eyJ0ZXh0IjogIkEgYnJpZGdlLiJ9"}
    assert decode(body, FieldMapping.build("cloudevents")).text == "A bridge."


def test_own_expressions_replace_those_of_the_preset() -> None:
    """Nested objects, alternatives and lists."""
    fields = "text = payload.blocks[].body || payload.body; url=join('/', ['https://paper.example', slug])\ntitle=null"
    mapping = FieldMapping.build("news-please", fields)
    body = {
        "payload": {"blocks": [{"body": FIRST}, {"image": "a"}, {"body": "More."}]},
        "slug": "bridge",
        "title": TITLE,
        "language": "en",
    }
    article = decode(body, mapping)
    assert article.text == f"{FIRST}\nMore."
    assert (article.url, article.title, article.lang) == ("https://paper.example/bridge", None, "en")
    assert decode({"payload": {"body": FIRST}}, mapping).text == FIRST


def test_own_expressions_may_be_a_json_object() -> None:
    text = '{"text": "body", "title": "\\"head;line\\""}'
    assert parse_own_fields(text) == {"text": "body", "title": '"head;line"'}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("body", "not of the form FIELD=EXPRESSION"),
        ("text=", "not of the form FIELD=EXPRESSION"),
        ("txt=body", "'txt' is no field of a message; the fields are id, text"),
        ("text=a..b", "invalid JMESPath expression 'a..b'"),
        ("text=unknown(a)", "invalid JMESPath expression 'unknown\\(a\\)'"),
        ('{"text": 1}', "no string"),
        ('{"text"', "invalid JSON"),
    ],
)
def test_wrong_expressions_are_refused(text: str, message: str) -> None:
    """When the settings are read, not at the first message."""
    with pytest.raises(MappingError, match=message):
        FieldMapping.build("reprise", text)


def test_an_expression_that_fails_on_a_message_yields_nothing() -> None:
    """Here the length of a number."""
    mapping = FieldMapping.build("reprise", "title=to_string(length(size)); text=body")
    assert decode({"body": FIRST, "size": 3}, mapping).title is None
    assert decode({"body": FIRST, "size": "abc"}, mapping).title == "3"


def test_namespaces_use_the_mapped_language_and_the_fields_inside_the_envelope() -> None:
    body = {"payload": {"after": {"text": TEXT, "sprache": "fr-CH", "customer": "c1"}}}
    message = Message(topic="t", partition=0, offset=0, key=None, value=orjson.dumps(body))
    mapping = FieldMapping.build("debezium", "lang=sprache")
    by_lang = NamespaceRule(by=NamespaceSource.LANG, values=["fr"])
    by_field = NamespaceRule(by=NamespaceSource.FIELD, key="customer", values=["c1"])
    assert decode_article(message, decoder_limits(), by_lang, mapping).namespace == "default-fr"
    assert decode_article(message, decoder_limits(), by_field, mapping).namespace == "default-c1"
