"""Fingerprints of articles."""

import textwrap
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.dedup.text.backend import TextBackend
from reprise.dedup.text.fingerprint import MAX_BATCH_CHARACTERS, fingerprint, fingerprint_batch
from reprise.dedup.text.signature import unpack_rows
from reprise.dedup.text.version import TEXT_VERSION
from reprise.model import FIXED_SEED, Article, Fingerprint
from tests.text_helpers import BACKENDS, fingerprints_of_all_backends

RULE = Rule()
FIRST = (
    "L’école forestière d’Aubépierre, fermée depuis l’été 1998, rouvrira ses portes à la rentrée, a annoncé mardi "
    "le conseil départemental."
)
SECOND = (
    "The ferry to the northern islands left the harbour an hour late on Monday because a crane had blocked the quay "
    "since the early morning."
)
THIRD = "云岭县最后一家手工造纸作坊周三宣布，将在关闭三年后重新开工，首批二十名学徒已经签订合同。"
TEXT = f"{FIRST}\n{SECOND}\n{THIRD}"


#: Text version, content hash, first rows, first sketch hashes, first passages, shingle count, word count.
GOLDEN = (
    4,
    "9f5cf2de99ea159fdd86d4ea25faa3f2",
    (1481262, 25781803, 43693379, 24116178),
    (57880, 139842, 201630, 333062),
    "020102020201010000010202",
    80,
    72,
)


def of(text: str, **fields: object) -> Fingerprint:
    """Return the fingerprint of a text, on which all implementations must agree."""
    article = Article(article_id="a", text=text, **fields)  # type: ignore[arg-type]  # any field
    return fingerprints_of_all_backends([article], RULE)[0]


@pytest.mark.parametrize("seed", [0, 2, 2**32 - 1])
def test_a_seed_changes_the_rows_alone(seed: int) -> None:
    """The content hash, which story ids depend on, and the sketch are those of the fixed seed."""
    article = Article(article_id="a", text=TEXT)
    (seeded,), (fixed,) = (fingerprints_of_all_backends([article], RULE, seed=each) for each in (seed, FIXED_SEED))
    assert seeded.signature is not None
    assert fixed.signature is not None
    assert not set(unpack_rows(seeded.signature)) & set(unpack_rows(fixed.signature))
    assert replace(seeded, seed=FIXED_SEED, signature=replace(seeded.signature, rows=fixed.signature.rows)) == fixed


@pytest.mark.parametrize("backend", BACKENDS)
def test_fingerprint_is_pinned(backend: TextBackend) -> None:
    """A text has the same fingerprint on every machine, for each version of the text step."""
    found = fingerprint(Article(article_id="a", text=TEXT), Rule(permutations=8, sketch_size=64), backend=backend)
    assert found.signature is not None
    seen = (
        TEXT_VERSION,
        found.content_hash.hex(),
        tuple(unpack_rows(found.signature)[:4]),
        tuple(sketch_of(found.signature)[:4].tolist()),
        found.signature.sentence_ids[:12].hex(),
        found.signature.shingle_count,
        found.signature.word_count,
    )
    assert seen == GOLDEN, (
        "The fingerprint of the text changed: articles in an existing index would no longer match new ones. "
        "If the change is intended, increase TEXT_VERSION in reprise/dedup/text/version.py and update GOLDEN."
    )


@pytest.mark.parametrize(
    "other",
    [
        f"Accueil\nActualités\nSport\n\n{TEXT}\n\nContact | Aide | Presse",
        TEXT.upper().replace("MARDI", "Mardi"),
        unicodedata.normalize("NFD", TEXT),
        unicodedata.normalize("NFC", TEXT),
        TEXT.replace("’", "'").replace(",", " –").replace("，", "、"),
        TEXT.replace("\n", "\r\n\r\n"),
        TEXT.replace("\n", "\n\n   "),
        TEXT.replace(" ", "\u00a0"),
        TEXT.replace("forestière", "fores\u00adtière").replace("造纸", "造\u200b纸"),
        f"\ufeff{TEXT}",
        f"{TEXT}\n© 2024 Example Press. All rights reserved.",
        "\n\n".join(["\n".join(textwrap.wrap(FIRST, 60)), "\n".join(textwrap.wrap(SECOND, 60)), THIRD]),
    ],
    ids=[
        "menu", "case", "NFD", "NFC", "punctuation", "blank lines", "indentation",
        "no-break spaces", "invisible", "byte order mark", "legal line", "wrapped",
    ],
)  # fmt: skip
def test_content_hash_ignores_layout_and_boilerplate(other: str) -> None:
    """Menus, case, normal form, punctuation, white space and line ends do not change the content hash."""
    assert of(other).content_hash == of(TEXT).content_hash
    assert of(other).signature is not None


@pytest.mark.parametrize(
    "change", [("ferry", "train"), ("ferry ", ""), ("late on", "on late"), ("三年", "四年"), ("1998", "1999")]
)
def test_changed_word_changes_the_content_hash(change: tuple[str, str]) -> None:
    """One word changed, dropped or moved changes the content hash and keeps most of the sketch."""
    one, other = of(TEXT), of(TEXT.replace(*change))
    assert other.content_hash != one.content_hash
    assert one.signature is not None
    assert other.signature is not None
    assert len(set(sketch_of(one.signature)) & set(sketch_of(other.signature))) > 0.8 * len(sketch_of(one.signature))


