"""The decision on sketches: exact on small ones made by hand, close to the truth on texts."""

import dataclasses
import random
from collections.abc import Sequence
from itertools import permutations
from statistics import fmean

import numpy as np
import pytest

from reprise.dedup.comparison import IDENTICAL, Comparison, accepts, compare
from reprise.dedup.decision import (
    Choice,
    choose,
    choose_earlier_crawl,
    is_stock_phrase,
    kind_of,
    quantise,
    shortlist,
    source_key,
)
from reprise.dedup.matches import Representative
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.shingles import Shingles
from reprise.dedup.text.signature import make_signature
from reprise.dedup.text.tokens import tokenise
from reprise.model import Kind, Signature
from tests.text_helpers import shingles

RULE = Rule()
THREE_SOURCES = Rule(merge_sources=3)
A, B, C, UNKNOWN = source_key("a"), source_key("b"), source_key("c"), source_key(None)


def signature(sketch: list[int], passages: list[int], *, size: int = 0, words: int = 0) -> Signature:
    """Return a signature. Without a size the sketch has all shingles of the text."""
    return Signature(
        rows=b"",
        sketch=np.array(sketch, dtype="<u4").tobytes(),
        sentence_ids=bytes(passages),
        shingle_count=size or len(sketch),
        word_count=words or len(sketch),
    )


FOUR = signature([10, 20, 30, 40], [0, 0, 1, 1], words=6)


@pytest.mark.parametrize(
    ("article", "sketch", "size", "expected"),
    [
        # all of both texts is known; 3 of 5 are shared; one shared hash copies no sentence
        (FOUR, (10, 20, 30, 50), 4, (3 / 5, 3 / 4, 2 / 5, 2 / 4, 2, 2 * 6 / 4)),
        # both sentences copied, of a text that is contained in the other
        (FOUR, (10, 20, 30, 40, 50, 60), 6, (4 / 6, 1.0, 4 / 6, 1.0, 4, 6.0)),
        # they are the same text
        (FOUR, (10, 20, 30, 40), 4, (1.0, 1.0, 1.0, 1.0, 4, 6.0)),
        # one shared hash each: nothing copied
        (FOUR, (20, 30), 2, (2 / 4, 1.0, 0.0, 0.0, 0, 0.0)),
        # the other's sketch reaches up to 30: the article's 40 is not compared
        (FOUR, (10, 15, 30), 9, (2 / 4, 2 / 3, 0.0, 0.0, 0, 0.0)),
        # the article's sketch reaches up to 40: the other's 50 and 60 are not compared
        (
            dataclasses.replace(FOUR, shingle_count=100, word_count=300),
            (10, 20, 50, 60),
            4,
            (2 / 4, 1.0, 2 / 4, 1.0, 2, 2 * 300 / 4),
        ),
        # both are samples: the shorter reach counts
        (
            dataclasses.replace(FOUR, shingle_count=9, word_count=20),
            (20, 30, 35, 99),
            70,
            (2 / 5, 2 / 3, 0.0, 0.0, 0, 0.0),
        ),
        # 2 of 7 hashes of a sentence are less than its share, 3 of 10 are just that
        (signature(list(range(0, 14, 2)), [0] * 7), (0, 2), 2, (2 / 7, 1.0, 0.0, 0.0, 0, 0.0)),
        (
            signature(list(range(0, 20, 2)), [0] * 10, words=30),
            (0, 2, 4),
            3,
            (3 / 10, 1.0, 3 / 10, 1.0, 3, 9.0),
        ),
        # three figures (odd), one of which the other has: the second sentence is not copied, the first still is
        (
            signature([10, 20, 31, 33, 35, 40], [0, 0, 1, 1, 1, 1]),
            (10, 20, 31, 37, 39, 40),
            6,
            (4 / 8, 4 / 6, 2 / 8, 2 / 6, 2, 2.0),
        ),
        # with two of them, as after an edit beside a figure, it is copied
        (signature([30, 31, 33, 35], [0] * 4), (31, 33, 37, 40), 4, (2 / 6, 2 / 4, 2 / 6, 2 / 4, 2, 2.0)),
    ],
)
def test_comparison_by_hand(
    article: Signature, sketch: tuple[int, ...], size: int, expected: tuple[float, ...]
) -> None:
    """Both similarities, both containments, hashes and words are the numbers that one counts by hand."""
    comparison = compare(article, np.array(sketch, dtype=np.uint32), size, RULE)
    assert comparison is not None
    fields = (
        comparison.similarity,
        comparison.containment,
        comparison.copied_similarity,
        comparison.copied,
        comparison.hashes,
        comparison.words,
    )
    assert fields == pytest.approx(expected)


