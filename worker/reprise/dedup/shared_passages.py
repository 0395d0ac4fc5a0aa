"""Find passages that unrelated texts share, such as a notice on the pages of several sites. Pure.

An article with such a passage shares it with candidates of several stories. If the passage is long enough, each of them
is accepted as a match. The passage is recognised because these candidates share nothing else with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.comparison import Sketch, reach_of, sketch_of
from reprise.model import Signature

#: Sampled hashes that two candidates and the article must share: fewer may be a phrase.
_MIN_HASHES: Final = 3

#: Maximum share of the hashes common to two candidates that the article lacks: two reports of one event
#: share more than the text of a third one.
_MAX_REST: Final = 0.1

#: Share of the smaller of two texts that they must have in common to be copies: less may be formulas.
_COPY: Final = 0.5

#: Maximum share of a text of one source that its template may be. Updates of one report share more: the older one is
#: contained in the younger one.
_MAX_TEMPLATE: Final = 0.65

_NO_HASHES: Final[NDArray[np.uint32]] = np.array([], dtype=np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedText:
    """A text that has something in common with the article.

    source   8 bytes that stand for the source; b"" for an unknown one
    is_weak  whether the text shares so little with the article that a passage may be all of it
    is_near  whether the text shares so much that a passage alone cannot be the reason
    """

    sketch: Sketch
    shingle_count: int
    source: bytes
    is_weak: bool
    is_near: bool


def find_shared_passages(article: Sketch, shingle_count: int, texts: Sequence[ComparedText]) -> Sketch:
    """Return the hashes, ascending, of the passages that the article shares with two unrelated texts.

    Texts are related if they share more than the passage, or if both are copies of another one: two cuts of one report
    may have no more in common than its first paragraph. Only weak texts show a passage, and two texts of one source
    that have enough other text each: the passage is then the source's template, however large.
    """
    may_show = _may_show(texts)
    if not may_show.any():
        return _NO_HASHES
    space = np.unique(np.concatenate([text.sketch for text in texts]))
    holds = np.zeros((len(texts), len(space)), dtype=bool)
    for row, text in zip(holds, texts, strict=True):
        row[space.searchsorted(text.sketch)] = True
    own_reach = reach_of(article, shingle_count)
    # A text is comparable with the article below the reach of both; the hashes are in ascending order.
    reaches = [min(own_reach, reach_of(text.sketch, text.shingle_count)) for text in texts]
    holds &= space < np.array(reaches, dtype=np.int64)[:, np.newaxis]
    is_own = np.isin(space, article, assume_unique=True)
    own, rest = holds & is_own, holds & ~is_own
    shared = own.astype(np.float32) @ own.T.astype(np.float32)
    shared_rest = rest.astype(np.float32) @ rest.T.astype(np.float32)
    is_related = shared_rest > np.maximum(1, _MAX_REST * (shared + shared_rest))
    sizes = np.diag(shared + shared_rest)
    smaller = np.minimum(sizes, sizes[:, np.newaxis])
    is_copy = is_related & (shared + shared_rest >= _COPY * smaller)
    is_related |= is_copy @ is_copy
    is_weak = np.array([text.is_weak for text in texts], dtype=bool)
    is_template = shared <= _MAX_TEMPLATE * smaller
    may_show &= (is_weak & is_weak[:, np.newaxis]) | is_template
    shows = np.triu(~is_related & (shared >= _MIN_HASHES) & may_show, k=1)
    found = np.zeros(len(space), dtype=bool)
    for first, second in zip(*shows.nonzero(), strict=True):
        found |= own[first] & own[second]
    return space[found]


def _may_show(texts: Sequence[ComparedText]) -> NDArray[np.bool_]:
    """Return, for each pair of texts, whether both are weak, or of one source and not near; shape (texts, texts)."""
    count = len(texts)
    is_weak = np.array([text.is_weak for text in texts], dtype=bool)
    pairs: NDArray[np.bool_] = is_weak & is_weak[:, np.newaxis]
    for first in range(count):
        for second in range(first):
            one, other = texts[first], texts[second]
            if one.source and one.source == other.source and not one.is_near and not other.is_near:
                pairs[first, second] = pairs[second, first] = True
    np.fill_diagonal(pairs, val=False)
    return pairs


def remove_hashes(sketch: Sketch, shingle_count: int, hashes: Sketch) -> tuple[Sketch, int]:
    """Return a sketch and its number of shingles as if the text did not hold some of the sampled shingles."""
    kept = sketch[~np.isin(sketch, hashes, assume_unique=True)]
    return kept, shingle_count - (len(sketch) - len(kept))


def remove_from_signature(signature: Signature, hashes: Sketch) -> Signature | None:
    """Return a signature as if the text did not hold some of the sampled shingles; None if no sampled shingle is left.

    The rows are those of the whole text.
    """
    sketch = sketch_of(signature)
    is_kept = ~np.isin(sketch, hashes, assume_unique=True)
    kept = int(np.count_nonzero(is_kept))
    if not kept:
        return None
    return replace(
        signature,
        sketch=sketch[is_kept].tobytes(),
        sentence_ids=np.frombuffer(signature.sentence_ids, dtype=np.uint8)[is_kept].tobytes(),
        shingle_count=signature.shingle_count - (len(sketch) - kept),
        # scaled, so that a sampled hash still represents the same number of words
        word_count=round(signature.word_count * kept / len(sketch)),
    )