@pytest.mark.parametrize(
    "text", ["", "!!!", "Home\nNews\nSport", "Home | News | Sport", "首页\n新闻", "A headline without a stop"]
)
def test_boilerplate_has_no_signature(text: str) -> None:
    """A text without prose has a content hash and no signature."""
    assert of(text).signature is None
    assert len(of(text).content_hash) == 16


def test_texts_without_prose_differ_by_words_or_characters() -> None:
    """The content hash of a menu covers its words; of a text without a word, its characters."""
    texts = ["", "!!!", "???", "Home\nNews", "Home\nSport"]
    assert len({of(text).content_hash for text in texts}) == len(texts)
    assert of("Home | News").content_hash == of("HOME\nnews").content_hash


@pytest.mark.parametrize(
    "lines",
    [
        lambda number: [f"Share {number * 7 + line} fund\t{line * number % 97}\t{line}" for line in range(40)],
        lambda number: [f"{number * 31 + line} to {line * number}" for line in range(60)],
        lambda number: [" | ".join(f"Entry {number * 40 + line} here" for line in range(40))],
        lambda number: [f"Player {number}x{line}" for line in range(60)],
    ],
    ids=["a table", "a ticker", "a link bar", "short lines"],
)
@pytest.mark.parametrize("constant", [SECOND, THIRD], ids=["English", "Chinese"])
def test_pages_that_share_little_have_other_content_hashes(lines: Callable[[int], list[str]], constant: str) -> None:
    """Pages with one sentence in common and most words outside of it are no exact copies."""
    pages = ["\n".join([*lines(number), constant]) for number in range(1, 6)]
    assert len({of(page).content_hash for page in pages}) == len(pages)


def test_content_hash_covers_all_words_if_less_than_half_is_kept() -> None:
    """With as many kept words as others, the content hash is that of the kept ones; with one word more, of all."""
    words = len(SECOND.split())
    menu = "\n".join(f"Entry{number}" for number in range(words))
    assert of(f"{menu}\n{SECOND}").content_hash == of(SECOND).content_hash
    longer = of(f"{menu}\nMore\n{SECOND}")
    assert longer.content_hash != of(SECOND).content_hash
    assert longer.signature == of(SECOND).signature


def test_html_keeps_shorter_paragraphs() -> None:
    """A paragraph of 12 words is kept in text extracted from HTML, and dropped from plain text."""
    short = "Nobody was hurt, the harbour master said in the evening, adding thanks."
    assert of(f"{SECOND}\n{short}").content_hash == of(SECOND).content_hash
    assert of(f"{SECOND}\n{short}", extracted=True).content_hash != of(SECOND, extracted=True).content_hash


def test_article_fields_are_copied() -> None:
    """The fingerprint has the article's id, source and crawl time; the rule sets the sizes of the signature."""
    rule = Rule(permutations=12, sketch_size=20)
    article = Article(article_id="x", text=TEXT, source="example.org", crawled_at_ms=7)
    (found,) = fingerprints_of_all_backends([article], rule)
    assert (found.article_id, found.source, found.crawled_at_ms) == ("x", "example.org", 7)
    assert found.signature is not None
    assert (len(unpack_rows(found.signature)), len(sketch_of(found.signature))) == (12, 20)


@pytest.mark.parametrize("text", ["\ud800", f"{SECOND} \udfff", "\x00" * 50, "\U0010ffff", "\u0301"])
def test_unusual_characters_raise_no_error(text: str) -> None:
    """Texts with lone surrogates, NULs and unassigned characters have fingerprints."""
    assert len(of(text).content_hash) == 16


#: Texts whose start or end could be misread next to another text.
AMBIGUOUS_ENDS = [
    "", " ", "\n", "!!!", ".", "“", "©", "\u0301", "\u200b", "Home\nNews", "all rights", " reserved.", "漢", "กิน ไทย ",
    "ทดสอบ ระบบ ใหม่", "ទឹក ដី។ ភ្លើង", "The crane came down.\nNobody had seen it fall.\nThe ferry waited in the harbour.",
    FIRST, SECOND, THIRD, TEXT, f"{SECOND}”", f"  {SECOND}", f"{SECOND} ", "One. Two", "\ud800 lone", "\U0010ffff",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(st.one_of(st.sampled_from(AMBIGUOUS_ENDS), st.text()), st.booleans()), max_size=12))
def test_batches_equal_single_articles(given_texts: list[tuple[str, bool]]) -> None:
    """In any batch of plain and extracted texts, each article has the same fingerprint as alone."""
    articles = [
        Article(article_id=str(number), text=text, extracted=extracted)
        for number, (text, extracted) in enumerate(given_texts)
    ]
    for backend in BACKENDS:
        alone = [fingerprint(article, RULE, backend=backend) for article in articles]
        assert fingerprint_batch(articles, RULE, backend=backend) == alone


def test_batches_of_any_size_keep_the_order() -> None:
    """More characters than fit one batch, with a text that exceeds a batch, return in the order of the articles."""
    long = "\n".join([SECOND, THIRD] * (MAX_BATCH_CHARACTERS // len(SECOND)))
    texts = [f"{text} {number}." for number, text in enumerate([FIRST, long, SECOND, TEXT] * 4)]
    articles = [Article(article_id=text[-9:], text=text) for text in texts]
    assert sum(map(len, texts)) > 4 * MAX_BATCH_CHARACTERS
    for backend in BACKENDS:
        alone = [fingerprint(article, RULE, backend=backend) for article in articles]
        assert fingerprint_batch(articles, RULE, backend=backend) == alone