@pytest.mark.parametrize(
    ("sketch", "size"), [((11, 21), 2), ((), 0), ((1, 2, 3), 90), ((41, 10_000), 2), ((50, 60), 99)]
)
def test_texts_that_share_nothing_are_not_compared(sketch: tuple[int, ...], size: int) -> None:
    """Without a shared hash there is no comparison."""
    assert compare(FOUR, np.array(sketch, dtype=np.uint32), size, RULE) is None


def shingles_of(text: str) -> Shingles:
    tokens = tokenise(normalise(text))
    return shingles(tokens, np.ones(len(tokens), dtype=np.bool_))


def pair_of_texts(seed: int) -> tuple[str, str]:
    """Two texts of up to 120 sentences of 12 words that share some of them."""
    rng = random.Random(seed)
    sentences = [" ".join(f"w{rng.randrange(5_000)}" for _ in range(12)) + "." for _ in range(240)]
    one, other, shared = rng.randint(10, 120), rng.randint(10, 120), rng.random()
    common = round(shared * min(one, other))
    return " ".join(sentences[:one]), " ".join(sentences[one - common : one - common + other])


def test_estimates_are_close_to_the_truth() -> None:
    """Over texts of 100 to 1,200 shingles both estimates are off by 0.03 at most on average, and never by 0.15."""
    errors: list[tuple[float, float]] = []
    for seed in range(120):
        one, other = map(shingles_of, pair_of_texts(seed))
        all_one, all_other = set(one.hashes.tolist()), set(other.hashes.tolist())
        shared = len(all_one & all_other)
        ours, theirs = (make_signature(each, 1, RULE.sketch_size) for each in (one, other))
        comparison = compare(ours, sketch_of(theirs), theirs.shingle_count, RULE)
        if comparison is None:
            assert shared / len(all_one | all_other) < 0.05
            continue
        errors.append(
            (
                abs(comparison.similarity - shared / len(all_one | all_other)),
                abs(comparison.containment - shared / min(len(all_one), len(all_other))),
            )
        )
    assert len(errors) > 100
    assert fmean(error for error, _ in errors) < 0.03
    assert fmean(error for _, error in errors) < 0.03
    assert max(max(pair) for pair in errors) < 0.15


def comparison(**changes: float) -> Comparison:
    """Return a comparison at the thresholds for two sources, with changes."""
    least = Comparison(
        similarity=0.05,
        containment=0.1,
        copied_similarity=0.05,
        copied=RULE.copied_share,
        whole=0.0,
        altered=0.0,
        hashes=RULE.copied_hashes,
        words=RULE.copied_words,
    )
    return dataclasses.replace(least, **changes)  # type: ignore[arg-type]  # counts are numbers, too


