"""Compare an article with candidates by their bottom-k sketches, all candidates in one pass over arrays.

Below the reach of both sketches, each holds every shingle of its text, so shares there estimate the shares of the whole
texts (Thorup, "Bottom-k and priority sampling", 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.overlap import Overlap, find_overlap
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import FIGURE, Sketch, sketch_of
from reprise.model import Signature

#: Hashes of one sentence that must be shared before it counts as copied: one alone may be a stock phrase.
SENTENCE_HASHES: Final = 2

#: Share of a sentence's sampled shingles that must be shared for the sentence to be copied as a whole. The rest is for
#: an edit: each edited word changes three shingles.
WHOLE_SENTENCE: Final = 0.8

#: Share of a text that stands in another one of the same source if it is a print version, a page of several or a stub.
_ALMOST_ALL: Final = 0.9

#: Sampled hashes of a contained copy: fewer may be a phrase.
_CONTAINED_HASHES: Final = 3

#: The candidate has other figures if it has at least this many of its own for each figure that a sentence of the
#: article does not share with it. The sentences of a candidate are unknown, so figures from all of its text count.
REPLACED_FIGURES: Final = 0.5


#: Bits of a place in a sketch, whose hashes are at most 2^20.
_PLACE_BITS: Final = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Shares of text that an article and a candidate have in common, estimated from their sketches.

    similarity         Jaccard similarity, 0..1
    containment        share of the smaller text that is also in the other, 0..1
    copied_similarity  the similarity, counting only shingles in copied sentences
    copied             the containment, counting only shingles in copied sentences
    whole              the containment, counting only shingles in sentences that are copied as a whole
    altered            the containment, counting only shingles in sentences that are shared in part
    hashes             number of sampled hashes in copied sentences
    words              estimated words in copied sentences
    """

    similarity: float
    containment: float
    copied_similarity: float
    copied: float
    whole: float
    altered: float
    hashes: int
    words: float


#: The comparison of an exact copy.
IDENTICAL: Final = Comparison(
    similarity=1.0, containment=1.0, copied_similarity=1.0, copied=1.0, whole=1.0, altered=0.0, hashes=0, words=0.0
)


def count_shared_rows(one: Signature, other: Signature) -> int:
    """Return the number of MinHash rows, and so of bands, that two texts share."""
    return int(np.count_nonzero(np.frombuffer(one.rows, dtype="<u4") == np.frombuffer(other.rows, dtype="<u4")))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    sketch: Sketch
    shingle_count: int


def compare(article: Signature, sketch: Sketch, shingle_count: int, rule: Rule) -> Comparison | None:
    """Compare an article with one candidate; None if they share nothing."""
    candidate = _Candidate(sketch=sketch, shingle_count=shingle_count)
    return compare_all(find_overlap(article, [candidate]), rule)[0]


