"""Find passages that unrelated texts share, such as a notice on the pages of several sites. Pure.

An article with such a passage shares it with candidates of several stories. If the passage is long enough, each of them
is accepted as a match. The passage is recognised because these candidates share nothing else with each other.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.comparison import Sketch, reach_of

#: Sampled hashes that two candidates and the article must share: fewer may be a phrase.
_MIN_HASHES: Final = 3

#: Maximum share of the hashes common to two candidates that the article lacks: two reports of one event
#: share more than the text of a third one.
_MAX_REST: Final = 0.1

_NO_HASHES: Final[NDArray[np.uint32]] = np.array([], dtype=np.uint32)


def find_shared_passages(article: Sketch, shingle_count: int, others: Sequence[tuple[Sketch, int]]) -> Sketch:
    """Return the hashes, ascending, of the passages that the article shares with two texts that share nothing else.

    others  sketch and number of shingles of each text, which all have something in common with the article
    """
    if len(others) < 2:
        return _NO_HASHES
    space = np.unique(np.concatenate([sketch for sketch, _ in others]))
    holds = np.zeros((len(others), len(space)), dtype=bool)
    for row, (sketch, _) in zip(holds, others, strict=True):
        row[space.searchsorted(sketch)] = True
    own_reach = reach_of(article, shingle_count)
    # A text is comparable with the article below the reach of both; the hashes are in ascending order.
    reaches = np.minimum(own_reach, np.array([reach_of(sketch, count) for sketch, count in others], dtype=np.int64))
    comparable = space < reaches[:, np.newaxis]
    holds &= comparable
    is_own = np.isin(space, article, assume_unique=True)
    found = np.zeros(len(space), dtype=bool)
    for first in range(len(others) - 1):
        common = holds[first] & holds[first + 1 :]
        inside = common & is_own
        count, rest = inside.sum(axis=1), (common & ~is_own).sum(axis=1)
        is_passage = (count >= _MIN_HASHES) & (rest <= np.maximum(1, _MAX_REST * (count + rest)))
        found |= inside[is_passage].any(axis=0)
    return space[found]


def remove_hashes(sketch: Sketch, shingle_count: int, hashes: Sketch) -> tuple[Sketch, int]:
    """Return a sketch and its number of shingles as if the text did not hold some of the sampled shingles."""
    kept = sketch[~np.isin(sketch, hashes, assume_unique=True)]
    return kept, shingle_count - (len(sketch) - len(kept))
