"""Find the stories that an article shows to be one. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from reprise.dedup.matches import DOMAIN_KEY_BYTES, Match, Representative
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import reach_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two stories that an article shows to be one: the younger is merged into the older. Both are named by number.

    support          distinct registered domains of the younger story's representatives that show it
    representatives  the number of these representatives
    """

    story_number: int
    into: int
    support: int
    representatives: int


def find_merges(matches: Iterable[Match], rule: Rule) -> tuple[Merge, ...]:
    """Return the stories to merge: into the oldest, each other one.

    Only stories that enough sources support strongly are merged, and only those that share text with the oldest one.
    """
    strong: defaultdict[int, list[Match]] = defaultdict(list)
    for match in matches:
        if _is_strong(match, rule):
            strong[match.representative.story_number].append(match)
    sources = {story: len({_independent_source(match) for match in support}) for story, support in strong.items()}
    stories = sorted(story for story, count in sources.items() if count >= rule.merge_sources)
    return tuple(
        Merge(story_number=story, into=stories[0], support=sources[story], representatives=len(strong[story]))
        for story in stories[1:]
        if _share_text(strong[stories[0]], strong[story], rule)
    )


def _share_text(older: Sequence[Match], younger: Sequence[Match], rule: Rule) -> bool:
    """Return whether most pairs of representatives, one of each story, share text with each other.

    A roundup copies the reports of several stories, which have nothing in common but the roundup.
    """
    shares = [_containment(one.representative, other.representative) for one in older for other in younger]
    return median(shares) >= rule.merge_containment


def _containment(one: Representative, other: Representative) -> float:
    """Estimate the share of the smaller text that is also in the other."""
    reach = min(reach_of(one.sketch, one.shingle_count), reach_of(other.sketch, other.shingle_count))
    counts = [int(each.sketch.searchsorted(np.uint32(reach))) for each in (one, other)]
    shared = np.intersect1d(one.sketch[: counts[0]], other.sketch[: counts[1]], assume_unique=True)
    return len(shared) / max(1, min(counts))


def _independent_source(match: Match) -> bytes:
    """Return the registered domain of a match's source; representatives of unknown sources count as one source each.

    Anyone can publish under any number of names of one domain.
    """
    return match.representative.source[:DOMAIN_KEY_BYTES] or b"#%d" % match.representative.number


def _is_strong(match: Match, rule: Rule) -> bool:
    return not match.same_source and match.evidence.copied >= rule.strong_support_ratio
