"""An article's text to its fingerprint."""

import textwrap
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.decision import Rule
from reprise.dedup.text.fingerprint import _TOGETHER, fingerprint, fingerprint_batch
from reprise.dedup.text.version import TEXT_VERSION
from reprise.model import Article, Fingerprint

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


#: version, content hash, first rows, sketch and passages, size, words
GOLDEN = (
    2,
    "9f5cf2de99ea159fdd86d4ea25faa3f2",
    (1481262, 25781803, 43693379, 24116178),
    (57880, 139842, 201630, 333062),
    "020102020201010000010202",
    80,
    72,
)


def of(text: str, **fields: object) -> Fingerprint:
    return fingerprint(Article(article_id="a", text=text, **fields), RULE)  # type: ignore[arg-type]  # any field


def test_the_text_step_is_pinned() -> None:
    """One text has one fingerprint for each version of the text step, on every machine."""
    found = fingerprint(Article(article_id="a", text=TEXT), Rule(permutations=8, sketch_size=64))
    assert found.signature is not None
    seen = (
        TEXT_VERSION,
        found.content_hash.hex(),
        found.signature.rows[:4],
        found.signature.sketch[:4],
        found.signature.passages[:12].hex(),
        found.signature.size,
        found.signature.words,
    )
    assert seen == GOLDEN, (
        "The same text has another fingerprint than before: an index would hold two kinds that never match. "
        "Raise TEXT_VERSION in reprise/text/version.py if that is meant, and write the new numbers here."
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
def test_what_is_no_content_makes_no_difference(other: str) -> None:
    """Menus, case, normal form, punctuation, white space and line ends leave content hash and signature size alone."""
    assert of(other).content_hash == of(TEXT).content_hash
    assert of(other).signature is not None


@pytest.mark.parametrize(
    "change", [("ferry", "train"), ("ferry ", ""), ("late on", "on late"), ("三年", "四年"), ("1998", "1999")]
)
def test_another_word_is_another_content(change: tuple[str, str]) -> None:
    """One word changed, dropped or moved gives another content hash and still most of the sketch."""
    one, other = of(TEXT), of(TEXT.replace(*change))
    assert other.content_hash != one.content_hash
    assert one.signature is not None
    assert other.signature is not None
    assert len(set(one.signature.sketch) & set(other.signature.sketch)) > 0.8 * len(one.signature.sketch)


@pytest.mark.parametrize(
    "text", ["", "!!!", "Home\nNews\nSport", "Home | News | Sport", "首页\n新闻", "A headline without a stop"]
)
def test_boilerplate_has_no_signature(text: str) -> None:
    """What does not read like prose has a content hash alone."""
    assert of(text).signature is None
    assert len(of(text).content_hash) == 16


def test_texts_without_prose_differ_by_words_or_characters() -> None:
    """Menus are told apart by their words, texts without a word by their characters."""
    texts = ["", "!!!", "???", "Home\nNews", "Home\nSport"]
    assert len({of(text).content_hash for text in texts}) == len(texts)
    assert of("Home | News").content_hash == of("HOME\nnews").content_hash


def test_html_keeps_shorter_paragraphs() -> None:
    """Of extracted text a paragraph of a dozen words counts; of plain text it does not."""
    short = "Nobody was hurt, the harbour master said in the evening, adding thanks."
    assert of(f"{SECOND}\n{short}").content_hash == of(SECOND).content_hash
    assert of(f"{SECOND}\n{short}", extracted=True).content_hash != of(SECOND, extracted=True).content_hash


def test_the_article_is_handed_through() -> None:
    """Id, source and crawl time stand in the fingerprint as they came; the rule sets the sizes."""
    rule = Rule(permutations=12, sketch_size=20)
    article = Article(article_id="x", text=TEXT, source="example.org", crawled_at_ms=7)
    found = fingerprint(article, rule)
    assert (found.article_id, found.source, found.crawled_at_ms) == ("x", "example.org", 7)
    assert found.signature is not None
    assert (len(found.signature.rows), len(found.signature.sketch)) == (12, 20)


@pytest.mark.parametrize("text", ["\ud800", f"{SECOND} \udfff", "\x00" * 50, "\U0010ffff", "\u0301"])
def test_odd_characters_are_no_error(text: str) -> None:
    """Lone surrogates, zeros and unassigned characters have a fingerprint like any other text."""
    assert len(of(text).content_hash) == 16


#: Texts whose ends, in another text's company, could be taken for something else.
ENDS = [
    "", " ", "\n", "!!!", ".", "“", "©", "\u0301", "\u200b", "Home\nNews", "all rights", " reserved.", "漢", "กิน ไทย ",
    "ทดสอบ ระบบ ใหม่", "ទឹក ដី។ ភ្លើង", "The crane came down.\nNobody had seen it fall.\nThe ferry waited in the harbour.",
    FIRST, SECOND, THIRD, TEXT, f"{SECOND}”", f"  {SECOND}", f"{SECOND} ", "One. Two", "\ud800 lone", "\U0010ffff",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(st.one_of(st.sampled_from(ENDS), st.text()), st.booleans()), max_size=12))
def test_articles_together_are_as_each_alone(given_texts: list[tuple[str, bool]]) -> None:
    """In any company and order, of plain and extracted text, an article has the fingerprint that it has alone."""
    articles = [
        Article(article_id=str(number), text=text, extracted=extracted)
        for number, (text, extracted) in enumerate(given_texts)
    ]
    assert fingerprint_batch(articles, RULE) == [fingerprint(article, RULE) for article in articles]


def test_articles_together_in_any_number() -> None:
    """More than are tokenised at once, and one that is too long for company, come back in their order."""
    long = "\n".join([SECOND, THIRD] * (_TOGETHER // len(SECOND)))
    texts = [f"{text} {number}." for number, text in enumerate([FIRST, long, SECOND, TEXT] * 4)]
    articles = [Article(article_id=text[-9:], text=text) for text in texts]
    assert sum(map(len, texts)) > 4 * _TOGETHER
    assert fingerprint_batch(articles, RULE) == [fingerprint(article, RULE) for article in articles]
