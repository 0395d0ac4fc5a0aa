"""extract_text: the text that is kept."""

import gzip
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLParserException

from reprise.errors import BadMessage
from reprise.messages import html_text as html_module
from reprise.messages.html_text import extract_text
from reprise.model import DeadLetterReason
from tests.hostile_html import FIRST, HOSTILE

SECOND = "Engineers had warned in March that two of its nine piers were washed out by the spring flood."

PAGE = f"""<!doctype html><html><head><title>Bridge stays open</title><style>p {{ color: red }}</style>
<script>var text = "This never was part of any article at all";</script></head><body>
<nav><ul><li><a href="/">Home</a><li><a href="/s">Sport</a></ul></nav>
<main><article><h1>Bridge stays open</h1><p>{FIRST}</p>
<img src="x.jpg" alt="A picture of the bridge"><p>{SECOND}</p></article></main>
<footer>All rights reserved by the paper</footer></body></html>"""


def test_main_content_keeps_paragraphs_on_lines() -> None:
    """Each paragraph of the article is on a line of its own; scripts, styles and menus are dropped."""
    lines = extract_text(PAGE).splitlines()
    assert FIRST in lines
    assert SECOND in lines
    for unwanted in ("never was part", "color: red", "Home", "rights reserved", "picture of"):
        assert not any(unwanted in line for line in lines)


@pytest.mark.parametrize(
    "page",
    [
        f"<footer><p>{FIRST}</p><p>{SECOND}</p></footer>",
        f"<nav><div>{FIRST}</div><div>{SECOND}</div></nav>",
    ],
)
def test_whole_page_is_extracted_without_main_content(page: str) -> None:
    """Text in elements that usually hold boilerplate is kept if the page has no other text."""
    lines = [line.strip() for line in extract_text(page).splitlines()]
    assert FIRST in lines
    assert SECOND in lines


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("just words", "just words"),
        ("<p>a &amp; b &eacute;", "a & b é"),
        ("<p>one\0two", "onetwo"),
        ("<p>new\nline", "new line"),
        ("", ""),
        ("<html></html>", ""),
        ("<script>x</script>", ""),
        ("<!-- nothing", ""),
    ],
)
def test_small_pages(page: str, text: str) -> None:
    """Fragments, entities, NULs and empty pages raise no error."""
    assert extract_text(page).strip() == text


@pytest.mark.parametrize("name", ["nested span", "nested div", "attributes", "one long line", "lists", "nested links"])
def test_text_of_hostile_markup_is_kept(name: str) -> None:
    """The tags of a page that is not safe to parse are stripped; its text is kept."""
    assert FIRST in extract_text(HOSTILE[name]())


@pytest.mark.parametrize("name", ["unclosed comments", "nested and closed div", "ampersands", "unclosed brackets"])
def test_a_page_of_too_many_tags_is_rejected(name: str) -> None:
    """Stripping its tags would take more than a quarter of a second."""
    with pytest.raises(BadMessage, match="the limit is 300000 tags") as caught:
        extract_text(HOSTILE[name]())
    assert caught.value.reason is DeadLetterReason.HTML_UNREADABLE


@pytest.mark.parametrize("open_tags", ["<div>" * 41, "<article>" * 10, "<div><article>" * 41])
def test_blocks_nested_too_deep_have_no_main_content(open_tags: str) -> None:
    """Main content detection would visit the content of each block; the whole page is extracted instead."""
    page = PAGE.replace("<main>", open_tags + "<main>").replace("</main>", "<i>x</i>" * 12_000 + "</main>")
    assert "Home" in extract_text(page)
    assert "Home" not in extract_text(PAGE)


def test_a_page_whose_elements_are_reopened_is_stripped() -> None:
    """Three hundred unclosed tags are opened anew in each of two hundred paragraphs."""
    page = "<p>" + "".join(f"<b id={number}>" for number in range(300)) + "<p>x" * 200 + f"<p>{FIRST}"
    assert html_module.is_safe_to_parse(page)
    assert extract_text(page) == "\n".join(["x"] * 200 + [FIRST])


def test_a_text_beyond_the_limit_is_cut_early() -> None:
    """The decoder rejects it by its length, so the rest need not be extracted."""
    page = "word " * 400_000
    assert 1_000 < len(extract_text(page, max_characters=1_000)) < 100_000
    assert len(extract_text(page)) == len(page) - 1


@pytest.mark.parametrize("size", [html_module.MAX_PARSED_CHARACTERS, html_module.MAX_PARSED_CHARACTERS + 1])
def test_large_page_has_the_same_lines_as_a_parsed_one(size: int) -> None:
    """Stripping tags keeps paragraphs on lines of their own and drops invisible content, as the parser does."""
    page = PAGE + "<!--" + "x" * (size - len(PAGE) - 7) + "-->"
    assert len(page) == size
    lines = extract_text(page).splitlines()
    assert FIRST in lines
    assert SECOND in lines
    assert not any("never was part" in line or "color: red" in line or "xxx" in line for line in lines)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>one<p>two", "one\ntwo"),
        ("one" + " " * 70_000 + "two<br>" + "\n " * 70_000 + "three", "one two\nthree"),
        ("<p>o<b>n</b>e\n two<br/>three", "one two\nthree"),
        ("<p>a &lt;b&gt; c &amp;amp; d", "a <b> c &amp; d"),
        ("a<script>x</script >b<STYLE>y</style>c", "a b c"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<picture>a</picture><pre>b</pre>", "a\nb"),
        ("&#" + "9" * 6000 + ";x", "x"),
    ],
)
def test_strip_tags(page: str, text: str) -> None:
    """Blocks start and end lines, entities are decoded once, and the content of scripts and styles is dropped."""
    assert html_module.strip_tags(page) == text


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["<", ">", "/", "p", "b", "div", "a=", '"', "'", "<!--", "-->", "script", "&#", "x ", "é"])
    )
)
def test_no_markup_raises(pieces: list[str]) -> None:
    """Both the parser and strip_tags return text for any sequence of markup."""
    page = "".join(pieces)
    assert isinstance(extract_text(page), str)
    assert isinstance(html_module.strip_tags(page), str)


def test_parser_error_is_a_bad_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that the parser fails on is rejected with a reason and does not stop the worker."""

    class FailingTree:
        @staticmethod
        def parse(page: str) -> None:
            raise HTMLParserException(page)

    monkeypatch.setattr(html_module, "HTMLTree", FailingTree)
    with pytest.raises(BadMessage) as caught:
        extract_text(PAGE)
    assert caught.value.reason is DeadLetterReason.HTML_UNREADABLE
    assert FIRST not in str(caught.value)


def test_real_pages_are_parsed_and_keep_their_article(shared_dir: Path) -> None:
    """Every page of the development set is safe to parse and has lines as long as sentences."""
    with gzip.open(shared_dir / "eval" / "spotsigs-dev-html.jsonl.gz") as lines:
        pages = [orjson.loads(line)["html"] for line in lines]
    assert len(pages) > 200
    assert all(html_module.is_safe_to_parse(page) for page in pages)
    long_lines = [[line for line in extract_text(page).splitlines() if len(line.split()) >= 12] for page in pages]
    assert min(len(lines) for lines in long_lines) >= 2
    median_words = sorted(sum(len(line.split()) for line in lines) for lines in long_lines)[len(pages) // 2]
    assert 250 <= median_words <= 700