@pytest.mark.parametrize(
    ("changes", "across", "within"),
    [
        ({}, True, False),
        ({"copied": RULE.copied_share - 0.001}, False, False),
        ({"hashes": RULE.copied_hashes - 1}, False, False),
        ({"words": RULE.copied_words - 0.5}, False, False),
        ({"copied": 1.0}, True, False),
        ({"copied_similarity": RULE.same_source_similarity}, True, True),
        ({"copied_similarity": RULE.same_source_similarity - 0.001}, True, False),
        ({"copied_similarity": RULE.same_source_similarity, "hashes": RULE.copied_hashes - 1}, False, False),
        ({"copied_similarity": RULE.same_source_similarity, "words": RULE.copied_words - 0.5}, False, False),
        ({"similarity": 1.0, "containment": 1.0, "copied": 0.0}, False, False),
        # an update shares whole sentences of more words than a notice, texts from one template share parts of sentences
        ({"whole": 0.25, "altered": 0.125, "words": 100.0}, True, True),
        ({"whole": 0.249, "words": 100.0}, True, False),
        ({"whole": 0.25, "altered": 0.126, "words": 100.0}, True, False),
        ({"whole": 0.8, "words": 99.0}, True, False),
        # almost all of a text, as on a print version
        ({"whole": 0.9}, True, True),
        ({"whole": 0.9, "words": RULE.copied_words - 1.0}, False, False),
        # a copy of most of a short text of another source
        ({"copied": RULE.short_containment, "hashes": RULE.short_hashes, "words": 20.0}, True, False),
        ({"copied": RULE.short_containment, "hashes": RULE.short_hashes - 1, "words": 20.0}, False, False),
        ({"copied": RULE.short_containment - 0.001, "hashes": 99, "words": 20.0}, False, False),
        ({"copied_similarity": RULE.near_similarity, "hashes": 2, "words": 9.0}, True, True),
        ({"copied_similarity": RULE.near_similarity - 0.001, "hashes": 2, "words": 9.0}, False, False),
    ],
)
def test_evidence_within_and_across_sources(changes: dict[str, float], across: bool, within: bool) -> None:
    """Across sources some copied sentences or a near copy are enough, within one source a larger part of both."""
    assert accepts(comparison(**changes), False, RULE) is across
    assert accepts(comparison(**changes), True, RULE) is within


def text(*sentences: int) -> Signature:
    """Return an article with these sentences. Each has ten hashes in the sketch and enough words to be evidence."""
    sketch = [100 * sentence + index for sentence in sorted(sentences) for index in range(10)]
    passages = [number for number in range(len(sentences)) for _ in range(10)]
    return signature(sketch, passages, words=RULE.copied_words * len(sentences))


def member(number: int, story: int, source: bytes, *sentences: int) -> Representative:
    """Return a representative with these sentences and with others that no article shares, ten in total."""
    own = range(100 + 10 * number, 110 + 10 * number)
    sketch = sketch_of(text(*sentences, *list(own)[: 10 - len(sentences)]))
    return Representative(
        number=number, story_number=story, founder=story, source=source, shingle_count=len(sketch), sketch=sketch
    )


def founders_of(members: Sequence[Representative]) -> list[Representative]:
    """Return a founder of each member's story that has the member's text."""
    return [dataclasses.replace(member, number=member.founder) for member in members]


def choose_anchored(article: Signature, source: bytes, members: Sequence[Representative], rule: Rule) -> Choice | None:
    """Choose among members whose founders share text with the article wherever the members do."""
    return choose(article, source, members, rule, founders=founders_of(members))


TEN = text(*range(1, 11))
CASES = {
    "no candidate": ([], None),
    "nothing shared": ([member(1, 1, A)], None),
    "the only one": ([member(1, 1, A, 1, 2)], 1),
    "most copied wins": ([member(1, 1, A, 1), member(2, 2, B, 2, 3, 4), member(3, 3, B, 5, 6)], 2),
    "a tie goes to the older story": ([member(9, 2, A, 1, 2), member(4, 4, B, 3, 4)], 9),
    "a tie in a story goes to the older member": ([member(2, 2, A, 1, 2), member(3, 2, B, 3, 4)], 2),
    "the best member of the story wins": ([member(2, 2, A, 1), member(3, 2, B, 3, 4)], 3),
    "a passage of unrelated texts is no evidence": ([member(1, 1, A, 1), member(2, 2, B, 1)], None),
    "neither of texts that joined already": ([member(1, 1, A, 1), member(2, 1, B, 1)], None),
    "related texts share more than the passage": ([member(1, 1, A, 1, 50), member(2, 2, B, 1, 50)], 1),
    "what is left decides": ([member(1, 1, A, 1), member(2, 2, B, 1, 2)], 2),
    "a near copy needs no more": ([member(1, 1, A, 1), member(2, 2, B, 1), member(3, 3, C, *range(1, 8))], 3),
}  # fmt: skip


