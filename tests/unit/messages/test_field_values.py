"""Fields of other JSON types: converted where nothing is lost, left out and noted where they cannot be read."""

from typing import Any

import orjson
import pytest

from reprise.messages.decoder import decode_article
from reprise.model import Article, InputField, InputGuess, Message
from tests.decoder_limits import decoder_limits

TEXT = "The swing bridge was closed to all traffic on Tuesday."


def decode(**fields: Any) -> Article:
    message = Message(topic="t", partition=0, offset=0, key=None, value=orjson.dumps({"text": TEXT, **fields}))
    return decode_article(message, decoder_limits())


@pytest.mark.parametrize(
    ("number", "article_id"),
    [(17, "17"), (0, "0"), (-3, "-3"), (1.0, "1"), (1.5, "1.5"), (2**63, "9223372036854775808")],
)
def test_a_number_is_an_id(number: float, article_id: str) -> None:
    """The number and its digits are the same id, 1 and 1.0 too."""
    article = decode(id=number)
    assert article.article_id == article_id == decode(id=article_id).article_id
    assert article.guesses == (InputGuess.NUMBER_AS_TEXT,)
    assert not article.ignored


def test_a_rounded_number_is_no_id() -> None:
    """Above 2^53 a floating-point number stands for several integers, so that two articles would get one id."""
    article = decode(id=1e300, url="https://example.org/a")
    assert article.article_id == decode(url="https://example.org/a").article_id
    assert article.ignored == (InputField.ID,)


@pytest.mark.parametrize("field", ["id", "url", "source", "title", "lang", "published_at", "crawled_at"])
@pytest.mark.parametrize("value", [True, False, {"a": "b"}, [{"a": "b"}], [1]])
def test_an_unreadable_optional_field_is_left_out(field: str, value: object) -> None:
    """The article is decided without it, and names it."""
    article = decode(**{field: value})
    assert article.ignored == (field,)
    assert (article.url, article.source, article.title, article.lang) == (None,) * 4
    assert (article.published_at, article.crawled_at_ms) == (None, None)
    assert article.article_id == decode().article_id


@pytest.mark.parametrize("field", ["id", "url", "source", "title", "lang", "published_at", "crawled_at", "html"])
@pytest.mark.parametrize("value", [None, "", " ", [], {}, [None], [[]]])
def test_empty_values_are_absent(field: str, value: object) -> None:
    """They are no mistake."""
    assert decode(**{field: value}) == decode()


@pytest.mark.parametrize("value", ["None", "null", "NaN", "undefined"])
def test_words_for_a_missing_value_are_absent(value: str) -> None:
    """Programs that format a missing value write such words: three articles with the id "None" are not one."""
    assert decode(id=value, published_at=value, source=value) == decode()


def test_a_text_may_be_a_list_of_paragraphs() -> None:
    """Scrapy's getall() returns one."""
    article = decode(text=["The bridge shut.", ["It opens", None, "on Friday."]], title=["Bridge", "shut"])
    assert article.text == "The bridge shut.\nIt opens\non Friday."
    assert article.title == "Bridge shut"
    assert article.guesses == (InputGuess.LIST_JOINED,) * 2


def test_a_list_of_one_text_is_that_text() -> None:
    """In any field."""
    article = decode(id=["a-1"], url=["https://example.org/a"], lang=["en"])
    assert (article.article_id, article.url, article.lang) == ("a-1", "https://example.org/a", "en")


def test_several_urls_are_no_url() -> None:
    """Which of them is the article's is unknown."""
    assert decode(url=["https://example.org/a", "https://example.org/b"]).ignored == (InputField.URL,)


@pytest.mark.parametrize(
    "number", [1_737_109_230, 1_737_109_230.0, 1_737_109_230_000, 1_737_109_230_000_000, 1_737_109_230_000_000_000]
)
def test_a_number_is_a_time(number: float) -> None:
    """In seconds, milliseconds, microseconds or nanoseconds since the epoch; the event has RFC 3339."""
    article = decode(published_at=number, crawled_at=number)
    assert article.published_at == "2025-01-17T10:20:30.000Z"
    assert article.crawled_at_ms == 1_737_109_230_000
    assert article.guesses == (InputGuess.TIME_FROM_NUMBER,) * 2


@pytest.mark.parametrize("number", [0, 17, -1, 1e30, 20_250_117])
def test_another_number_is_no_time(number: float) -> None:
    """A year or a day as a number would be a second of 1970."""
    article = decode(published_at=number, crawled_at=number)
    assert (article.published_at, article.crawled_at_ms) == (None, None)
    assert article.ignored == (InputField.PUBLISHED_AT, InputField.CRAWLED_AT)


def test_an_unreadable_crawl_time_is_noted() -> None:
    """The event has no crawl time, so `published_at` may be any text, but `crawled_at` may not."""
    article = decode(published_at="yesterday", crawled_at="yesterday")
    assert article.published_at == "yesterday"
    assert article.ignored == (InputField.CRAWLED_AT,)


def test_an_unreadable_text_does_not_matter_beside_a_page() -> None:
    """It is noted as any other field."""
    article = decode(text={"blocks": []} | {"a": 1}, html="<p>The bridge shut.</p>")
    assert article.text.strip() == "The bridge shut."
    assert article.ignored == (InputField.TEXT,)
