"""The yardstick: datasketch's MinHashLSH as its documentation shows it, on the whole text, without segments.

Three-word shingles of the whole text, 128 permutations. Of the articles that the LSH answers, the one with the highest
estimated similarity gives its story (ties to the earliest); where it answers none, the article founds a story. Every
article is inserted. Its signatures are made once and serve all orders and thresholds.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datasketch import MinHash

#: datasketch's default, and its documentation's.
PERMUTATIONS: Final = 128

#: Jaccard thresholds: what near-duplicate studies take most, and the lowest at which the LSH is usually seen.
THRESHOLDS: Final = (0.5, 0.8)

_WORDS_A_SHINGLE: Final = 3
_WORD: Final = re.compile(r"\w+")


def is_installed() -> bool:
    """Whether datasketch can be imported."""
    try:
        import datasketch  # noqa: F401, PLC0415  # half a second and 60 MB, and only an evaluation needs it
    except ImportError:
        return False
    return True


def signature(text: str) -> "MinHash | None":
    """Sign a text; None where it has no word, as empty signatures would all be alike."""
    from datasketch import MinHash  # noqa: PLC0415

    words = _WORD.findall(text.lower())
    if not words:
        return None
    last = max(1, len(words) - _WORDS_A_SHINGLE + 1)
    shingles = {" ".join(words[at : at + _WORDS_A_SHINGLE]).encode("utf-8", "surrogatepass") for at in range(last)}
    signed = MinHash(num_perm=PERMUTATIONS)
    signed.update_batch(shingles)
    return signed


def cluster(
    articles: Sequence[tuple[str, "MinHash | None"]], threshold: float, advance: Callable[[int], None]
) -> dict[str, str]:
    """Article id -> story, for articles as (id, signature) in their order of arrival; an id's last story counts."""
    from datasketch import MinHashLSH  # noqa: PLC0415

    lsh = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    stories: list[str] = []
    for number, (_, signed) in enumerate(articles):
        story = str(number)
        if signed is not None:
            best = max(
                lsh.query(signed),
                key=lambda other: (_similarity(signed, articles[other][1]), -other),
                default=None,
            )
            story = story if best is None else stories[best]
            lsh.insert(number, signed, check_duplication=False)
        stories.append(story)
        advance(1)
    return {article_id: story for (article_id, _), story in zip(articles, stories, strict=True)}


def _similarity(one: "MinHash", other: "MinHash | None") -> float:
    return float(one.jaccard(other)) if other is not None else 0.0