@pytest.mark.parametrize(("candidates", "expected"), CASES.values(), ids=CASES)
def test_choice_does_not_depend_on_the_order(candidates: list[Representative], expected: int | None) -> None:
    """The match depends on the candidates, not on their order."""
    for arranged in permutations(candidates):
        choice = choose_anchored(TEN, source_key("article's own"), arranged, RULE)
        assert (choice and choice.match.representative.number) == expected


#: candidates -> (younger story, older story, sources, representatives) of each merge. All candidates share a sentence
#: that the article lacks, so that what they share with it is no passage of unrelated texts.
MERGES: dict[str, tuple[list[Representative], list[tuple[int, int, int, int]]]] = {
    "three sources of each story": (
        [member(1, 1, A, 1, 2, 50), member(2, 1, B, 3, 4, 50), member(3, 1, C, 5, 6, 50),
         member(7, 7, A, 1, 2, 50), member(8, 7, B, 3, 4, 50), member(9, 7, C, 5, 6, 50)],
        [(7, 1, 3, 3)],
    ),
    "unknown sources count as one each": (
        [member(1, 1, A, 1, 2, 50), member(2, 1, UNKNOWN, 3, 4, 50), member(3, 1, UNKNOWN, 5, 6, 50),
         member(7, 7, UNKNOWN, 1, 2, 50), member(8, 7, UNKNOWN, 3, 4, 50), member(9, 7, C, 5, 6, 50)],
        [(7, 1, 3, 3)],
    ),
    "two sources of the younger story": (
        [member(1, 1, A, 1, 2, 50), member(2, 1, B, 3, 4, 50), member(3, 1, C, 5, 6, 50),
         member(7, 7, A, 1, 2, 50), member(8, 7, B, 3, 4, 50), member(9, 7, B, 5, 6, 50)],
        [],
    ),
    "two sources of the older story": (
        [member(1, 1, A, 1, 2, 50), member(2, 1, B, 3, 4, 50),
         member(7, 7, A, 1, 2, 50), member(8, 7, B, 3, 4, 50), member(9, 7, C, 5, 6, 50)],
        [],
    ),
    "every younger story is merged into the oldest": (
        [member(1, 1, A, 1, 2, 50), member(2, 1, B, 3, 4, 50), member(3, 1, C, 5, 6, 50),
         member(4, 4, A, 1, 2, 50), member(5, 4, B, 3, 4, 50), member(6, 4, C, 5, 6, 50),
         member(7, 7, A, 1, 2, 50), member(8, 7, B, 3, 4, 50), member(9, 7, C, 5, 6, 50), member(10, 7, C, 7, 8, 50)],
        [(4, 1, 3, 3), (7, 1, 3, 4)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("candidates", "expected"), MERGES.values(), ids=MERGES)
def test_stories_with_support_of_three_sources_are_merged(
    candidates: list[Representative], expected: list[tuple[int, int, int, int]]
) -> None:
    """The oldest story remains, whatever the order of the candidates and whichever story the article joins."""
    for arranged in (candidates, candidates[::-1]):
        choice = choose_anchored(TEN, source_key("article's own"), arranged, THREE_SOURCES)
        assert choice is not None
        assert [(each.story_number, each.into, each.support, each.representatives) for each in choice.merges] == (
            expected
        )


def test_merged_stories_share_text_themselves() -> None:
    """A roundup of two stories shows no merge: their representatives share nothing but the roundup's text."""
    sources = [A, B, C]
    older = [member(number, 1, source, 1, 2, 50) for number, source in enumerate(sources, 1)]
    younger = [member(number, 7, source, 3, 4, 60) for number, source in enumerate(sources, 7)]
    choice = choose_anchored(TEN, source_key("d"), [*older, *younger], THREE_SOURCES)
    assert choice is not None
    assert choice.merges == ()
    related = [member(number, 7, source, 3, 4, 50) for number, source in enumerate(sources, 7)]
    choice = choose_anchored(TEN, source_key("d"), [*older, *related], THREE_SOURCES)
    assert choice is not None
    assert len(choice.merges) == 1


def test_a_partial_copy_shares_text_with_the_founder() -> None:
    """Without a founder that shares text, only a copy of most of a text joins: stories do not drift."""
    part, most = member(2, 1, A, 1, 2), member(2, 1, A, *range(1, 6))
    assert choose(TEN, B, [part], RULE) is None
    assert choose(TEN, B, [part], RULE, founders=[member(1, 1, C, 50, 60)]) is None
    assert choose(TEN, B, [part], RULE, founders=[member(9, 9, C, 1, 2)]) is None
    assert choose(TEN, B, [part], RULE, founders=[member(1, 1, C, 3)]) is not None
    assert choose(TEN, B, [most], RULE) is not None


def test_an_earlier_crawl_needs_less_text() -> None:
    """A short text that the other contains is an earlier crawl of the article, and none of another article."""
    stub = signature([100, 101, 102, 103, 99_999], [0, 0, 0, 0, 1], words=20)
    whole = dataclasses.replace(member(1, 1, A, *range(1, 11)), source=A)
    assert choose(stub, A, [whole], RULE) is None
    assert choose_earlier_crawl(stub, A, [whole], RULE) is not None
    other = dataclasses.replace(whole, sketch=np.array([100, 101, 102, 901], dtype=np.uint32), shingle_count=4)
    assert choose_earlier_crawl(stub, A, [other], RULE) is None
    assert choose_earlier_crawl(stub, A, [], RULE) is None


def test_choice_within_one_source() -> None:
    """A candidate of the same source needs more similarity and is no support. Unknown sources are not the same."""
    weak, strong = member(1, 1, A, 1, 2), member(1, 1, A, *range(1, 7))
    assert choose(TEN, A, [weak], RULE) is None
    within = choose(TEN, A, [strong], RULE)
    assert within is not None
    assert within.match.same_source
    unknown = choose(TEN, UNKNOWN, [dataclasses.replace(weak, source=UNKNOWN)], RULE)
    assert unknown is not None
    assert not unknown.match.same_source
    supporters = [
        member(number, story, source, *range(1, 5), 50)
        for number, story, source in ((1, 1, A), (2, 1, B), (3, 1, C), (4, 4, A), (5, 4, B), (6, 4, C))
    ]
    own = choose_anchored(TEN, A, supporters, THREE_SOURCES)
    other = choose_anchored(TEN, source_key("d"), supporters, THREE_SOURCES)
    assert own is not None
    assert other is not None
    assert (len(own.merges), len(other.merges)) == (0, 1)


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ([], ([], [], 0)),
        ([[]], ([], [], 0)),
        ([[(1, 1)], [(2, 2)], [(2, 2)]], ([2, 1], [], 0)),
        ([[(7, 2), (3, 3)]], ([7, 3], [], 0)),
        ([[(4, 2), (3, 2)]], ([3, 4], [], 0)),
        ([[(1, 1), (2, 2), (3, 3)], [(3, 3)]], ([3], [1, 2], 1)),
        ([[(1, 1), (2, 1), (3, 1), (4, 1)]], ([1, 2, 3, 4], [], 0)),
        ([[(1, 1), (2, 2), (3, 3)]] * 3, ([], [1, 2, 3], 3)),
        ([[(1, 1), (2, 2), (3, 3)]] * 4, ([1, 2, 3], [], 4)),
        ([[(1, 1), (2, 2), (3, 3)]] * 4 + [[(4, 4)]] * 4, ([4], [1, 2, 3], 4)),
        ([[(1, 1), (2, 2), (3, 3)]] * 4 + [[(1, 1), (4, 4), (5, 5)]] * 2, ([1, 2, 3], [4, 5], 6)),
        ([[(1, 1), (5, 1), (2, 2), (3, 3)], [(5, 1), (6, 6), (7, 7)]], ([], [5, 2, 3], 2)),
    ],
)
def test_shortlist_is_ordered_by_shared_bands(
    buckets: list[list[tuple[int, int]]], expected: tuple[list[int], list[int], int]
) -> None:
    """Equal candidates are ordered by the age of story and member. Bands of stock phrases give a witness per story.

    If most bands hold stock phrases, members that share an eighth of all bands are candidates all the same.
    """
    found = shortlist(buckets, RULE)
    assert (found.candidates, found.witnesses, found.ignored_bands) == expected


