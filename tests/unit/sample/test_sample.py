"""Test that the sample crawl and tests/data/languages.json have the properties that the demo and tests rely on."""

import collections
import datetime
import itertools
import json
import re
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

import reprise

SAMPLE = Path(reprise.__file__).parent / "sample"
TABLE = json.loads((Path(__file__).parents[2] / "data" / "languages.json").read_text(encoding="utf-8"))
PAGES: list[dict[str, str]] = [orjson.loads(line) for line in (SAMPLE / "crawl.jsonl").read_bytes().splitlines()]
MALFORMED = (SAMPLE / "broken.jsonl").read_bytes().splitlines()

#: fields of an article, and the gold label
FIELDS = {"id", "url", "source", "title", "lang", "published_at", "crawled_at", "text", "html", "story"}
#: languages written without spaces between words
UNSPACED = {"zh", "ja", "th", "lo", "km", "my"}
#: script of the language: the first word of the Unicode name of nearly every letter
SCRIPTS = {
    "zh": "CJK",
    "ja": "CJK|HIRAGANA|KATAKANA",
    "th": "THAI",
    "lo": "LAO",
    "km": "KHMER",
    "my": "MYANMAR",
    "ko": "HANGUL",
    "ar": "ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "ru": "CYRILLIC",
    "el": "GREEK",
    "tr": "LATIN",
    "vi": "LATIN",
    "fr": "LATIN",
}


def group_by(field: str) -> dict[str, list[dict[str, str]]]:
    groups = collections.defaultdict(list)
    for page in PAGES:
        if field in page:
            groups[page[field]].append(page)
    return groups


def host(page: dict[str, str]) -> str:
    return urlsplit(page["url"]).netloc


def content(page: dict[str, str]) -> str:
    return page.get("text") or page["html"]


def character_ngrams(text: str) -> set[str]:
    """Return every run of 15 characters, after normalization of spaces and compatibility forms."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))
    return {text[i : i + 15] for i in range(len(text) - 14)}


def test_every_page_is_an_article_with_a_gold_label() -> None:
    """Each line has only known fields with strings, a URL under .example, a label, and either text or HTML."""
    for page in PAGES:
        assert page.keys() <= FIELDS
        assert all(isinstance(value, str) and value for value in page.values())
        assert ("text" in page) != ("html" in page)
        assert host(page).endswith(".example")
        assert page["story"]
        assert page.get("source", host(page)) in host(page)


def test_the_sample_is_large_and_diverse() -> None:
    """It has enough pages, stories, languages, sites, HTML pages, and pages without source or id."""
    languages = {page["lang"] for page in PAGES if "lang" in page}
    sites = collections.Counter(host(page) for page in PAGES)
    assert len(PAGES) >= 64
    assert len(group_by("story")) >= 14
    assert languages >= {"en", "fr", "de", "es", "pt", "it", "ru", "ja", "zh"}
    assert len(sites) >= 10
    assert sum(count >= 5 for count in sites.values()) >= 5
    assert 0.25 <= sum("html" in page for page in PAGES) / len(PAGES) <= 0.45
    assert sum("source" not in page for page in PAGES) >= 5
    assert sum("id" not in page for page in PAGES) >= 20


def test_pages_are_in_crawl_order_with_interleaved_stories() -> None:
    """Crawl times never decrease, and most neighbouring pages belong to different stories."""
    times = [datetime.datetime.fromisoformat(page["crawled_at"]) for page in PAGES]
    assert times == sorted(times)
    changes = sum(a["story"] != b["story"] for a, b in itertools.pairwise(PAGES))
    assert changes > 0.7 * len(PAGES)


def test_there_are_exact_copies_at_other_urls() -> None:
    """At least three texts occur at two URLs each."""
    groups = collections.defaultdict(set)
    for page in PAGES:
        groups[content(page)].add((page["url"], page.get("id")))
    assert sum(len({url for url, _ in places}) > 1 for places in groups.values()) >= 3


def test_there_are_revisions_and_a_repeated_crawl() -> None:
    """At least two ids occur again with another text, and at least one with the same text, always later."""
    pairs = [(a, b) for group in group_by("id").values() for a, b in itertools.pairwise(group)]
    assert all(a["crawled_at"] < b["crawled_at"] and a["story"] == b["story"] for a, b in pairs)
    assert sum(content(a) != content(b) for a, b in pairs) >= 2
    assert sum(content(a) == content(b) for a, b in pairs) >= 1


def test_a_site_repeats_its_boilerplate_on_every_text_page() -> None:
    """Two neighbouring text pages of a site share at least 15 characters of boilerplate."""
    texts = collections.defaultdict(list)
    for page in PAGES:
        if "text" in page:
            texts[host(page)].append(page)
    for pages in texts.values():
        for a, b in itertools.pairwise(pages):
            assert character_ngrams(a["text"]) & character_ngrams(b["text"]), (a["url"], b["url"])


@pytest.mark.parametrize("line", MALFORMED, ids=range(len(MALFORMED)))
def test_no_malformed_message_is_an_article(line: bytes) -> None:
    """Each is not JSON, no object, without text and HTML, or has a field of a wrong type or a long id."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        return
    if not isinstance(message, dict):
        return
    wrong_types = [key for key, value in message.items() if not isinstance(value, str)]
    assert wrong_types or not message.keys() & {"text", "html"} or len(message["id"].encode()) > 256


