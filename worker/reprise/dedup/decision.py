"""The decision: the story that an article joins, among candidates of the index. Pure.

docs/internals/detection has the evidence for the rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from math import floor
from typing import Final

from reprise.dedup.comparison import (
    IDENTICAL,
    Comparison,
    accepts,
    compare_all,
    contains_copy,
)
from reprise.dedup.matches import DOMAIN_KEY_BYTES, Match, Representative
from reprise.dedup.merges import Merge, find_merges
from reprise.dedup.overlap import Overlap, find_overlap
from reprise.dedup.rule import Rule
from reprise.dedup.shared_passages import ComparedText, find_shared_passages
from reprise.messages.urls import registered_domain
from reprise.model import Kind, Signature

#: Maximum witnesses. Two unrelated texts reveal a passage; the third is for the case that one is a copy of another.
_WITNESSES: Final = 3

#: Sampled hashes that an article must share with a founder: fewer may be a phrase.
_FOUNDER_HASHES: Final = 3

#: Sources whose keys are kept, some 200 bytes each.
_CACHED_SOURCES: Final = 16_384

#: Share of all bands that a representative must share with an article whose buckets hold mostly stock phrases. With a
#: smaller one, unrelated articles with the same notices are compared.
_FLOODED_SHARE: Final = 0.125

#: Weight of the similarity in the rank of a match: of two stories that hold all of a short text, the article joins the
#: one with less other text.
_SIMILARITY_WEIGHT: Final = 0.3

#: A match below either bound (copied share of the smaller text, similarity in copied sentences) may consist of a shared
#: passage alone. With higher bounds, wire reports on the long pages of several sites count as passages and are missed.
_WEAK_COPIED: Final = 0.5
_WEAK_SIMILARITY: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The match whose story an article joins.

    merges  pairs of stories that the article shows to be one; neither need be the story of `match`
    """

    match: Match
    merges: tuple[Merge, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """The representatives to load for a decision, by number.

    candidates     representatives whose story the article may join, those with the most shared bands first
    witnesses      representatives of different stories that share stock phrases with the article, to find passages
    ignored_bands  number of bands that hold stock phrases
    """

    candidates: Sequence[int]
    witnesses: Sequence[int]
    ignored_bands: int


def shortlist(buckets: Iterable[Sequence[tuple[int, int]]], rule: Rule) -> Shortlist:
    """Choose candidates and witnesses by the number of bands that they share with an article.

    buckets: for each band, the living representatives of its bucket, as (number, story number). Ties: the older story
    first. Bands with stock phrases yield no candidates, unless these are most of the bands with a
    representative; see `is_flooded`.
    """
    # dicts: `Counter.update` costs several times as much for the few members of a bucket
    shared: dict[tuple[int, int], int] = {}
    phrases: dict[tuple[int, int], int] = {}
    ignored = used = 0
    for bucket in filter(None, buckets):
        used += 1
        is_phrase = is_stock_phrase(bucket, rule)
        ignored += is_phrase
        counts = phrases if is_phrase else shared
        for number, story in bucket:
            member = (story, number)
            counts[member] = counts.get(member, 0) + 1
    if is_flooded(ignored, used):
        shared = _add_frequent(shared, phrases, rule)
    candidates = sorted(shared, key=lambda member: (-shared[member], member))[: rule.candidates]
    witnesses: dict[int, int] = {}
    for story, number in sorted(phrases.keys() - set(candidates), key=lambda member: (-phrases[member], member)):
        if len(witnesses) < _WITNESSES:
            witnesses.setdefault(story, number)
    return Shortlist(
        candidates=[number for _, number in candidates],
        witnesses=list(witnesses.values()),
        ignored_bands=ignored,
    )


def is_flooded(stock_phrases: int, bands: int) -> bool:
    """Return whether most of these bands hold stock phrases.

    Articles of three stories that contain the right phrases of a text turn its buckets into those of stock phrases, and
    reprints of the text are not found. Then the representatives that share several bands are compared all the same: an
    article that was made to flood buckets shares few with each text.
    """
    return stock_phrases * 2 > bands


def _add_frequent(
    shared: dict[tuple[int, int], int], phrases: dict[tuple[int, int], int], rule: Rule
) -> dict[tuple[int, int], int]:
    """Return the shared bands of members, with those of stock phrases for members that share enough bands in all."""
    totals = {member: shared.get(member, 0) + count for member, count in phrases.items()}
    return shared | {member: total for member, total in totals.items() if total >= _FLOODED_SHARE * rule.permutations}


def is_stock_phrase(bucket: Sequence[tuple[int, int]], rule: Rule) -> bool:
    """Return whether a bucket, as (number, story number), holds a stock phrase.

    Counts stories, not articles: the text of a popular wire story is frequent and no stock phrase.
    """
    return len(bucket) >= rule.stock_phrase_stories and (
        len({story for _, story in bucket}) >= rule.stock_phrase_stories
    )


def choose(
    article: Signature,
    source: bytes,
    candidates: Sequence[Representative],
    rule: Rule,
    witnesses: Sequence[Representative] = (),
    founders: Sequence[Representative] = (),
) -> Choice | None:
    """Choose the story to join among candidates; None for a new story.

    founders  the founders of the candidates' stories that are no candidates

    A passage that the article shares with two candidates or witnesses which share nothing else with each other, such
    as a notice on the pages of several sites, is no evidence. The match with the most copied text wins, then the older
    story, then the older representative. A match that copies only a part must share text with the founder, too:
    else a story drifts from text to text, until its articles have nothing in common.
    """
    overlap = find_overlap(article, [*candidates, *witnesses])
    compared = _compare(overlap, source, candidates, rule)
    matches = [match for match in compared if accepts(match.comparison, match.same_source, rule)]
    if matches and len(compared) + len(witnesses) > 1:
        matches = _set_passages_aside(overlap, matches, compared, candidates, witnesses, rule)
    matches = _keep_anchored(article, matches, compared, founders, rule)
    if not matches:
        return None
    return Choice(match=min(matches, key=_rank), merges=find_merges(matches, rule))


def choose_earlier_crawl(
    article: Signature, source: bytes, candidates: Sequence[Representative], rule: Rule
) -> Match | None:
    """Choose the best match among representatives of the story that an earlier crawl of the article joined.

    The same id is evidence: one text that contains the other is enough, however short it is. So the whole text follows
    a feed's summary or the free part of a page, and the other way round.
    """
    if not candidates:
        return None
    compared = _compare(find_overlap(article, candidates), source, candidates, rule)
    return min(
        (
            match
            for match in compared
            if accepts(match.comparison, match.same_source, rule) or contains_copy(match.comparison, rule)
        ),
        key=_rank,
        default=None,
    )


def _keep_anchored(
    article: Signature,
    matches: Sequence[Match],
    compared: Sequence[Match],
    founders: Sequence[Representative],
    rule: Rule,
) -> list[Match]:
    """Return the matches that copy most of a text, and those of a story whose founder shares text with the article.

    founders  the founders of the candidates' stories that are no candidates
    """
    doubtful = {match.representative.founder for match in matches if not _is_anchored_alone(match, rule)}
    others = [founder for founder in founders if founder.number in doubtful]
    comparisons = {match.representative.number: match.comparison for match in compared}
    if others:
        comparisons |= {
            founder.number: comparison
            for founder, comparison in zip(others, compare_all(find_overlap(article, others), rule), strict=True)
            if comparison
        }
    anchored = {
        number
        for number in doubtful & comparisons.keys()
        if comparisons[number].copied >= rule.founder_share and comparisons[number].hashes >= _FOUNDER_HASHES
    }
    return [match for match in matches if _is_anchored_alone(match, rule) or match.representative.founder in anchored]


def _is_anchored_alone(match: Match, rule: Rule) -> bool:
    """Return whether a match is with the founder itself, or copies most of a text."""
    representative = match.representative
    return representative.number == representative.founder or match.evidence.copied >= rule.anchor_share


def _compare(overlap: Overlap, source: bytes, candidates: Sequence[Representative], rule: Rule) -> Sequence[Match]:
    """Compare an article with candidates, the first texts of the overlap; those that share nothing are left out."""
    return [
        Match(
            representative=candidate,
            comparison=comparison,
            evidence=comparison,
            same_source=source != b"" and source == candidate.source,
        )
        for candidate, comparison in zip(candidates, compare_all(overlap, rule), strict=False)
        if comparison
    ]


def _set_passages_aside(
    overlap: Overlap,
    matches: Sequence[Match],
    compared: Sequence[Match],
    candidates: Sequence[Representative],
    witnesses: Sequence[Representative],
    rule: Rule,
) -> list[Match]:
    """Judge matches again without the passages that unrelated texts share with the article.

    compared               all candidates that share something with the article, also those that do not match
    candidates, witnesses  the texts of the overlap
    """
    rows = {candidate.number: row for row, candidate in enumerate(candidates)}
    accepted = {match.representative.number for match in matches}
    compared_texts = [
        ComparedText(
            row=rows[match.representative.number],
            source=match.representative.source,
            is_weak=match.representative.number in accepted and _is_weak(match),
            is_near=_is_near(match, rule),
        )
        for match in compared
    ] + [
        ComparedText(row=row, source=witness.source, is_weak=True, is_near=False)
        for row, witness in enumerate(witnesses, len(candidates))
    ]
    passages = find_shared_passages(overlap, compared_texts)
    if not passages.any():
        return list(matches)
    doubtful = [match for match in matches if not _is_near(match, rule)]
    remaining = overlap.without(passages, [rows[match.representative.number] for match in doubtful])
    evidence = {
        match.representative.number: comparison
        for match, comparison in zip(doubtful, compare_all(remaining, rule) if remaining else (), strict=False)
        if comparison and accepts(comparison, match.same_source, rule)
    }
    kept = []
    for match in matches:
        if _is_near(match, rule):
            kept.append(match)
        elif match.representative.number in evidence:
            kept.append(replace(match, evidence=evidence[match.representative.number]))
    return kept


def _is_near(match: Match, rule: Rule) -> bool:
    """Return whether the texts are so similar that a passage alone cannot be the reason."""
    return match.evidence.copied_similarity >= rule.near_similarity


def _is_weak(match: Match) -> bool:
    """Return whether a match shares so little that it may consist of a passage alone."""
    return match.evidence.copied < _WEAK_COPIED or match.evidence.copied_similarity < _WEAK_SIMILARITY


def _rank(match: Match) -> tuple[float, int, int]:
    evidence = match.evidence
    return (
        -(evidence.copied + _SIMILARITY_WEIGHT * evidence.copied_similarity),
        match.representative.story_number,
        match.representative.number,
    )


def kind_of(comparison: Comparison, rule: Rule) -> Kind:
    """Return the kind of a variant that is no revision."""
    if comparison is IDENTICAL:
        return Kind.EXACT
    return Kind.NEAR if comparison.similarity >= rule.near_similarity else Kind.PARTIAL


def quantise(share: float) -> float:
    """Round a share to the four digits that the index records, so that a recorded decision equals the first one."""
    return floor(share * 10_000 + 0.5) / 10_000


@lru_cache(maxsize=_CACHED_SOURCES)
def source_key(source: str | None) -> bytes:
    """Return eight bytes for a source in any letter case; b"" for an unknown source, which equals no other.

    The first DOMAIN_KEY_BYTES stand for its registered domain: all sources of one domain have them in common.
    """
    if not source:
        return b""
    name = source.casefold()
    domain = registered_domain(f"http://{name}/") or name
    return b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DOMAIN_KEY_BYTES, person=b"reprise.source").digest()
        for text in (domain, name)
    )
