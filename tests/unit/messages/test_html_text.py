"""extract_text: the text that is kept, and the bounds on time and memory."""

import gzip
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
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

FIRST = "The council voted late on Tuesday to keep the old bridge open for another winter."
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


def _numbered(form: str, count: int) -> str:
    return "".join(form.format(number) for number in range(count))


HOSTILE: dict[str, Callable[[], str]] = {
    "nested div": lambda: "<div>" * 200_000 + FIRST,
    "nested and closed div": lambda: "<div>" * 200_000 + FIRST + "</div>" * 200_000,
    "nested div at the bound": lambda: "<div>" * html_module.MAX_BLOCKS + FIRST,
    "nested article": lambda: "<article>" * 19_999 + FIRST,
    "nested div in tables": lambda: "<div><table><tr><td>" * (html_module.MAX_BLOCKS - 1) + FIRST,
    "nested span": lambda: "<span>" * 200_000 + FIRST,
    "nested span and strange ends": lambda: "<span>" * 9_900 + "</x>" * 9_900 + FIRST,
    "nested span and paragraphs": lambda: "<span>" * 9_900 + "<p>x" * 9_900 + FIRST,
    "nested links": lambda: "<a><div>" * 4_900 + FIRST,
    "nested formatting": lambda: "<a><b><i><u><s><em>" * 50_000 + FIRST,
    "formatting reopened": lambda: _numbered("<b id={}><p>", 9_900) + FIRST,
    "formatting reopened at the bound": lambda: _numbered("<b id={}><p>", 700) + FIRST,
    "formatting hidden by quotes": lambda: _numbered("""<b a"=" id={}>x</b>" c={}><p>""".replace("c={}", "c"), 5_000),
    "formatting hidden in tables": lambda: _numbered("<b id={}><table><tr><td></b></table><p>", 3_900) + FIRST,
    "attributes": lambda: "<div " + _numbered("a{}=1 ", 100_000) + ">" + FIRST,
    "attributes of an end tag": lambda: "<p>x</p " + _numbered("a{} ", 100_000) + ">" + FIRST,
    "attributes behind quotes": lambda: """x="<div """ + _numbered("""a{}='"="' """, 60_000) + ">" + FIRST,
    "the same attribute": lambda: "<div " + "a=1 " * 240_000 + ">" + FIRST,
    "many tags short of the bound": lambda: ("<p " + _numbered("a{} ", 500) + ">") * 300 + FIRST,
    "starts within a tag": lambda: "<a " * 500 + 'b="' + "x" * 990_000 + '">' + FIRST,
    "one long line": lambda: "<p>" + "word " * 1_000_000 + FIRST,
    "one long word": lambda: "<p>" + "w" * 5_000_000 + " " + FIRST,
    "NULs": lambda: "<p>\0\0" * 100_000 + FIRST,
    "unclosed brackets": lambda: FIRST + "<" * 4_000_000,
    "unclosed tags": lambda: FIRST + "<a " * 1_300_000,
    "unclosed quote": lambda: FIRST + '<a b="' + "x" * 4_000_000,
    "unclosed comments": lambda: FIRST + "<!--" * 1_000_000,
    "unclosed scripts": lambda: FIRST + "<script>" * 500_000,
    "ends without starts": lambda: "</p>" * 1_000_000 + FIRST,
    "ampersands": lambda: FIRST + "&" * 4_000_000,
    "a number of a million digits": lambda: FIRST + "&#" + "1" * 1_500_000 + ";",
    "tables": lambda: "<table>" * 100_000 + FIRST,
    "lists": lambda: "<ul><li>" * 9_900 + FIRST,
    "text in a table": lambda: "<table>" + "a<tr>" * 19_000 + FIRST,
    "lists in lists, a line an item": lambda: "<ul>" * 9_900 + "<li>x" * 9_900 + FIRST,
    "lists in lists at the bound": lambda: "<ol>" * 1_000 + "<li>x" * 990 + FIRST,
    "starts within values": lambda: "<p " + ('a="' + "<p " * 80 + "x" * 3_870 + '" ') * 240 + ">" + FIRST,
    "starts before a long name": lambda: "<a" * 19_000 + "x" * 900_000 + ">" + FIRST,
    "gaps between many tags": lambda: "<b> " * 1_000_000 + FIRST,
    "body tags of many attributes": lambda: (
        "".join(f"<body {_numbered(f'b{tag}_{{}} ', 90)}>" for tag in range(1_300)) + FIRST
    ),
    "body tags at the bound": lambda: (
        "".join(f"<body {_numbered(f'b{tag}_{{}} ', 500)}>" for tag in range(html_module.MAX_ROOT_TAGS)) + FIRST
    ),
    "body tags": lambda: _numbered("<body a{}=1>", 19_900) + FIRST,
}

#: Maximum seconds for one page on a busy machine; the slowest takes about 1 s on an idle one. Markup whose cost is not
#: bounded takes minutes, so the margin hides no fault.
HOSTILE_SECONDS = 10

#: Address space in bytes for all pages, one after the other; reopened formatting without a bound needs over 6 GB.
HOSTILE_BYTES = 2_000_000_000


def test_hostile_markup_is_bounded_in_time_and_memory() -> None:
    """No markup makes the extraction slow, large or crash. A child process runs it, because it may crash."""
    program = "import tests_html_hostile as hostile; hostile.measure()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(html_module.__file__).parents[2])])}
    loader = (
        "import importlib.util, sys;"
        f"spec = importlib.util.spec_from_file_location('tests_html_hostile', {__file__!r});"
        "module = importlib.util.module_from_spec(spec); sys.modules['tests_html_hostile'] = module;"
        "spec.loader.exec_module(module);"
    )
    done = subprocess.run(
        [sys.executable, "-c", loader + program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] or f"exit code {done.returncode}"
    seconds: dict[str, float] = orjson.loads(done.stdout)
    assert set(seconds) == set(HOSTILE)
    assert {name: took for name, took in seconds.items() if took > HOSTILE_SECONDS} == {}


def measure() -> None:
    """Print the seconds that each hostile page takes, in the child process."""
    resource.setrlimit(resource.RLIMIT_AS, (HOSTILE_BYTES, HOSTILE_BYTES))
    seconds = {}
    for name, build in HOSTILE.items():
        page = build()
        started = time.perf_counter()
        extract_text(page)
        seconds[name] = time.perf_counter() - started
    sys.stdout.buffer.write(orjson.dumps(seconds))


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
