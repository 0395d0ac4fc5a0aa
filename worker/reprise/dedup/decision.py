"""The decision: the story that an article joins, among the candidates that the index found. Pure.

docs/internals/detection has the evidence for the rule.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import floor

from reprise.dedup.comparison import IDENTICAL, Comparison, Sketch, accepts, compare_all
from reprise.dedup.rule import Rule
from reprise.model import Kind, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """An article that the index holds for its story.

    number        unique in its index; an older representative has a smaller one
    story_number  number of the story's founder: an older story has a smaller one
    source        8 bytes that stand for the source; b"" for an unknown one
    """

    number: int
    story_number: int
    source: bytes
    shingle_count: int
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A representative whose story the article may join, and their comparison."""

    representative: Representative
    comparison: Comparison
    same_source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The match whose story an article joins, and the numbers of representatives that move to that story with it."""

    match: Match
    moves: tuple[int, ...]


def shortlist(buckets: Iterable[Sequence[tuple[int, int]]], rule: Rule) -> tuple[list[int], int]:
    """Choose candidates by the number of bands that they share with an article.

    buckets: for each band, the living representatives of its bucket, as (number, story number).
    Returns the representatives' numbers, those with the most shared bands first (ties: the older story first), and the
    number of bands that were ignored as stock phrases.
    """
    shared: Counter[tuple[int, int]] = Counter()
    ignored = 0
    for bucket in buckets:
        if is_stock_phrase(bucket, rule):
            ignored += 1
        else:
            shared.update((story, number) for number, story in bucket)
    ranked = sorted(shared, key=lambda member: (-shared[member], member))
    return [number for _, number in ranked[: rule.candidates]], ignored


def is_stock_phrase(bucket: Sequence[tuple[int, int]], rule: Rule) -> bool:
    """Return whether a bucket, as (number, story number), holds a stock phrase.

    Counts stories, not articles: the text of a popular wire story is frequent and no stock phrase.
    """
    return len(bucket) >= rule.stock_phrase_stories and (
        len({story for _, story in bucket}) >= rule.stock_phrase_stories
    )


def choose(article: Signature, source: bytes, candidates: Sequence[Representative], rule: Rule) -> Choice | None:
    """Choose the story to join among candidates; None for a new story.

    The match with the most copied text wins, then the older story, then the older representative. But a story older
    than that wins if representatives of several sources support it strongly: two stories that began apart, because
    their first texts shared nothing, stop growing in parallel, and strongly supported representatives of the younger
    one move to the older, so that copies of them follow. Published events stay as they are.
    """
    comparisons = compare_all(
        article, [each.sketch for each in candidates], [each.shingle_count for each in candidates], rule
    )
    matches = []
    for candidate, comparison in zip(candidates, comparisons, strict=True):
        same_source = source != b"" and source == candidate.source
        if comparison and accepts(comparison, same_source, rule):
            matches.append(Match(representative=candidate, comparison=comparison, same_source=same_source))
    if not matches:
        return None
    best = min(matches, key=_rank)
    support: defaultdict[int, set[bytes]] = defaultdict(set)
    for match in matches:
        if _is_strong(match, rule):
            # representatives of unknown sources count as one source each
            anonymous = b"#%d" % match.representative.number
            support[match.representative.story_number].add(match.representative.source or anonymous)
    older = [story for story, sources in support.items() if len(sources) >= rule.strong_support_sources]
    story = min([best.representative.story_number, *older])
    joined = min((match for match in matches if match.representative.story_number == story), key=_rank)
    moves = [
        match.representative.number
        for match in matches
        if match.representative.story_number > story and best is not joined and _is_strong(match, rule)
    ]
    return Choice(match=joined, moves=tuple(sorted(moves)))


def _is_strong(match: Match, rule: Rule) -> bool:
    return not match.same_source and match.comparison.copied >= rule.strong_support_ratio


def _rank(match: Match) -> tuple[float, int, int]:
    return (-match.comparison.copied, match.representative.story_number, match.representative.number)


def kind_of(comparison: Comparison, rule: Rule) -> Kind:
    """Return the kind of a variant that is no revision."""
    if comparison is IDENTICAL:
        return Kind.EXACT
    return Kind.NEAR if comparison.similarity >= rule.near_similarity else Kind.PARTIAL


def quantise(share: float) -> float:
    """Round a share to the four digits that the index records, so that a recorded decision equals the first one."""
    return floor(share * 10_000 + 0.5) / 10_000


def source_key(source: str | None) -> bytes:
    """Return eight bytes that stand for a source; b"" for an unknown source, which equals no other."""
    return (
        blake2b(source.encode("utf-8", "surrogatepass"), digest_size=8, person=b"reprise.source").digest()
        if source
        else b""
    )
