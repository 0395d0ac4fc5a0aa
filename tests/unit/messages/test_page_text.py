"""The text of a page: what it shows, or the article body of its JSON-LD."""

import json
import time
from typing import Any

import orjson
import pytest

from reprise.messages.decoder import decode_article
from reprise.messages.page_text import PageText, extract_page
from reprise.model import InputGuess, Message
from tests.decoder_limits import decoder_limits

NOTE = "We and our partners use cookies to store and read information on your device so that this site works."
SENTENCES = [
    f"Sentence {number} of the report says that the bridge of harbour {number} was closed." for number in "abcd"
]
BODY = " ".join(SENTENCES)


def page(*data: Any, shown: str = NOTE, kind: str = "application/ld+json") -> str:
    scripts = "".join(
        f'<script type="{kind}">{each if isinstance(each, str) else json.dumps(each)}</script>' for each in data
    )
    return f"<html><head>{scripts}</head><body><div>{shown}</div></body></html>"


@pytest.mark.parametrize(
    "data",
    [
        {"@type": "NewsArticle", "articleBody": BODY},
        [{"@type": "WebPage"}, {"@type": ["Article", "NewsArticle"], "articleBody": BODY}],
        {"@graph": [{"@type": "Organization"}, {"mainEntity": {"articleBody": BODY}}]},
        {"articleBody": SENTENCES},
        {"articleBody": f"<p>{BODY}</p>"},
        {"articleBody": BODY.replace("bridge", "bri&#100;ge")},
        json.dumps({"articleBody": BODY}).replace("closed.", "closed.\n"),
        f"<!--{json.dumps({'articleBody': BODY})}-->",
        f"//<![CDATA[\n{json.dumps({'articleBody': BODY})}\n//]]>",
    ],
)
@pytest.mark.parametrize("shown", ["", NOTE, NOTE * 20, BODY[:120] + "..."])
def test_the_article_body_stands_for_a_page_without_the_article(data: Any, shown: str) -> None:
    """Whatever note the page shows, or if it shows the beginning alone."""
    found = extract_page(page(data, shown=shown))
    assert found.from_json_ld
    assert found.text.split() == BODY.split()


@pytest.mark.parametrize(
    "html",
    [
        page({"articleBody": BODY}, shown=f"<p>{BODY}</p>"),
        page({"articleBody": BODY[:150]}, shown=f"<p>{BODY}</p>"),
        page({"articleBody": BODY}, shown=f"<p>{'</p><p>'.join(SENTENCES[:3])}</p>"),
        page({"articleBody": "Too short."}, shown=NOTE),
        page({"articleBody": 17}, shown=NOTE),
        page({"description": BODY}, shown=NOTE),
        page('{"articleBody": broken', shown=NOTE),
        page({"articleBody": BODY}, shown=NOTE, kind="application/json"),
        page(*[{"articleBody": f"{BODY} Number {number}."} for number in range(3)], shown=NOTE),
    ],
)
def test_the_visible_text_has_priority(html: str) -> None:
    """Where it is the article, where the data is none, and on a page that lists several articles."""
    assert extract_page(html) == PageText(text=extract_page(html.replace("articleBody", "x")).text)


def test_lone_surrogates_are_replaced() -> None:
    """JSON-LD with line breaks in its strings is parsed leniently; the text must still be UTF-8."""
    found = extract_page(page('{"articleBody": "\\ud83d \n' + BODY + '"}'))
    assert found.from_json_ld
    assert found.text.encode()


def test_the_article_notes_the_guess() -> None:
    """Metrics and `reprise input check` show it."""
    value = orjson.dumps({"html": page({"articleBody": BODY}), "url": "https://paper.example/a"})
    article = decode_article(Message(topic="t", partition=0, offset=0, key=None, value=value), decoder_limits())
    assert article.text == BODY
    assert article.extracted
    assert article.guesses == (InputGuess.TEXT_FROM_JSON_LD,)


@pytest.mark.parametrize(
    "html",
    [
        "<script type=application/ld+json>" * 20_000 + '"articleBody"',
        page("[" * 100_000 + '"articleBody"'),
        page('{"a":' * 50_000 + '"articleBody"'),
        page({"a": [{"articleBody": f"{BODY} {number}"} for number in range(2_000)]}),
        page({"articleBody": "a " * 400_000}),
        "<script " + "type " * 100_000 + ">articleBody",
    ],
)
def test_hostile_data_takes_little_time(html: str) -> None:
    """Values, depth and blocks are bounded."""
    started = time.process_time()
    extract_page(html)
    assert time.process_time() - started < 3