def compare_all(overlap: Overlap, rule: Rule) -> Sequence[Comparison | None]:
    """Compare an article with other texts, in order; None for each that shares nothing with the article.

    A sentence with different figures is not copied, even if all its words are: reports from one template may differ
    in their figures only. The figures are different if the candidate has others in their place; an inserted figure,
    such as the number of a footnote, is no difference.
    """
    texts = len(overlap.texts)
    hashes = overlap.hashes[overlap.is_own]
    owners, columns = overlap.shared()[:, overlap.is_own].nonzero()
    if not len(owners):
        return [None] * texts
    own = sketch_of(overlap.article)
    sentence_ids = np.frombuffer(overlap.article.sentence_ids, dtype=np.uint8).astype(np.intp)
    width = int(sentence_ids.max()) + 1
    # A slot stands for one text and one sentence of the article.
    slots = sentence_ids[own.searchsorted(hashes)][columns]
    slots += owners * width
    all_shared = np.bincount(slots)
    copied_slots = (all_shared >= SENTENCE_HASHES).nonzero()[0]
    shared, owner_of_slot = all_shared[copied_slots], copied_slots // width
    sentences = copied_slots - owner_of_slot * width
    own_counts = np.array(overlap.own_counts)[owner_of_slot]
    has_figure = (hashes & FIGURE != 0)[columns]
    shared_figures = np.bincount(slots[has_figure], minlength=len(all_shared))[copied_slots]
    places = np.arange(len(own))
    in_sentence = _count_in_sentences(sentence_ids, places, sentences, own_counts)
    places = (own & FIGURE).nonzero()[0]
    figures = _count_in_sentences(sentence_ids[places], places, sentences, own_counts)
    lacks_figures = shared_figures < rule.figure_share * figures
    if lacks_figures.any():
        other_figures = np.zeros(texts)
        shared_by_text = np.bincount(owners[has_figure], minlength=texts)
        for row in set(owner_of_slot[lacks_figures].tolist()):
            other_figures[row] = overlap.count_figures(row) - shared_by_text[row]
        lacks_figures &= other_figures[owner_of_slot] >= REPLACED_FIGURES * (figures - shared_figures)
    is_copied = (shared >= rule.sentence_share * in_sentence) & ~lacks_figures
    is_whole = is_copied & (shared >= WHOLE_SENTENCE * in_sentence)
    totals = np.bincount(owners, minlength=texts).tolist()
    copied_totals, whole_totals = (
        np.bincount(owner_of_slot, weights=shared * counted, minlength=texts).astype(np.intp).tolist()
        for counted in (is_copied, is_whole)
    )
    return [
        comparison_of(*counts, overlap.article.word_count)
        for counts in zip(totals, copied_totals, whole_totals, overlap.own_counts, overlap.counts, strict=True)
    ]


def _count_in_sentences(
    sentence_ids: NDArray[np.intp], places: NDArray[np.intp], sentences: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Count, for each of `sentences`, its hashes whose place in the article's sketch is below an end.

    sentence_ids, places  the sentence and the place of each hash that is counted
    """
    keys = sentence_ids << _PLACE_BITS
    keys |= places
    keys.sort()
    first = sentences << _PLACE_BITS
    counts: NDArray[np.intp] = keys.searchsorted(first + ends) - keys.searchsorted(first)
    return counts


def comparison_of(shared: int, copied: int, whole: int, mine: int, other: int, word_count: int) -> Comparison | None:
    """Return the comparison that some numbers of hashes, or of shingles, give; None if none is shared.

    copied, whole  those of the shared ones that are in copied sentences, and in whole ones
    mine, other    those of the article and of the other text
    word_count     words of the article that `mine` represent
    """
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
        words=copied * word_count / mine,
    )


def accepts(comparison: Comparison, same_source: bool, rule: Rule) -> bool:
    """Return whether a comparison is enough evidence that the article is a variant."""
    if comparison.copied_similarity >= rule.near_similarity:
        return True
    # Less than a paragraph may be a sign-up box or a teaser of another story.
    is_paragraph = comparison.hashes >= rule.copied_hashes and comparison.words >= rule.copied_words
    if same_source:
        return is_paragraph and is_update(comparison, rule)
    return is_short_copy(comparison, rule) or (is_paragraph and comparison.copied >= rule.copied_share)


def is_short_copy(comparison: Comparison, rule: Rule) -> bool:
    """Return whether most of a text is copied, so that it may be shorter than a paragraph."""
    return comparison.copied >= rule.short_containment and comparison.hashes >= rule.short_hashes


def is_update(comparison: Comparison, rule: Rule) -> bool:
    """Return whether a text of the same source is an update or a cut, and not another text from the same template.

    Notices of a source may be most of a short page, so the similarity decides. But an update shares whole sentences
    of more words than a notice has, while texts from one template share sentences with other names in them.
    """
    return (
        comparison.copied_similarity >= rule.same_source_similarity
        or comparison.whole >= _ALMOST_ALL
        or (
            comparison.whole >= rule.update_share
            and comparison.words >= rule.update_words
            and comparison.altered <= rule.template_ratio * comparison.whole
        )
    )


def contains_copy(comparison: Comparison, rule: Rule) -> bool:
    """Return whether one text is a copy of a part of the other, however short. Not enough for different articles."""
    return comparison.copied >= rule.short_containment and comparison.hashes >= _CONTAINED_HASHES
