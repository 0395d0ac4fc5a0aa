"""Find passages that unrelated texts share, such as a notice on the pages of several sites. Pure.

An article with such a passage shares it with candidates of several stories. If the passage is long enough, each of them
is accepted as a match. The passage is recognised because these candidates share nothing else with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.overlap import Overlap

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedText:
    """A text that has something in common with the article.

    row      its place among the texts of the overlap
    source   8 bytes that stand for the source; b"" for an unknown one
    is_weak  whether the text shares so little with the article that a passage may be all of it
    is_near  whether the text shares so much that a passage alone cannot be the reason
    """

    row: int
    source: bytes
    is_weak: bool
    is_near: bool


def find_shared_passages(overlap: Overlap, texts: Sequence[ComparedText]) -> NDArray[np.bool_]:
    """Return, for each of the overlap's hashes, whether the article shares its passage with two unrelated texts.

    Texts are related if they share more than the passage, or if both are copies of another one: two cuts of one report
    may have no more in common than its first paragraph. Only weak texts show a passage, and two texts of one source
    that have enough other text each: the passage is then the source's template, however large.
    """
    found = np.zeros(len(overlap.hashes), dtype=bool)
    may_show = _may_show(texts)
    if not may_show.any():
        return found
    rows = [text.row for text in texts]
    holds = overlap.shared()[rows]
    own = holds[:, overlap.is_own].astype(np.float32)
    shared = own @ own.T
    may_show &= shared >= _MIN_HASHES
    if not may_show.any():
        return found
    rest = holds[:, ~overlap.is_own].astype(np.float32)
    shared_rest = rest @ rest.T
    is_related = shared_rest > np.maximum(1, _MAX_REST * (shared + shared_rest))
    sizes = np.array([overlap.counts[row] for row in rows], dtype=np.float32)
    smaller = np.minimum(sizes, sizes[:, np.newaxis])
    is_copy = is_related & (shared + shared_rest >= _COPY * smaller)
    is_related |= is_copy @ is_copy
    is_weak = np.array([text.is_weak for text in texts], dtype=bool)
    is_template = shared <= _MAX_TEMPLATE * smaller
    may_show &= (is_weak & is_weak[:, np.newaxis]) | is_template
    shows = np.triu(~is_related & may_show, k=1)
    for first, second in zip(*shows.nonzero(), strict=True):
        found |= holds[first] & holds[second]
    return found & overlap.is_own


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
