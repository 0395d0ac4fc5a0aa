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


@pytest.mark.parametrize(
    "name", ["nested span", "nested and closed div", "unclosed comments", "attributes", "ampersands"]
)
def test_text_of_hostile_markup_is_kept(name: str) -> None:
    """The tags of a page that is not safe to parse are stripped; its text is kept."""
    assert FIRST in extract_text(HOSTILE[name]())


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
