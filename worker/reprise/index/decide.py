"""Decide one article, given the content of an index about it. Pure; both indexes call it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reprise.dedup.comparison import IDENTICAL, Comparison, sketch_of
from reprise.dedup.decision import Representative, choose, is_stock_phrase, kind_of, quantise, shortlist, source_key
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.index.types import (
    EMPTY_SKETCH,
    Changes,
    Inherited,
    LatestDecision,
    Lookup,
    RepresentativeRecord,
    StoredDecision,
)
from reprise.messages.ids import story_id
from reprise.model import Decision, Fingerprint, Kind, Superseded, Trace

#: Load the records of representatives, in order; those that no longer exist are left out.
LoadRecords = Callable[[Sequence[int]], Sequence[RepresentativeRecord]]


def list_candidates(lookup: Lookup, rule: Rule, retention: Retention, now_ms: int) -> Sequence[int]:
    """Return the numbers of the representatives that the article is compared with."""
    shortlisted = shortlist(_current_buckets(lookup, retention, now_ms), rule)
    return [*shortlisted.candidates, *shortlisted.witnesses]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """The parameters of a decision that all articles of a batch share."""

    namespace: str
    rule: Rule
    retention: Retention
    now_ms: int


def decide(
    context: DecisionContext,
    fingerprint: Fingerprint,
    lookup: Lookup,
    number: int,
    load: LoadRecords,
    inherited: Inherited | None = None,
) -> tuple[Decision, Changes | None]:
    """Decide one article; return the decision and the changes to make, None if it was already recorded.

    number     number of the article if it becomes a representative
    inherited  decision of a previous index: its story id is kept, and its decision is recorded in place of the new one
    """
    if lookup.replay:
        return as_decision(lookup.replay.decision, lookup.replay.matched_article_id, Trace(replayed=True)), None
    rule, now_ms = context.rule, context.now_ms
    buckets = [] if lookup.copy else _current_buckets(lookup, context.retention, now_ms)
    shortlisted = shortlist(buckets, rule)
    match: RepresentativeRecord | None = lookup.copy
    comparison: Comparison | None = IDENTICAL if lookup.copy else None
    moves: Sequence[RepresentativeRecord] = ()
    if not lookup.copy and fingerprint.signature:
        match, comparison, moves = _match(
            fingerprint, lookup.latest, load(shortlisted.candidates), load(shortlisted.witnesses), rule
        )
    is_late = lookup.latest is not None and _is_late(fingerprint.crawled_at_ms, lookup.latest.crawled_at_ms)
    founded_story_id = (
        inherited.story_id
        if inherited
        else story_id(context.namespace, fingerprint.article_id, fingerprint.content_hash)
    )
    is_indexed = comparison is None or (comparison.similarity < rule.index_below_similarity and not is_late)
    covering = number if is_indexed or match is None else match.number
    if match and comparison:
        stored = _variant(match, comparison, lookup.latest, is_late, context)
    else:
        stored = StoredDecision(
            kind=None,
            similarity=0.0,
            containment=0.0,
            decided_at_ms=now_ms,
            story_id=founded_story_id,
            representative=number,
            is_late=is_late,
        )
    record = _record(fingerprint, match, founded_story_id, number, now_ms) if is_indexed else None
    fills, full = _fills(buckets, rule) if is_indexed else ([], 0)
    trace = Trace(
        candidates=len(shortlisted.candidates),
        stop_bands=shortlisted.ignored_bands,
        full_buckets=full,
        indexed=is_indexed and fingerprint.signature is not None,
    )
    changes = Changes(
        stored=_recorded(stored, inherited),
        latest=lookup.latest,
        match=match,
        moves=moves,
        covering=covering,
        record=record,
        fills=fills,
        members=list(dict.fromkeys(number for bucket in lookup.buckets for number in bucket)),
    )
    return as_decision(stored, match.article_id if match else fingerprint.article_id, trace), changes


def as_decision(stored: StoredDecision, matched_article_id: str, trace: Trace) -> Decision:
    """Return a stored decision as the Decision that callers of the index receive."""
    is_variant = stored.kind is not None
    return Decision(
        type=stored.type,
        story_id=stored.story_id,
        decided_at_ms=stored.decided_at_ms,
        kind=stored.kind,
        similarity=stored.similarity if is_variant else None,
        containment=stored.containment if is_variant else None,
        matched_article_id=matched_article_id if is_variant else None,
        supersedes=stored.supersedes,
        trace=trace,
    )


def forgotten_decision(namespace: str, fingerprint: Fingerprint, now_ms: int) -> StoredDecision:
    """Return the decision on an article that a previous index has forgotten: a new story that is not recorded."""
    return StoredDecision(
        kind=None,
        similarity=0.0,
        containment=0.0,
        decided_at_ms=now_ms,
        story_id=story_id(namespace, fingerprint.article_id, fingerprint.content_hash),
        representative=0,
    )


def _current_buckets(lookup: Lookup, retention: Retention, now_ms: int) -> list[list[tuple[int, int]]]:
    """Return, for each band, its representatives within the window, as (number, story number)."""
    oldest_ms = now_ms - retention.window_ms
    current = {
        number: (number, member.story_number)
        for number, member in lookup.members.items()
        if member.last_seen_ms > oldest_ms
    }
    return [[current[number] for number in bucket if number in current] if bucket else [] for bucket in lookup.buckets]


def _match(
    fingerprint: Fingerprint,
    latest: LatestDecision | None,
    records: Sequence[RepresentativeRecord],
    witness_records: Sequence[RepresentativeRecord],
    rule: Rule,
) -> tuple[RepresentativeRecord, Comparison, Sequence[RepresentativeRecord]] | tuple[None, None, tuple[()]]:
    """Choose the representative to join: the best of the article's own story, else the best of all."""
    signature = fingerprint.signature
    if signature is None or not records:
        return None, None, ()
    source = source_key(fingerprint.source)
    candidates = [_candidate(record) for record in records]
    own_story_id = latest.decision.story_id if latest else None
    own = [candidate for candidate, record in zip(candidates, records, strict=True) if record.story_id == own_story_id]
    witnesses = [_candidate(record) for record in witness_records]
    choice = choose(signature, source, own, rule) or choose(signature, source, candidates, rule, witnesses)
    if choice is None:
        return None, None, ()
    by_number = {record.number: record for record in records}
    moves = [by_number[number] for number in choice.moves]
    return by_number[choice.match.representative.number], choice.match.comparison, moves


