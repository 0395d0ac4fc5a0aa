"""The source of an article: addresses, hosts and names."""

import time

import orjson
import pytest

from reprise.dedup.decision import source_key
from reprise.messages.decoder import decode_article
from reprise.messages.sources import parse_source
from reprise.model import Article, InputGuess, Message
from tests.decoder_limits import decoder_limits

TEXT = "The swing bridge was closed to all traffic on Tuesday."


def decode(**fields: object) -> Article:
    message = Message(topic="t", partition=0, offset=0, key=None, value=orjson.dumps({"text": TEXT, **fields}))
    return decode_article(message, decoder_limits())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://www.paper.example/news/a?b=1", "paper.example"),
        ("HTTPS://Paper.Example/", "paper.example"),
        ("//news.paper.co.uk/a", "paper.co.uk"),
        ("https://one.blogspot.com/2025/a.html", "one.blogspot.com"),
        ("paper.example/news/a", "paper.example"),
        ("www.paper.example:8080/news", "paper.example"),
        ("www.paper.example", "paper.example"),
        ("Paper.Example", "paper.example"),
        ("WWW2.paper.example.", "paper.example"),
        ("sport.paper.example", "sport.paper.example"),
        ("www.com", "www.com"),
        ("Le Monde", "Le Monde"),
        ("Dr. Oetker", "Dr. Oetker"),
        ("Reuters/AP", "Reuters/AP"),
        ("A.B.C.", "A.B.C."),
        ("urn:site:7", "urn:site:7"),
        ("https://", "https://"),
    ],
)
def test_names(text: str, name: str) -> None:
    """An address becomes its registered domain, a host loses www and capitals, a name stays."""
    assert parse_source(f" {text} ").name == name


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://paper.example/a", "https://paper.example/a"),
        ("//paper.example/a.html", "https://paper.example/a.html"),
        ("paper.example/?p=17", "https://paper.example/?p=17"),
        ("https://paper.example/feed-the-birds", "https://paper.example/feed-the-birds"),
        ("https://paper.example", None),
        ("https://paper.example/", None),
        ("https://paper.example/index.html", None),
        ("https://paper.example/#top", None),
        ("https://paper.example/rss.xml", None),
        ("https://paper.example/news/feed/", None),
        ("https://paper.example/world.rss?edition=uk", None),
    ],
)
def test_an_address_stands_for_a_missing_url(address: str, url: str | None) -> None:
    """The address of a start page or a feed does not: all articles of the site would be revisions of one."""
    article = decode(source=address)
    assert article.url == url
    assert article.source == "paper.example"
    assert article.article_id == decode(url=url).article_id
    assert article.guesses == ((InputGuess.SOURCE_FROM_ADDRESS,) + (InputGuess.URL_FROM_SOURCE,) * (url is not None))


def test_the_url_has_priority_over_an_address_in_the_source() -> None:
    """The source alone is taken from the address."""
    article = decode(source="https://agency.example/x", url="https://paper.example/a")
    assert (article.source, article.url) == ("agency.example", "https://paper.example/a")


def test_letter_case_does_not_make_two_sources() -> None:
    """The event has the name as the message does; the index compares without regard to case."""
    assert decode(source="LE MONDE").source == "LE MONDE"
    assert source_key("LE MONDE") == source_key("Le Monde")
    assert source_key("Le Monde") != source_key("Le Monde diplomatique")
    assert source_key(None) == source_key("") == b""


@pytest.mark.parametrize("text", ["a." * 4_000, "a." * 4_000 + "!", "a" * 8_000, "a.b/" + "/rss" * 2_000 + "!"])
def test_long_sources_take_little_time(text: str) -> None:
    """No pattern backtracks."""
    started = time.process_time()
    parse_source(text)
    assert time.process_time() - started < 0.2
