"""The native text step returns the fingerprints of the numpy code, bit for bit."""

import json
import random
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import reprise.dedup.text as text_step
from reprise.dedup.rule import Rule
from reprise.dedup.text.backend import TextBackend, choose_backend
from reprise.dedup.text.characters import char_classes, normal_forms, white_space
from reprise.dedup.text.fingerprint import MAX_BATCH_CHARACTERS, fingerprint_batch
from reprise.dedup.text.hashing import PRECOMPUTED_POWERS
from reprise.dedup.text.version import TEXT_VERSION
from reprise.model import Article
from tests.fuzz.strategies import TEXTS
from tests.layouts import LAYOUTS
from tests.support import unavailable
from tests.text_helpers import fingerprints_of_all_backends

LANGUAGES: Final[dict[str, dict[str, str]]] = json.loads(
    (Path(__file__).parents[3] / "data" / "languages.json").read_text("utf-8")
)
SENTENCE: Final = (
    "The ferry to the northern islands left the harbour an hour late on Monday because a crane had blocked the quay "
    "since the early morning of 3 May. "
)

#: What surrounds each code point: words, digits, spaces, terminators, line ends, and the code point itself.
SHORT_CONTEXT: Final = "x{0}y {0} {0}{0} z.{0} "
LONG_CONTEXT: Final = f"{SHORT_CONTEXT}1{{0}}2, {{0}}漢{{0}} ก{{0}} {{0}}. {{0}}e\u0301\n{SENTENCE}{{0}}\n\n{{0}}"

#: Words at the edges of lines: small letters, capitals, digits of several scripts, scripts without spaces or capitals,
#: Vietnamese, letters that are folded, and words with terminators, closing quotes, commas and invisible characters.
WORDS: Final = (
    "the crane", "a", "word", "Harbour", "THE ISLANDS", "3", "1,200", "٣", "४", "漢字", "かな。", "ไทย", "ກິນ", "한국",
    "العربية", "כִּתָּה", "مُدَرِّسٌ", "ـ", "đường", "Ở", "ăn", "việt", "ΣΟΦΟΣ", "άλλος", "ё", "ı", "İ", "ş", "ي", "end.",
    "end.”", "(end?)", "end!)))))", "“quote", "((((deep", "«", "mid,", "mid;", "وسط،", "।", "។", "|", "•", "-", "_",
    "\u02bc", "e\u0301", "\u200b", "\u00ad", "©", "\ud800", "…", "™", "copyright",
)  # fmt: skip

#: White space between words: one and several, in a line and between lines.
SPACES: Final = (
    " ", "  ", "   ", "    ", "\u00a0", " \u00a0", "\u00a0 ", "\u00a0\u00a0", "\u2003", "\u3000 ", "\t", "\t\t", " \t",
    "\n", "\n\n", "\n\n\n", " \n", "\n ", "\n    ", "\n\t", "\r\n", "\r\n\r\n", "\r", "\x0b", "\x85", "\u2028", "",
)  # fmt: skip

#: Parts of addresses, Markdown links, marks of footnotes and time codes, complete and incomplete.
PRESENTATION: Final = (
    "http://", "https://", "httphttps://", "://", "www.", "wwww.", "www.www.", "w", "a.example/path", "x" * 1999, "[1]",
    "[١٢]", "[", "]", "](", "[a](b)", ")", "»", "”", ".", ",", "<", ">", '"', "¹", "word²", "°", "\n0:12 ", "\n٠:12",
    "\n12:34:56,7 --> 1:23 ", "\n1 ", "\n:", "\n", "\t", "\t\t", " ", "\u3000", "\x1c", "\u00a0",
    "word", "漢", "\ud800",
)  # fmt: skip

PHRASES_IN_THAI: Final = "กิน ไทย " * 9


@pytest.fixture(autouse=True)
def _native() -> None:
    if choose_backend() is not TextBackend.NATIVE:
        unavailable("native", "the native text step is not installed; it needs cargo")


def agree(*texts: str) -> None:
    """Check that the implementations agree on texts, plain and extracted, together and alone."""
    articles = [
        Article(article_id="a", text=text, extracted=extracted) for text in texts for extracted in (False, True)
    ]
    fingerprints_of_all_backends(articles, Rule())
    for article in articles:
        fingerprints_of_all_backends([article], Rule())


def agree_on_code_points(points: NDArray[np.intp], context: str) -> None:
    """Check that the implementations agree on code points in a context, 256 in one text."""
    contexts = [context.format(chr(point)) for point in points]
    texts = ["".join(contexts[start : start + 256]) for start in range(0, len(contexts), 256)]
    fingerprints_of_all_backends([Article(article_id="a", text=text) for text in texts], Rule())


