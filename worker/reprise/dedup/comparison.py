"""Compare an article with candidates by their bottom-k sketches, all candidates in one pass over arrays.

A sketch holds the k smallest shingle hashes of a text, a uniform sample of its shingles; see signature.py for its
source. Below the reach of both sketches, each holds every shingle of its text, so shares there estimate the shares of
the whole texts (Thorup, "Bottom-k and priority sampling", 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.rule import Rule
from reprise.model import Signature

#: Hashes of one sentence that must be shared before it counts as copied: one alone may be a stock phrase.
SENTENCE_HASHES: Final = 2

#: Lowest bit of a sampled hash: set if its shingle contains a digit; see dedup/text/shingles.py.
FIGURE: Final = np.uint32(1)

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

#: One more than the largest hash of a sketch.
_HASH_SPACE: Final = 1 << 24

Sketch = NDArray[np.uint32]


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


def sketch_of(signature: Signature) -> Sketch:
    """Return the sketch of a signature as an array of ascending hashes; shares its memory."""
    return np.frombuffer(signature.sketch, dtype="<u4")


def count_shared_rows(one: Signature, other: Signature) -> int:
    """Return the number of MinHash rows, and so of bands, that two texts share."""
    return int(np.count_nonzero(np.frombuffer(one.rows, dtype="<u4") == np.frombuffer(other.rows, dtype="<u4")))


def compare(article: Signature, sketch: Sketch, shingle_count: int, rule: Rule) -> Comparison | None:
    """Compare an article with one candidate; None if they share nothing."""
    return compare_all(article, [sketch], [shingle_count], rule)[0]


def compare_all(
    article: Signature, sketches: Sequence[Sketch], shingle_counts: Sequence[int], rule: Rule
) -> Sequence[Comparison | None]:
    """Compare an article with candidates, in order; None for each that shares nothing with the article.

    A sentence with different figures is not copied, even if all its words are: reports from one template may differ
    in their figures only. The figures are different if the candidate has others in their place; an inserted figure,
    such as the number of a footnote, is no difference.
    """
    if not sketches:
        return []
    own = sketch_of(article)
    sentence_ids = np.frombuffer(article.sentence_ids, dtype=np.uint8)
    own_reach = reach_of(own, article.shingle_count)
    ends = [int(sketch[-1]) + 1 if len(sketch) else 0 for sketch in sketches]
    reaches = [
        min(own_reach, end if 0 < len(sketch) < count else _HASH_SPACE)
        for sketch, end, count in zip(sketches, ends, shingle_counts, strict=True)
    ]
    own_counts = own.searchsorted(np.array(reaches, dtype=np.uint32)).tolist()
    other_counts = [
        len(sketch) if end <= reach else int(sketch.searchsorted(np.uint32(reach)))
        for sketch, end, reach in zip(sketches, ends, reaches, strict=True)
    ]
    values = np.concatenate([sketch[:count] for sketch, count in zip(sketches, other_counts, strict=True)])
    places = own.searchsorted(values)
    np.minimum(places, len(own) - 1, out=places)
    hits = (own.take(places) == values).nonzero()[0]
    if not len(hits):
        return [None] * len(sketches)
    owners = np.arange(len(sketches)).repeat(other_counts)
    candidates = owners.take(hits)
    width = int(sentence_ids.max()) + 1
    slots = candidates * width + sentence_ids.take(places.take(hits))
    shared, shared_figures = _count_hashes(slots, values.take(hits), (len(sketches), width))
    # The article's own hashes below each reach; reaches that are equal are counted once.
    distinct = sorted(set(own_counts))
    rows = np.arange(len(distinct)).repeat(distinct)
    below = np.concatenate([np.arange(count) for count in distinct])
    slots = rows * width + sentence_ids.take(below)
    counts = _count_hashes(slots, own.take(below), (len(distinct), width))
    row_of = [distinct.index(count) for count in own_counts]
    in_sentence, figures = (count.take(row_of, axis=0) for count in counts)
    other_figures = np.bincount(owners[(values & FIGURE) != 0], minlength=len(sketches)) - shared_figures.sum(axis=1)
    has_other_figures = (shared_figures < rule.figure_share * figures) & (
        other_figures[:, np.newaxis] >= REPLACED_FIGURES * (figures - shared_figures)
    )
    is_copied = (shared >= SENTENCE_HASHES) & (shared >= rule.sentence_share * in_sentence) & ~has_other_figures
    is_whole = is_copied & (shared >= WHOLE_SENTENCE * in_sentence)
    totals, copied_totals, whole_totals = (
        (shared * counted).sum(axis=1).tolist() for counted in (np.True_, is_copied, is_whole)
    )
    return [
        _comparison(*counts, article.word_count)
        for counts in zip(totals, copied_totals, whole_totals, own_counts, other_counts, strict=True)
    ]


def _count_hashes(
    slots: NDArray[np.intp], hashes: Sketch, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Count the hashes in each slot of a table, and those of them whose shingle contains a digit."""
    size = shape[0] * shape[1]
    has_figure = (hashes & FIGURE) != 0
    all_hashes = np.bincount(slots, minlength=size).reshape(shape)
    return all_hashes, np.bincount(slots[has_figure], minlength=size).reshape(shape)


def _comparison(shared: int, copied: int, whole: int, mine: int, other: int, word_count: int) -> Comparison | None:
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


def reach_of(sketch: Sketch, shingle_count: int) -> int:
    """Return the bound below which a sketch holds every shingle of its text. A text without shingles has no bound."""
    return int(sketch[-1]) + 1 if 0 < len(sketch) < shingle_count else _HASH_SPACE


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
