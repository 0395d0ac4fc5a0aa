"""Markup in the text field."""

import time
from html import escape

import orjson
import pytest

from reprise.messages.decoder import decode_article
from reprise.messages.markup import MarkupText, is_markup, text_of_markup
from reprise.model import InputGuess, Message
from tests.decoder_limits import decoder_limits

REPORT = "The swing bridge was closed to all traffic on Tuesday, and it opens again on Friday."


@pytest.mark.parametrize(
    "text",
    [
        f"<p>{REPORT}</p>",
        f'<div class="story-17"><p>{REPORT}<p>{REPORT}</div>',
        f'{REPORT} <a href="https://paper.example/2025/03/11/4711">Read more</a>',
        f"{REPORT}<br>{REPORT}<br/>{REPORT}",
        f"<P>{REPORT}\n<P>{REPORT}",
        f"<!doctype html><html><body><article><p>{REPORT}</p></article></body></html>",
        f"&lt;p&gt;{REPORT}&lt;/p&gt;",
    ],
)
def test_markup_is_recognised_and_extracted(text: str) -> None:
    """Of a fragment, of a page, and of escaped markup, as feeds have them."""
    markup = text_of_markup(text)
    assert markup is not None
    extracted = markup.text
    assert REPORT in extracted
    assert not {"<", ">", "href", "4711", "&"} & set(extracted.replace(">", " > ").split())
    assert "<" not in extracted


@pytest.mark.parametrize(
    "text",
    [
        REPORT,
        "The value x < y and y > z.",
        "Write a <p> tag before each paragraph.",
        "The <script> element of a page.",
        "Box<T> and List<String> are generic types.",
        "Mail to <editor@paper.example> or see <https://paper.example/a>.",
        "<3 for the ferry </3",
        "AT&T and R&D; Q&A",
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    """A tag that the text mentions does not make it markup."""
    assert not is_markup(text)
    assert text_of_markup(text) is None


def test_character_references_are_decoded() -> None:
    """Without any tag, too."""
    expected = MarkupText(text="It’s 5\xa0km!", extracted=False)
    assert text_of_markup("It&rsquo;s 5&nbsp;km&#33;") == expected


def test_markup_without_text_stays_as_it_is() -> None:
    """The message has a text, and nothing better is known."""
    assert text_of_markup("<p><img src=a></p>") == MarkupText(text="<p><img src=a></p>", extracted=True)


def test_lines_stay_if_only_inline_elements_are_removed() -> None:
    """Crawlers leave the link of an advertisement in plain text, whose lines are its layout."""
    advertisement = '<A TARGET="_blank" HREF="http://ads.example/click?b=1"><IMG SRC="a.gif" BORDER=0></A>'
    for text in (f"Menu\nSport\n{advertisement}\n{REPORT}", f"Menu\nSport\n{escape(advertisement)}\n{REPORT}"):
        markup = text_of_markup(text)
        assert markup is not None
        assert not markup.extracted
        assert [line for line in markup.text.splitlines() if line.strip()] == ["Menu", "Sport", REPORT]


def test_the_article_is_marked_as_extracted() -> None:
    """Texts that come from markup have other rules for short lines."""
    message = Message(topic="t", partition=0, offset=0, key=None, value=orjson.dumps({"text": f"<p>{REPORT}</p>"}))
    article = decode_article(message, decoder_limits())
    assert article.text.strip() == REPORT
    assert article.extracted
    assert article.guesses == (InputGuess.MARKUP_IN_TEXT,)


@pytest.mark.parametrize(
    "text", ["<p " * 100_000, "<" * 300_000, "<a>" + " <b" * 100_000, "&lt;" * 70_000, "&#" + "1" * 300_000 + ";"]
)
def test_hostile_texts_take_little_time(text: str) -> None:
    """No pattern reads a part of the text twice."""
    started = time.process_time()
    text_of_markup(text)
    assert time.process_time() - started < 2