def test_all_code_points_in_context() -> None:
    """The implementations agree on every code point of Unicode, next to others that normalise like it."""
    forms = normal_forms()
    stable = forms != 0
    plain = (char_classes()[:-1] == 0) & (forms == np.arange(len(forms)))  # most are unassigned
    agree_on_code_points(np.flatnonzero(plain), SHORT_CONTEXT)
    agree_on_code_points(np.flatnonzero(stable & ~plain), LONG_CONTEXT)
    agree_on_code_points(np.flatnonzero(~stable), LONG_CONTEXT)


def test_code_points_alone() -> None:
    """The implementations agree on texts of one code point: several of each combination of classes."""
    kinds = char_classes()[:-1].astype(np.uint32) | (normal_forms() == 0).astype(np.uint32) << 16
    points = [point for kind in np.unique(kinds) for point in np.flatnonzero(kinds == kind)[:: 1 << 10][:20].tolist()]
    texts = [text for point in points for text in (chr(point), chr(point) * 3)]
    fingerprints_of_all_backends([Article(article_id="a", text=text) for text in texts], Rule())


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(language: str) -> None:
    """The implementations agree on reports in fifteen languages, also hard-wrapped and in upper case."""
    for text in LANGUAGES[language].values():
        wrapped = "\n".join(text[start : start + 70] for start in range(0, len(text), 70))
        agree(text, wrapped, text.upper(), f"{text}…\n\u00a9 {text}\u2122")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    """The implementations agree on reports in fifteen languages in each layout, in one batch of all languages."""
    rng = random.Random(layout)
    texts = [text for texts in LANGUAGES.values() for text in texts.values()]
    articles = [
        Article(article_id="a", text=LAYOUTS[layout](text, rng), extracted=number % 2 > 0)
        for number, text in enumerate(texts)
    ]
    fingerprints_of_all_backends(articles, Rule())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n\n\n",
        "\0",
        "\ud800",
        "\udfff\ud800",
        f"{SENTENCE}\ud800 {SENTENCE}",
        f"{SENTENCE}\ud83d\ude00 {SENTENCE}",
        "\u0301",
        "\u0301" * 100,
        SENTENCE + "a" + "\u0301" * 31 + ". " + SENTENCE,
        "\u00ad\u200b\ufeff",
        "\ufdfa" * 5000,
        "\u0130\u03a3 \u03a3.",
        f"\u2026 \u2122 {SENTENCE}\u2026",
        f"\u2026 \u2122 \u0301 {SENTENCE}",
        "Home | News | Sport",
        "The crane came down.\nNobody had seen it fall.\nThe ferry waited.\nThe harbour slept on.",
        "漢字。" * 9,
        "漢字仮名。\n" * 5,
        "กิน ไทย " * 9,
        "กิน\u0e31\u0e31 ไทย។ ",
        f"{SENTENCE}\n© 2024 Example Press. All rights reserved.",
        "\n".join(["© copyright", "privacy policy", "cop", SENTENCE]),
        "word " * 64,
        "word " * 65,
        "word " * 129 + "end. " + "word " * 200,
        "đường " * 4 + "word " * 36,
        "đường " * 4 + "word " * 37,
        "\n".join(["Four Words In Capitals", "four words in line"] * 12),
        "\n".join(["four words in line"] * 12),
        "\n".join(["four words in line"] * 13),
        "\n".join(["four words in line"] * 13 + ["| one | two |"] * 8),
        "\n\n".join(["Three words here.", "four words in line"] * 20 + [SENTENCE]),
        "two  spaces " * 20 + "and one " * 9,
        "two  spaces " * 20 + "and one " * 10,
        "a comma,   and a comma,    and a pair \u00a0of spaces \u00a0Before \u00a03 " + SENTENCE,
        "\n".join(
            ["this line is open and", "goes on (", "“with a quote", "(((((and another", "Capital next to", "3 lines."]
        ),
        "\n".join(["this line has a sentence and its end.", "The next line begins", "with a capital and goes on"] * 2),
        "\n\n".join(
            ["this line is open and", "goes on after", "Blank lines", "漢字漢字漢字漢字漢字漢字", "漢字漢字漢字漢字"]
            * 3
        ),
    ],
)
def test_edge_cases(text: str) -> None:
    """The implementations agree on empty texts, surrogates, marks, invisible characters, menus and legal lines."""
    agree(text, f"{text}\n{SENTENCE}", f"{SENTENCE}{text}")


