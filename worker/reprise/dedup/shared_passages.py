"""Find passages that unrelated texts share, such as a notice on the pages of several sites. Pure.

An article with such a passage shares it with candidates of several stories. If the passage is long enough, each of them
is accepted as a match. The passage is recognised because these candidates share nothing else with each other.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.comparison import Sketch, reach_of
from reprise.dedup.text.hashing import is_run_start

#: Sampled hashes that two candidates and the article must share: fewer may be a phrase.
_MIN_HASHES: Final = 3

#: Maximum share of the hashes common to two candidates that the article lacks: two reports of one event
#: share more than the text of a third one.
_MAX_REST: Final = 0.1

#: Share of the smaller of two texts that they must have in common to be copies: less may be formulas.
_COPY: Final = 0.5

_NO_HASHES: Final[NDArray[np.uint32]] = np.array([], dtype=np.uint32)


def find_shared_passages(
    article: Sketch, shingle_count: int, others: Sequence[tuple[Sketch, int]], is_weak: Sequence[bool]
) -> Sketch:
    """Return the hashes, ascending, of the passages that the article shares with two unrelated texts.

    others   sketch and number of shingles of each text, all of which have something in common with the article
    is_weak  whether a text shares so little with the article that a passage may be all of it; only these show passages

    Texts are related if they share more than the passage, or if both are copies of another one: two cuts of one report
    may have no more in common than its first paragraph.
    """
    count = len(others)
    if sum(is_weak) < 2:
        return _NO_HASHES
    space = np.concatenate([sketch for sketch, _ in others])
    space.sort()
    space = space[is_run_start(space)]
    holds = np.zeros((count, len(space)), dtype=bool)
    for row, (sketch, _) in zip(holds, others, strict=True):
        row[space.searchsorted(sketch)] = True
    own_reach = reach_of(article, shingle_count)
    # A text is comparable with the article below the reach of both; the hashes are in ascending order.
    reaches = np.minimum(own_reach, np.array([reach_of(sketch, size) for sketch, size in others], dtype=np.int64))
    holds &= space < reaches[:, np.newaxis]
    places = np.minimum(article.searchsorted(space), len(article) - 1)
    is_own = article.take(places) == space
    own, rest = holds & is_own, holds & ~is_own
    shared = own.astype(np.float32) @ own.T.astype(np.float32)
    shared_rest = rest.astype(np.float32) @ rest.T.astype(np.float32)
    is_related = shared_rest > np.maximum(1, _MAX_REST * (shared + shared_rest))
    sizes = np.diag(shared + shared_rest)
    is_copy = is_related & (shared + shared_rest >= _COPY * np.minimum(sizes, sizes[:, np.newaxis]))
    is_related |= is_copy @ is_copy
    weak = np.array(is_weak, dtype=bool)
    shows = np.triu(~is_related & (shared >= _MIN_HASHES) & weak & weak[:, np.newaxis], k=1)
    found = np.zeros(len(space), dtype=bool)
    for first, second in zip(*shows.nonzero(), strict=True):
        found |= own[first] & own[second]
    return space[found]


def remove_hashes(sketch: Sketch, shingle_count: int, hashes: Sketch) -> tuple[Sketch, int]:
    """Return a sketch and its number of shingles as if the text did not hold some (ascending) sampled shingles."""
    if not len(hashes):
        return sketch, shingle_count
    kept = sketch[hashes.take(np.minimum(hashes.searchsorted(sketch), len(hashes) - 1)) != sketch]
    return kept, shingle_count - (len(sketch) - len(kept))
