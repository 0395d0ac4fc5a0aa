"""Test the parts of tests/bench: corruption, Markov texts, scores with a background, hash functions."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest

from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.signature import unpack_rows
from reprise.model import Article, Fingerprint
from reprise.synthetic.sites import Site
from tests.bench.corruption import (
    add_ocr_errors,
    boilerplate_lines,
    drop_last_sentences,
    drop_random_sentences,
    split_sentences,
)
from tests.bench.hashes import fingerprint_with_hash
from tests.bench.markov import generate_markov_texts
from tests.bench.mixed import interleave, score_with_background
from tests.bench.noise import wilson_interval

TEN = tuple(f"Sentence {n}." for n in range(10))


@pytest.mark.parametrize(("share", "left"), [(0.0, 10), (0.1, 9), (0.5, 5), (0.9, 1), (1.0, 1)])
def test_a_share_of_the_sentences_is_dropped_but_never_all(share: float, left: int) -> None:
    """Both functions keep the same number of sentences, in their order."""
    at_random, from_the_end = drop_random_sentences(TEN, share, Random(1)), drop_last_sentences(TEN, share)
    assert len(at_random) == len(from_the_end) == left
    assert list(at_random) == sorted(at_random)
    assert from_the_end == TEN[:left]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It cost 3.5 million. “Too much,” she said. Why?", ("It cost 3.5 million.", "“Too much,” she said.", "Why?")),
        ("作坊重新开工。合同已签！", ("作坊重新开工。", "合同已签！")),
        ("ก ข ค ง จ", ("ก ข ค", "ง จ")),
    ],
)
def test_a_text_is_split_at_stops_or_into_phrases(text: str, sentences: tuple[str, ...]) -> None:
    """A decimal point is no stop, full-width stops need no space, and Thai has no stops."""
    assert split_sentences(text) == sentences


def test_character_errors_depend_on_the_share_and_the_seed() -> None:
    """A share of zero changes nothing, and the same seed makes the same errors."""
    text = "The modern barn\nburns on the corner."
    assert add_ocr_errors(text, 0, Random(1)) == text
    assert add_ocr_errors(text, 0.3, Random(1)) == add_ocr_errors(text, 0.3, Random(1)) != text


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_the_share_of_character_errors_matches_the_argument(share: float) -> None:
    """With one letter per line each error is visible, except a replacement by the same letter."""
    lines = add_ocr_errors("x\ny\nz\n" * 20_000, share, Random(1)).split("\n")
    wrong = sum(read != "xyz"[n % 3] for n, read in enumerate(lines[:60_000]))
    assert wrong / 60_000 == pytest.approx(share * 3 / 4, rel=0.2)


def test_character_errors_keep_lines_and_confuse_pairs() -> None:
    """No error removes a line break, and rn becomes m."""
    corrupted = add_ocr_errors("rn\n" * 2000, 0.5, Random(1))
    assert corrupted.count("\n") == 2000
    assert "m" in corrupted


def make_site(notices: tuple[str, ...]) -> Site:
    return Site(
        number=0,
        host="a.example",
        language="en",
        name="A",
        menu=("Home", "Sport"),
        notices=notices,
        legal="© 2025 A",
        shows_leads=False,
        sentences_per_paragraph=1,
        sentence_separator=" ",
    )


def test_boilerplate_has_the_requested_kind_and_length() -> None:
    """Without prose it is menus, headlines and legal lines, with prose it is notices."""
    sites = [make_site(("We use cookies.", "Agree.")), make_site(()), make_site(("Join us.",))]
    headlines = ["One", "Two", "Three"]
    assert boilerplate_lines(sites, headlines, 1, prose=False) == ["Home", "Sport", "One", "© 2025 A"]
    assert boilerplate_lines(sites, headlines, 5, prose=True) == ["We use cookies. Agree.", "Join us."]


def test_a_background_article_in_a_story_counts_as_wrong() -> None:
    """With two pages and two background articles in a story, precision is 1/2, and pairwise precision 1/5."""
    scores, joined = score_with_background(
        {"a": "s", "b": "s"}, {"a": "1", "b": "1", "x": "1", "y": "1", "z": "2", "w": "2"}
    )
    assert joined == 2
    assert (scores.b3_p, scores.b3_r) == (0.5, 1.0)
    assert (scores.pair_p, scores.pair_r) == (0.2, 1.0)


def test_without_a_background_the_scores_are_those_of_an_evaluation() -> None:
    """The example has a split story, one part of which is joined with another story."""
    scores, joined = score_with_background({"a": "s", "b": "s", "c": "t"}, {"a": "1", "b": "2", "c": "1"})
    assert joined == 0
    assert scores.b3_p == pytest.approx(2 / 3)
    assert (scores.pair_p, scores.pair_r) == (0.0, 0.0)


def test_pages_are_interleaved_with_the_background_in_their_order() -> None:
    """Each article arrives once, both parts keep their order, and neither comes after the other."""

    def fingerprints(letter: str, count: int) -> Iterator[Fingerprint]:
        return (Fingerprint(article_id=f"{letter}{n:03}", content_hash=b"") for n in range(count))

    arrived = [item.article_id for item in interleave(list(fingerprints("a", 50)), fingerprints("b", 200), 200, seed=3)]
    assert len(arrived) == 250
    for letter in "ab":
        part = [name for name in arrived if name[0] == letter]
        assert part == sorted(part)
    assert "a" in {name[0] for name in arrived[:40]}
    assert "b" in {name[0] for name in arrived[-40:]}


def test_the_interval_of_a_share_matches_wilsons_formula() -> None:
    """The expected values are those of the closed form for 9 of 10 and 0 of 200."""
    assert wilson_interval(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)
    assert wilson_interval(0, 200) == pytest.approx((0.0, 0.0188), abs=1e-3)


def test_markov_texts_have_only_real_pairs_of_words() -> None:
    """Every pair of words in a row occurs in a source, and the same seed gives the same texts."""
    sources = ["The mayor said the bridge is closed.", "The bridge said nothing to the mayor."]
    words = " ".join(sources).split()
    real = set(pairwise([*words, words[0]]))
    texts = [text.split() for text in generate_markov_texts(sources, count=3, words=40, seed=1)]
    assert [len(text) for text in texts] == [40, 40, 40]
    assert all(pair in real for text in texts for pair in pairwise(text))
    assert texts == [text.split() for text in generate_markov_texts(sources, count=3, words=40, seed=1)]


def test_another_hash_function_gives_another_signature() -> None:
    """Number 0 is the worker's own function. The number of shingles and the content hash do not change."""
    article = Article(
        article_id="a", text="The mayor said on Monday that the old bridge over the river Calder is closed."
    )
    own, other = fingerprint_with_hash(article, 0), fingerprint_with_hash(article, 1)
    assert own == fingerprint(article, Rule())
    assert own.signature is not None
    assert other.signature is not None
    assert own.content_hash == other.content_hash
    assert own.signature.shingle_count == other.signature.shingle_count
    assert not set(unpack_rows(own.signature)) & set(unpack_rows(other.signature))
    assert not set(sketch_of(own.signature).tolist()) & set(sketch_of(other.signature).tolist())