def _candidate(record: RepresentativeRecord) -> Representative:
    return Representative(
        number=record.number,
        story_number=record.story_number,
        source=record.source,
        shingle_count=record.shingle_count,
        sketch=record.sketch,
    )


def _variant(
    match: RepresentativeRecord,
    comparison: Comparison,
    latest: LatestDecision | None,
    is_late: bool,
    context: DecisionContext,
) -> StoredDecision:
    is_revision = latest is not None and latest.decision.story_id == match.story_id
    return StoredDecision(
        kind=Kind.REVISION if is_revision else kind_of(comparison, context.rule),
        similarity=quantise(comparison.similarity),
        containment=quantise(comparison.containment),
        decided_at_ms=context.now_ms,
        story_id=match.story_id,
        representative=match.number,
        is_late=is_late,
        supersedes=Superseded(
            content_hash=latest.content_hash, type=latest.decision.type, story_id=latest.decision.story_id
        )
        if is_revision and latest and not is_late
        else None,
    )


def _recorded(stored: StoredDecision, inherited: Inherited | None) -> StoredDecision:
    """Return the decision to record. A later crawl must repeat the event that the previous index published."""
    if inherited is None or inherited.decision is None:
        return stored
    return replace(inherited.decision, representative=stored.representative, is_late=stored.is_late)


def _record(
    fingerprint: Fingerprint, match: RepresentativeRecord | None, founded_story_id: str, number: int, now_ms: int
) -> RepresentativeRecord:
    """Return the article as a representative, in the story of its match or in a new one."""
    signature = fingerprint.signature
    return RepresentativeRecord(
        number=number,
        story_number=match.story_number if match else number,
        story_id=match.story_id if match else founded_story_id,
        article_id=fingerprint.article_id,
        last_seen_ms=now_ms,
        source=source_key(fingerprint.source),
        shingle_count=signature.shingle_count if signature else 0,
        sketch=sketch_of(signature) if signature else EMPTY_SKETCH,
    )


def _fills(buckets: Sequence[Sequence[tuple[int, int]]], rule: Rule) -> tuple[list[bool], int]:
    """Return, for each band, whether its bucket accepts another representative, and the number of full buckets."""
    fills, full = [], 0
    for bucket in buckets:
        if is_stock_phrase(bucket, rule):
            fills.append(False)
        elif len(bucket) >= rule.bucket_entries:
            fills.append(False)
            full += 1
        else:
            fills.append(True)
    return fills, full


def _is_late(crawled_at_ms: int | None, latest_ms: int | None) -> bool:
    """Return whether a crawl is older than the latest one; a crawl of unknown time is never late."""
    return crawled_at_ms is not None and latest_ms is not None and crawled_at_ms < latest_ms
