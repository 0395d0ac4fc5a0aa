"""The texts that ship with the project have the shape that the demo and the detection tests count on."""

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
BROKEN = (SAMPLE / "broken.jsonl").read_bytes().splitlines()

#: the fields of an article, and the gold label
FIELDS = {"id", "url", "source", "title", "lang", "published_at", "crawled_at", "text", "html", "story"}
#: languages written without spaces between words
UNSPACED = {"zh", "ja", "th", "lo", "km", "my"}
#: the word with which the Unicode name of nearly every letter of the language begins
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


def by(field: str) -> dict[str, list[dict[str, str]]]:
    groups = collections.defaultdict(list)
    for page in PAGES:
        if field in page:
            groups[page[field]].append(page)
    return groups


def host(page: dict[str, str]) -> str:
    return urlsplit(page["url"]).netloc


def content(page: dict[str, str]) -> str:
    return page.get("text") or page["html"]


def pieces(text: str) -> set[str]:
    """Every run of 15 characters, spaces and compatibility forms evened out."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))
    return {text[i : i + 15] for i in range(len(text) - 14)}


def test_every_page_is_an_article_with_a_gold_label() -> None:
    """Each line holds known fields only, strings all, an address under .example, a label, and either text or HTML."""
    for page in PAGES:
        assert page.keys() <= FIELDS
        assert all(isinstance(value, str) and value for value in page.values())
        assert ("text" in page) != ("html" in page)
        assert host(page).endswith(".example")
        assert page["story"]
        assert page.get("source", host(page)) in host(page)


def test_there_is_enough_of_everything() -> None:
    """The crawl is as large and as mixed as the demo promises."""
    languages = {page["lang"] for page in PAGES if "lang" in page}
    sites = collections.Counter(host(page) for page in PAGES)
    assert len(PAGES) >= 64
    assert len(by("story")) >= 14
    assert languages >= {"en", "fr", "de", "es", "pt", "it", "ru", "ja", "zh"}
    assert len(sites) >= 10
    assert sum(count >= 5 for count in sites.values()) >= 5
    assert 0.25 <= sum("html" in page for page in PAGES) / len(PAGES) <= 0.45
    assert sum("source" not in page for page in PAGES) >= 5
    assert sum("id" not in page for page in PAGES) >= 20


def test_pages_come_in_the_order_of_the_crawl_with_stories_interleaved() -> None:
    """Crawl times never go back, and most neighbours are of different stories."""
    times = [datetime.datetime.fromisoformat(page["crawled_at"]) for page in PAGES]
    assert times == sorted(times)
    changes = sum(a["story"] != b["story"] for a, b in itertools.pairwise(PAGES))
    assert changes > 0.7 * len(PAGES)


def test_there_are_exact_copies_at_other_addresses() -> None:
    """At least three texts stand at two addresses each, under ids of their own."""
    groups = collections.defaultdict(set)
    for page in PAGES:
        groups[content(page)].add((page["url"], page.get("id")))
    assert sum(len({url for url, _ in places}) > 1 for places in groups.values()) >= 3


def test_there_are_revisions_and_a_crawl_of_the_same_page_again() -> None:
    """An id comes again with changed text, later, and at least once with the same text."""
    pairs = [(a, b) for group in by("id").values() for a, b in itertools.pairwise(group)]
    assert all(a["crawled_at"] < b["crawled_at"] and a["story"] == b["story"] for a, b in pairs)
    assert sum(content(a) != content(b) for a, b in pairs) >= 2
    assert sum(content(a) == content(b) for a, b in pairs) >= 1


def test_a_site_repeats_its_boilerplate_on_every_text_page() -> None:
    """Two text pages of one site share a long line even when their stories have nothing in common."""
    texts = collections.defaultdict(list)
    for page in PAGES:
        if "text" in page:
            texts[host(page)].append(page)
    for pages in texts.values():
        for a, b in itertools.pairwise(pages):
            assert pieces(a["text"]) & pieces(b["text"]), (a["url"], b["url"])


@pytest.mark.parametrize("line", BROKEN, ids=range(len(BROKEN)))
def test_no_broken_message_is_an_article(line: bytes) -> None:
    """Each is not JSON, or no object, or lacks text and HTML, or has a field of the wrong type or a huge id."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        return
    if not isinstance(message, dict):
        return
    wrong = [key for key, value in message.items() if not isinstance(value, str)]
    assert wrong or not message.keys() & {"text", "html"} or len(message["id"].encode()) > 256


def test_broken_messages_are_of_many_kinds() -> None:
    """At least eight, one of them with bytes that are not UTF-8, and no two alike."""
    assert len(BROKEN) >= 8
    assert len(set(BROKEN)) == len(BROKEN)
    assert sum(b"\xfc" in line for line in BROKEN) == 1
    with pytest.raises(UnicodeDecodeError):
        b"".join(BROKEN).decode()


def test_the_table_has_the_languages_that_word_rules_get_wrong() -> None:
    """Every language is there, with its four texts and its name."""
    assert TABLE.keys() == SCRIPTS.keys()
    for row in TABLE.values():
        assert row.keys() == {"name", "base", "near", "partial", "unrelated"}


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_texts_of_a_language_are_long_enough_and_in_its_script(code: str) -> None:
    """Each text has 100 words or 350 characters, and nine letters in ten are of the language's script."""
    for name in ("base", "near", "partial", "unrelated"):
        text = unicodedata.normalize("NFC", TABLE[code][name])
        letters = [c for c in text if unicodedata.category(c) in ("Lo", "Ll", "Lu", "Mn", "Mc")]
        own = sum(re.match(SCRIPTS[code], unicodedata.name(c)) is not None for c in letters)
        assert own >= 0.9 * len(letters), name
        assert len(text) >= 350 if code in UNSPACED else len(text.split()) >= 100, name
        if code in UNSPACED:
            assert len(letters) / len(text.split()) > 12, f"{name} has spaces between words"


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_texts_of_a_language_relate_as_their_names_say(code: str) -> None:
    """Near keeps most of the base and changes it, partial holds a part of it, unrelated nothing."""
    row = TABLE[code]
    base, near, partial, unrelated = (pieces(row[name]) for name in ("base", "near", "partial", "unrelated"))
    assert row["near"] != row["base"]
    assert 0.5 <= len(base & near) / len(base) < 1
    assert 0.2 <= len(base & partial) / len(base) <= 0.6
    assert len(base & partial) / len(partial) <= 0.6
    assert not base & unrelated


def test_one_text_carries_accents_in_both_normal_forms() -> None:
    """The French base is composed and its near text is decomposed; only normalisation makes them alike."""
    row = TABLE["fr"]
    assert unicodedata.is_normalized("NFC", row["base"])
    assert unicodedata.is_normalized("NFD", row["near"])
    assert not unicodedata.is_normalized("NFC", row["near"])