def test_shortlist_is_bounded() -> None:
    """The maximum number of candidates has the best ones."""
    buckets = [[(number, 1)] for number in range(1, 40)] + [[(39, 1)]]
    assert shortlist(buckets, RULE).candidates == [39, *range(1, RULE.candidates)]


def test_witnesses_show_a_passage() -> None:
    """Texts of stopped bands are not joined; they show that what one candidate shares is a passage."""
    candidate, witnesses = member(1, 1, A, 1), [member(2, 2, B, 1), member(3, 3, C, 1, 50)]
    assert choose(TEN, UNKNOWN, [candidate], RULE) is not None
    assert choose(TEN, UNKNOWN, [candidate], RULE, witnesses) is None
    assert choose(TEN, UNKNOWN, [], RULE, witnesses) is None


@pytest.mark.parametrize(
    ("stories", "stop"),
    [([], False), ([1, 2], False), ([1, 1, 2, 2, 2], False), ([1, 2, 3], True), ([3, 3, 1, 2], True)],
)
def test_stock_phrase(stories: list[int], stop: bool) -> None:
    """A band of three stories is a stock phrase, a band of many articles of one story is not."""
    assert is_stock_phrase(list(enumerate(stories)), RULE) is stop


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (IDENTICAL, Kind.EXACT),
        (comparison(similarity=1.0), Kind.NEAR),
        (comparison(similarity=RULE.near_similarity), Kind.NEAR),
        (comparison(similarity=RULE.near_similarity - 0.001), Kind.PARTIAL),
    ],
)
def test_kind_depends_on_the_similarity(result: Comparison, kind: Kind) -> None:
    """The same text is exact. The similarity separates near from partial."""
    assert kind_of(result, RULE) is kind


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 0.0), (1.0, 1.0), (1 / 3, 0.3333), (2 / 3, 0.6667), (0.00005, 0.0001), (0.00004, 0.0)]
)
def test_shares_have_four_digits(share: float, expected: float) -> None:
    """A share is rounded to the nearest of 10,000 steps, halves up."""
    assert quantise(share) == expected


def test_rounding_is_idempotent() -> None:
    """Every rounded share is rounded to itself."""
    assert all(quantise(step / 10_000) == step / 10_000 for step in range(10_001))


def test_source_keys() -> None:
    """Different sources have different keys of eight bytes, in any letter case. An unknown source has an empty key."""
    assert len({source_key("example.org"), source_key("example.net")}) == 2
    assert source_key("Example.org") == source_key("example.org")
    assert {len(source_key(source)) for source in ("a", "x" * 300, "é", "\ud800")} == {8}
    assert source_key(None) == source_key("") == b""
