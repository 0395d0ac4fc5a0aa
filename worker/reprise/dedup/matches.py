"""Representatives, and their matches with an article."""

from dataclasses import dataclass
from typing import Final

from reprise.dedup.comparison import Comparison
from reprise.dedup.sketch import Sketch

#: Bytes of a source that stand for its registered domain. Of 10,000 domains, two have equal ones with a chance of 1 %.
DOMAIN_KEY_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """An article that the index holds for its story.

    number        unique in its index; an older representative has a smaller one
    story_number  number of the story: an older story has a smaller one
    founder       number of the first representative of the story, before it was merged into another one
    source        8 bytes that stand for the source, its registered domain first; b"" for an unknown one
    """

    number: int
    story_number: int
    founder: int
    source: bytes
    shingle_count: int
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A representative whose story the article may join.

    comparison  of the whole texts
    evidence    the same without passages that unrelated candidates share; equal to `comparison` where there are none
    """

    representative: Representative
    comparison: Comparison
    evidence: Comparison
    same_source: bool