def test_malformed_messages_are_of_many_kinds() -> None:
    """There are at least eight different ones, and one of them is not UTF-8."""
    assert len(MALFORMED) >= 8
    assert len(set(MALFORMED)) == len(MALFORMED)
    assert sum(b"\xfc" in line for line in MALFORMED) == 1
    with pytest.raises(UnicodeDecodeError):
        b"".join(MALFORMED).decode()


def test_the_language_texts_cover_every_script() -> None:
    """Every language has a name and four texts."""
    assert TABLE.keys() == SCRIPTS.keys()
    for row in TABLE.values():
        assert row.keys() == {"name", "base", "near", "partial", "unrelated"}


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_texts_of_a_language_are_long_enough_and_in_its_script(code: str) -> None:
    """Each text has 100 words or 350 characters, and 90 % of its letters belong to the script of the language."""
    for name in ("base", "near", "partial", "unrelated"):
        text = unicodedata.normalize("NFC", TABLE[code][name])
        letters = [c for c in text if unicodedata.category(c) in ("Lo", "Ll", "Lu", "Mn", "Mc")]
        own = sum(re.match(SCRIPTS[code], unicodedata.name(c)) is not None for c in letters)
        assert own >= 0.9 * len(letters), name
        assert len(text) >= 350 if code in UNSPACED else len(text.split()) >= 100, name
        if code in UNSPACED:
            assert len(letters) / len(text.split()) > 12, f"{name} has spaces between words"


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_texts_of_a_language_overlap_as_their_names_say(code: str) -> None:
    """The near text keeps most of the base, the partial text a part of it, and the unrelated text nothing."""
    row = TABLE[code]
    base, near, partial, unrelated = (character_ngrams(row[name]) for name in ("base", "near", "partial", "unrelated"))
    assert row["near"] != row["base"]
    assert 0.5 <= len(base & near) / len(base) < 1
    assert 0.2 <= len(base & partial) / len(base) <= 0.6
    assert len(base & partial) / len(partial) <= 0.6
    assert not base & unrelated


def test_one_language_has_accents_in_both_normal_forms() -> None:
    """The French base text is composed and the near text decomposed, so that only normalization makes them equal."""
    row = TABLE["fr"]
    assert unicodedata.is_normalized("NFC", row["base"])
    assert unicodedata.is_normalized("NFD", row["near"])
    assert not unicodedata.is_normalized("NFC", row["near"])
