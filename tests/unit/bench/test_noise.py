"""Claims about the measurements in tests/bench: the wear is as strong as it says, and what is foreign counts."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest

from reprise.dedup.decision import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.model import Article, Fingerprint
from reprise.synthetic.sites import Site
from tests.bench.chained import chained
from tests.bench.corruption import furniture, misread, sentences_of, shortened, thinned
from tests.bench.hashes import rehashed
from tests.bench.mixed import scattered, score_among
from tests.bench.noise import wilson

TEN = tuple(f"Sentence {n}." for n in range(10))


@pytest.mark.parametrize(("share", "left"), [(0.0, 10), (0.1, 9), (0.5, 5), (0.9, 1), (1.0, 1)])
def test_a_share_of_the_sentences_is_dropped_and_one_is_always_left(share: float, left: int) -> None:
    """Both ways of cutting leave as many sentences, in their order."""
    at_random, from_the_end = thinned(TEN, share, Random(1)), shortened(TEN, share)
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
def test_a_text_is_cut_at_its_stops_and_else_into_phrases(text: str, sentences: tuple[str, ...]) -> None:
    """A number's point is no stop, full-width stops need no space, and Thai has no stops at all."""
    assert sentences_of(text) == sentences


def test_nothing_is_misread_at_a_share_of_zero_and_the_same_chance_misreads_alike() -> None:
    """A run can be repeated."""
    text = "The modern barn\nburns on the corner."
    assert misread(text, 0, Random(1)) == text
    assert misread(text, 0.3, Random(1)) == misread(text, 0.3, Random(1)) != text


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_as_many_letters_are_misread_as_it_says(share: float) -> None:
    """A letter a line shows each error, but for those that read another letter and draw the same again."""
    worn = misread("x\ny\nz\n" * 20_000, share, Random(1)).split("\n")
    wrong = sum(read != "xyz"[n % 3] for n, read in enumerate(worn[:60_000]))
    assert wrong / 60_000 == pytest.approx(share * 3 / 4, rel=0.2)


def test_lines_stay_and_pairs_of_letters_are_taken_for_one() -> None:
    """No error moves a line end, and rn becomes m."""
    worn = misread("rn\n" * 2000, 0.5, Random(1))
    assert worn.count("\n") == 2000
    assert "m" in worn


def site(notices: tuple[str, ...]) -> Site:
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


def test_furniture_is_of_the_asked_kind_and_stops_when_there_are_enough_words() -> None:
    """Menus and legal lines on one side, notices on the other."""
    among, headlines = [site(("We use cookies.", "Agree.")), site(()), site(("Join us.",))], ["One", "Two", "Three"]
    assert furniture(among, headlines, 1, prose=False) == ["Home", "Sport", "One", "© 2025 A"]
    assert furniture(among, headlines, 5, prose=True) == ["We use cookies. Agree.", "Join us."]


def test_a_foreign_article_in_a_story_counts_as_wrong() -> None:
    """Two pages of one story with two foreign articles: half of what each page finds is right, and one pair in five."""
    scores, glued = score_among({"a": "s", "b": "s"}, {"a": "1", "b": "1", "x": "1", "y": "1", "z": "2", "w": "2"})
    assert glued == 2
    assert (scores.b3_p, scores.b3_r) == (0.5, 1.0)
    assert (scores.pair_p, scores.pair_r) == (0.2, 1.0)


def test_without_anything_foreign_the_scores_are_those_of_an_evaluation() -> None:
    """A story split in two and one joined to it."""
    scores, glued = score_among({"a": "s", "b": "s", "c": "t"}, {"a": "1", "b": "2", "c": "1"})
    assert glued == 0
    assert scores.b3_p == pytest.approx(2 / 3)
    assert (scores.pair_p, scores.pair_r) == (0.0, 0.0)


def test_pages_are_scattered_in_their_order_over_all_that_is_foreign() -> None:
    """Everything arrives once, both parts in order, and not one part after the other."""

    def named(letter: str, count: int) -> Iterator[Fingerprint]:
        return (Fingerprint(article_id=f"{letter}{n:03}", content_hash=b"") for n in range(count))

    arrived = [each.article_id for each in scattered(list(named("a", 50)), named("b", 200), 200, seed=3)]
    assert len(arrived) == 250
    for letter in "ab":
        of_one = [name for name in arrived if name[0] == letter]
        assert of_one == sorted(of_one)
    assert "a" in {name[0] for name in arrived[:40]}
    assert "b" in {name[0] for name in arrived[-40:]}


def test_the_interval_of_a_share_is_wilsons() -> None:
    """Checked against the values of the closed form for 9 of 10, and for none."""
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)
    assert wilson(0, 200) == pytest.approx((0.0, 0.0188), abs=1e-3)


def test_chained_articles_hold_real_pairs_of_words_only() -> None:
    """Each two words in a row stand so in a source, and the same seed writes the same."""
    sources = ["The mayor said the bridge is closed.", "The bridge said nothing to the mayor."]
    words = " ".join(sources).split()
    real = set(pairwise([*words, words[0]]))
    written = [text.split() for text in chained(sources, count=3, words=40, seed=1)]
    assert [len(text) for text in written] == [40, 40, 40]
    assert all(pair in real for text in written for pair in pairwise(text))
    assert written == [text.split() for text in chained(sources, count=3, words=40, seed=1)]


def test_another_hash_function_gives_another_signature_of_the_same_text() -> None:
    """Number 0 is the worker's own; all see as many shingles, and the content hash is of the text alone."""
    article = Article(
        article_id="a", text="The mayor said on Monday that the old bridge over the river Calder is closed."
    )
    own, other = rehashed(article, 0), rehashed(article, 1)
    assert own == fingerprint(article, Rule())
    assert own.signature is not None
    assert other.signature is not None
    assert own.content_hash == other.content_hash
    assert own.signature.size == other.signature.size
    assert not set(own.signature.rows) & set(other.signature.rows)
    assert not set(own.signature.sketch) & set(other.signature.sketch)