def test_long_texts() -> None:
    """The implementations agree on texts longer than the precomputed tables, the batches and the hash buckets."""
    numbers = " ".join(f"{number:x}" for number in range(PRECOMPUTED_POWERS + 1000))
    agree(SENTENCE * (PRECOMPUTED_POWERS // len(SENTENCE) + 1), f"{numbers}.", "x" * MAX_BATCH_CHARACTERS * 2)


def test_large_batches_keep_the_order() -> None:
    """A batch of short and huge texts, some of which Python must normalise, returns in the order of the articles."""
    texts = [f"{number} {text}" for number in range(6) for text in (SENTENCE, SENTENCE * 3000, f"{SENTENCE}e\u0301")]
    found = fingerprints_of_all_backends([Article(article_id=text[-9:], text=text) for text in texts], Rule())
    assert len({one.content_hash for one in found}) == len(texts)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.one_of(TEXTS, st.text(max_size=2000)), st.booleans()), max_size=6),
    st.sampled_from([Rule(), Rule(permutations=1, sketch_size=1), Rule(permutations=7, sketch_size=30)]),
)
def test_drawn_texts(drawn: list[tuple[str, bool]], rule: Rule) -> None:
    """The implementations agree on texts of any characters, and of pieces with rules of their own."""
    articles = [Article(article_id="a", text=text, extracted=extracted) for text, extracted in drawn]
    fingerprints_of_all_backends(articles, rule)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([text for texts in LANGUAGES.values() for text in texts.values()]),
            st.integers(0, 600),
            st.integers(0, 300),
            st.sampled_from(["", " ", "\n", "  ", ". ", "\t", "| ", "。", "\u00ad", "\u0301", "\n ", "©", "\ud800"]),
        ),
        max_size=12,
    )
)
def test_mixed_languages(parts: list[tuple[str, int, int, str]]) -> None:
    """The implementations agree on texts put together from pieces in many scripts."""
    agree("".join(text[start : start + length] + end for text, start, length, end in parts))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SPACES)), max_size=120),
    st.lists(st.sampled_from(SPACES), min_size=1, max_size=4),
    st.integers(1, 12),
)
def test_words_and_spaces(parts: list[tuple[str, str]], spaces: list[str], repetitions: int) -> None:
    """The implementations agree on many kinds of words with one kind of white space between them, and with many."""
    words = [word for word, _ in parts] * repetitions
    mixed = "".join(word + space for word, space in parts)
    uniform = "".join(word + spaces[number % len(spaces)] for number, word in enumerate(words))
    agree(mixed, uniform, mixed + uniform, PHRASES_IN_THAI)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([text for texts in LANGUAGES.values() for text in texts.values()]),
    st.sampled_from(sorted(LAYOUTS)),
    st.lists(st.tuples(st.integers(0, 1500), st.sampled_from(WORDS + SPACES)), max_size=20),
    st.randoms(use_true_random=False),
)
def test_edited_layouts(text: str, layout: str, insertions: list[tuple[int, str]], rng: random.Random) -> None:
    """The implementations agree on laid-out reports with words and white space inserted anywhere."""
    laid_out = LAYOUTS[layout](text, rng)
    for offset, piece in insertions:
        laid_out = f"{laid_out[:offset]}{piece}{laid_out[offset:]}"
    agree(laid_out, PHRASES_IN_THAI)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(PRESENTATION), max_size=60), st.integers(0, 60))
def test_presentation(pieces: list[str], place: int) -> None:
    """The implementations agree on addresses, links, marks and tabs that touch each other, alone and in a report."""
    text = "".join(pieces)
    agree(text, f"{SENTENCE}{text}{SENTENCE}", "".join([*pieces[:place], SENTENCE, *pieces[place:]]))


def test_white_space_of_all_of_unicode() -> None:
    """The table of white space is complete: `str.isspace` is false for all other characters."""
    assert white_space() == "".join(char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace())


def test_the_lock_of_python_is_released() -> None:
    """Another thread runs while the native code works, without waiting for the interpreter's switch interval."""
    articles = [Article(article_id="a", text=SENTENCE * 5000)]
    fingerprint_batch(articles, Rule(), backend=TextBackend.NATIVE)  # builds the tables
    released, ran = threading.Lock(), threading.Event()
    released.acquire()

    def run() -> None:
        with released:
            ran.set()

    thread = threading.Thread(target=run)
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100.0)
    try:
        released.release()
        fingerprint_batch(articles, Rule(), backend=TextBackend.NATIVE)
        assert ran.is_set()
    finally:
        sys.setswitchinterval(interval)
        thread.join()


def test_module_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker uses numpy if the native module is missing or was built for another version of the text step."""
    module = ModuleType("reprise.dedup.text._native")
    monkeypatch.setattr(text_step, "_native", module)
    module.TEXT_VERSION = TEXT_VERSION + 1  # type: ignore[attr-defined]  # set by the compiled module
    assert choose_backend() is TextBackend.NUMPY
    module.TEXT_VERSION = TEXT_VERSION  # type: ignore[attr-defined]  # as above
    assert choose_backend() is TextBackend.NATIVE
    monkeypatch.delattr(text_step, "_native")
    monkeypatch.setitem(sys.modules, "reprise.dedup.text._native", None)
    assert choose_backend() is TextBackend.NUMPY
