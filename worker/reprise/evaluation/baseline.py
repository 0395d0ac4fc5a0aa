"""Cluster articles with datasketch's MinHashLSH, as a baseline.

The LSH is used as datasketch's documentation shows: three-word shingles of the whole text, 128 permutations. An article
joins the story of the query result with the highest estimated similarity, the earliest of equals; without a result it
founds a story. Every article is inserted. One signature of an article serves all orders and thresholds.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datasketch import MinHash

#: datasketch's default
PERMUTATIONS: Final = 128

#: Jaccard thresholds: the lowest in common use of the LSH, and the most frequent one of near-duplicate studies
THRESHOLDS: Final = (0.5, 0.8)

_WORDS_PER_SHINGLE: Final = 3
_WORD: Final = re.compile(r"\w+")


def is_installed() -> bool:
    """Return whether datasketch can be imported."""
    try:
        import datasketch  # noqa: F401, PLC0415  # the import takes 0.5 s and 60 MB, and only an evaluation needs it
    except ImportError:
        return False
    return True


def signature(text: str) -> "MinHash | None":
    """Return the MinHash of a text, or None for a text without words, because all empty MinHashes are equal."""
    from datasketch import MinHash  # noqa: PLC0415

    words = _WORD.findall(text.lower())
    if not words:
        return None
    last = max(1, len(words) - _WORDS_PER_SHINGLE + 1)
    shingles = {" ".join(words[at : at + _WORDS_PER_SHINGLE]).encode("utf-8", "surrogatepass") for at in range(last)}
    minhash = MinHash(num_perm=PERMUTATIONS)
    minhash.update_batch(shingles)
    return minhash


def cluster(
    articles: Sequence[tuple[str, "MinHash | None"]], threshold: float, advance: Callable[[int], None]
) -> dict[str, str]:
    """Return the story of each article id; an id that occurs again has its last story.

    `articles` holds (id, signature) in the order of arrival. `advance` is called with 1 after each article.
    """
    from datasketch import MinHashLSH  # noqa: PLC0415

    lsh = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    stories: list[str] = []
    for number, (_, minhash) in enumerate(articles):
        story = str(number)
        if minhash is not None:
            best = max(
                lsh.query(minhash),
                key=lambda other: (_similarity(minhash, articles[other][1]), -other),
                default=None,
            )
            story = story if best is None else stories[best]
            lsh.insert(number, minhash, check_duplication=False)
        stories.append(story)
        advance(1)
    return {article_id: story for (article_id, _), story in zip(articles, stories, strict=True)}


def _similarity(one: "MinHash", other: "MinHash | None") -> float:
    return float(one.jaccard(other)) if other is not None else 0.0
