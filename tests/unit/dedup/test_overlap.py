"""The hashes that an article shares with other texts, beside a plain computation with sets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.comparison import Comparison, compare_all
from reprise.dedup.overlap import Overlap, find_overlap
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import FIGURE, Sketch, reach_of, sketch_of
from reprise.model import Signature

RULE = Rule()

#: A sketch of at most 12 hashes of 60, so that texts share many of them, with hashes at both ends of the space.
HASHES = st.sampled_from([0, 1, *range(40, 98), (1 << 24) - 2, (1 << 24) - 1])
SKETCHES = st.sets(HASHES, max_size=12).map(sorted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    sketch: Sketch
    shingle_count: int


@st.composite
def texts(draw: st.DrawFn) -> Text:
    """Draw a text whose sketch holds all or some of its shingles."""
    hashes = draw(SKETCHES)
    more = draw(st.sampled_from([0, 0, 1, 20])) if hashes else 0
    return Text(sketch=np.array(hashes, dtype=np.uint32), shingle_count=len(hashes) + more)


@st.composite
def articles(draw: st.DrawFn) -> Signature:
    """Draw an article of up to four sentences."""
    text = draw(texts().filter(lambda text: len(text.sketch) > 0))
    count = len(text.sketch)
    return Signature(
        rows=bytes(128),
        sketch=text.sketch.tobytes(),
        sentence_ids=bytes(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))),
        shingle_count=text.shingle_count,
        word_count=draw(st.integers(count, 500)),
    )


def shares(article: Signature, text: Text, rule: Rule) -> tuple[int, int, int, int, int]:
    """Count hashes below the reach of an article and a text.

    Returns the shared ones, those of them in copied and in whole sentences, the article's and the text's.
    """
    own = sketch_of(article).tolist()
    reach = min(reach_of(sketch_of(article), article.shingle_count), reach_of(text.sketch, text.shingle_count))
    other = {value for value in text.sketch.tolist() if value < reach}
    sentences: dict[int, set[int]] = {}
    for value, sentence in zip(own, article.sentence_ids, strict=True):
        if value < reach:
            sentences.setdefault(sentence, set()).add(value)
    other_figures = sum(value & int(FIGURE) for value in other - set(own))
    copied = whole = 0
    for hashes in sentences.values():
        shared = hashes & other
        figures, shared_figures = (sum(value & int(FIGURE) for value in each) for each in (hashes, shared))
        if shared_figures < rule.figure_share * figures and other_figures >= 0.5 * (figures - shared_figures):
            continue
        if len(shared) >= 2 and len(shared) >= rule.sentence_share * len(hashes):
            copied += len(shared)
            whole += len(shared) if len(shared) >= 0.8 * len(hashes) else 0
    mine = {value for sentence in sentences.values() for value in sentence}
    return len(mine & other), copied, whole, len(mine), len(other)


def expected(article: Signature, text: Text, rule: Rule) -> Comparison | None:
    """Compare an article with a text without arrays."""
    shared, copied, whole, mine, other = shares(article, text, rule)
    if not shared:
        return None
    smaller, union = min(mine, other), mine + other - shared
    return Comparison(
        similarity=shared / union,
        containment=shared / smaller,
        copied_similarity=copied / union,
        copied=copied / smaller,
        whole=whole / smaller,
        altered=(shared - whole) / smaller,
        hashes=copied,
        words=copied * article.word_count / mine,
    )


@settings(max_examples=60)
@given(articles(), st.lists(texts(), max_size=6))
def test_comparisons(article: Signature, others: Sequence[Text]) -> None:
    overlap = find_overlap(article, others)
    assert list(compare_all(overlap, RULE)) == [expected(article, other, RULE) for other in others]


def test_many_texts() -> None:
    """The numbers of more than 255 texts need more bits than a hash of 32 bits leaves."""
    article = Signature(
        rows=bytes(128),
        sketch=np.array([5, (1 << 24) - 1], dtype=np.uint32).tobytes(),
        sentence_ids=bytes(2),
        shingle_count=2,
        word_count=4,
    )
    others = [Text(sketch=np.array([number, (1 << 24) - 1], dtype=np.uint32), shingle_count=2) for number in range(300)]
    assert list(compare_all(find_overlap(article, others), RULE)) == [
        expected(article, other, RULE) for other in others
    ]


@settings(max_examples=60)
@given(articles(), st.lists(texts(), min_size=1, max_size=6), st.data())
def test_comparisons_without_some_hashes(article: Signature, others: Sequence[Text], data: st.DataObject) -> None:
    """The result equals that of an article and of texts that never had these hashes."""
    overlap = find_overlap(article, others)
    is_removed = (
        overlap.is_own
        & np.array(data.draw(st.lists(st.booleans(), min_size=60, max_size=60)))[np.arange(len(overlap.hashes))]
    )
    rows = data.draw(st.lists(st.integers(0, len(others) - 1), min_size=1, unique=True))
    remaining = overlap.without(is_removed, rows)
    removed = set(overlap.hashes[is_removed].tolist())
    if remaining is None:
        assert removed == set(sketch_of(article).tolist())
        return
    texts_without = [without(others[row], removed) for row in rows]
    assert list(compare_all(remaining, RULE)) == [expected(remaining.article, text, RULE) for text in texts_without]
    own = [value for value in sketch_of(article).tolist() if value not in removed]
    assert (sketch_of(remaining.article).tolist(), len(remaining.article.sentence_ids)) == (own, len(own))
    assert remaining.article.shingle_count == article.shingle_count - len(removed)
    assert_same(remaining, find_overlap(remaining.article, texts_without))


def without(text: Text, removed: set[int]) -> Text:
    kept = [value for value in text.sketch.tolist() if value not in removed]
    return Text(
        sketch=np.array(kept, dtype=np.uint32), shingle_count=text.shingle_count - (len(text.sketch) - len(kept))
    )


def assert_same(one: Overlap, other: Overlap) -> None:
    assert (one.own_counts, one.counts, one.reaches.tolist()) == (
        other.own_counts,
        other.counts,
        other.reaches.tolist(),
    )
    assert [shared_hashes(one, row) for row in range(len(one.texts))] == [
        shared_hashes(other, row) for row in range(len(other.texts))
    ]
    assert [one.count_figures(row) for row in range(len(one.texts))] == [
        other.count_figures(row) for row in range(len(other.texts))
    ]


def shared_hashes(overlap: Overlap, row: int) -> list[int]:
    """Return the hashes below the reaches that a text shares with the article."""
    shared: list[int] = overlap.hashes[overlap.shared()[row] & overlap.is_own].tolist()
    return shared
