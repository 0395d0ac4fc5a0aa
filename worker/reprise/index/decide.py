"""Decide one article, given the content of an index about it. Pure; both indexes call it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from reprise.dedup.decision import Shortlist, is_flooded, is_stock_phrase, kind_of, quantise, shortlist, source_key
from reprise.dedup.no_article import PageVerdict
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.index.notices import (
    PageJudgement,
    decide_no_article,
    forget_notice,
    judge,
    page_numbers,
    prefer_same_page,
    take_over_story,
)
from reprise.index.story_match import AppliedMerge, StoryMatch, find_match, follow, is_own_story, root_of
from reprise.index.types import (
    EMPTY_SKETCH,
    Changes,
    Inherited,
    Lookup,
    RepresentativeRecord,
    StoredDecision,
    Story,
)
from reprise.messages.ids import story_id
from reprise.model import Decision, Fingerprint, Kind, Superseded, Trace

#: Load the records of representatives, in order; those that no longer exist are left out.
LoadRecords = Callable[[Sequence[int]], Sequence[RepresentativeRecord]]


def list_candidates(lookup: Lookup, rule: Rule, retention: Retention, now_ms: int) -> Sequence[int]:
    """Return the numbers of the representatives that the article, or a later one of its batch, is compared with."""
    shortlisted = shortlist(_current_buckets(lookup, retention, now_ms), rule)
    compared = _own_and_candidates(lookup, shortlisted)
    # If the article becomes a representative, the root of the story that it joins is the founder of the new record.
    # Later articles of the batch are compared with that founder, but their lookups do not name it.
    roots = {lookup.members[number].story_number for number in compared}
    return [
        *compared,
        *shortlisted.witnesses,
        *_founders(lookup, compared),
        *sorted(roots),
        *page_numbers(lookup, now_ms - retention.window_ms),
    ]


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
    judgement = judge(fingerprint, lookup, load(page_numbers(lookup, now_ms - context.retention.window_ms)))
    is_late = lookup.latest is not None and _is_late(
        fingerprint.crawled_at_ms, lookup.latest.crawled_at_ms, lookup.was_superseded
    )
    if judgement.verdict is PageVerdict.NO_ARTICLE and judgement.shown:
        return _no_article(fingerprint, lookup, judgement, judgement.shown, inherited, now_ms, is_late=is_late)
    before, lookup = lookup.latest, forget_notice(prefer_same_page(lookup, judgement))
    is_doubted = judgement.verdict is PageVerdict.DOUBTED
    buckets = [] if lookup.copy else _current_buckets(lookup, context.retention, now_ms)
    shortlisted = shortlist(buckets, rule)
    compared = _own_and_candidates(lookup, shortlisted)
    found = None
    if not is_doubted:
        witnesses, founders = load(shortlisted.witnesses), load(_founders(lookup, compared))
        found = find_match(fingerprint, lookup, load(compared), witnesses, founders, rule)
    founded_story_id = (
        inherited.story_id
        if inherited
        else story_id(context.namespace, fingerprint.article_id, fingerprint.content_hash)
    )
    is_indexed = found is None or (found.comparison.similarity < rule.index_below_similarity and not is_late)
    covering = number if is_indexed or found is None else found.record.number
    if is_doubted and lookup.copy:
        covering = lookup.copy.number
    # An article that the index learns from a previous one shows only the merges that it showed there: those events are
    # published. Other merges must wait for an article whose event is published.
    merges = found.merges if found and not inherited else ()
    story = follow(found.story, merges) if found else Story(number, founded_story_id)
    if found:
        stored = _variant(found, story, merges, lookup, is_late, context)
    elif not is_doubted and (taken_over := take_over_story(lookup, number, now_ms, is_late=is_late)):
        stored, story = taken_over
    else:
        stored = StoredDecision(
            kind=None,
            similarity=0.0,
            containment=0.0,
            decided_at_ms=now_ms,
            story_id=founded_story_id,
            representative=number,
            is_late=is_late,
            is_doubted=is_doubted,
        )
    record = _record(fingerprint, story, number, now_ms) if is_indexed else None
    fills, full = _fills(buckets, rule) if is_indexed and not is_doubted else ([], 0)
    trace = Trace(
        candidates=len(shortlisted.candidates),
        stop_bands=shortlisted.ignored_bands,
        full_buckets=full,
        indexed=is_indexed and not is_doubted and fingerprint.signature is not None,
    )
    recorded = _recorded(stored, inherited)
    changes = Changes(
        stored=recorded,
        latest=before,
        # A doubted page matches nothing, but the copy still covers the text, so its record is renewed.
        match=found.record if found else lookup.copy,
        joined=found.story if found else root_of(lookup.copy, lookup.roots) if lookup.copy else None,
        merges={merge.story.story_id: merge.into for merge in merges} or _inherited_merges(recorded, story, number),
        covering=covering,
        record=record,
        fills=fills,
        members=list(dict.fromkeys(number for bucket in lookup.buckets for number in bucket)),
        pages=judgement.pages_after(fingerprint, number if is_doubted else covering),
        doubted=judgement.doubted,
    )
    return as_decision(stored, found.record.article_id if found else fingerprint.article_id, trace), changes


def _no_article(
    fingerprint: Fingerprint,
    lookup: Lookup,
    judgement: PageJudgement,
    shown: RepresentativeRecord,
    inherited: Inherited | None,
    now_ms: int,
    *,
    is_late: bool,
) -> tuple[Decision, Changes]:
    """Return the decision on a page that shows a notice, and its changes."""
    changes = decide_no_article(fingerprint, lookup, judgement, shown, now_ms)
    stored = replace(changes.stored, is_late=is_late)
    return as_decision(stored, shown.article_id, Trace()), replace(changes, stored=_recorded(stored, inherited))


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
        matched_article_id=matched_article_id if is_variant or not stored.is_article else None,
        supersedes=stored.supersedes,
        merges=stored.merges,
        is_article=stored.is_article,
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


def _own_and_candidates(lookup: Lookup, shortlisted: Shortlist) -> Sequence[int]:
    """Return the candidates, and the representative that an earlier crawl of the article matched.

    An earlier crawl may be so short that it shares no band with this one.
    """
    if lookup.latest is None or lookup.latest.decision.representative not in lookup.members:
        return shortlisted.candidates
    return list(dict.fromkeys([*shortlisted.candidates, lookup.latest.decision.representative]))


def _founders(lookup: Lookup, compared: Sequence[int]) -> Sequence[int]:
    """Return the founders of the stories of some representatives that are not among these representatives."""
    founders = {lookup.members[number].founder for number in compared}
    return sorted(founders.difference(compared))


def _variant(
    found: StoryMatch,
    story: Story,
    merges: Sequence[AppliedMerge],
    lookup: Lookup,
    is_late: bool,
    context: DecisionContext,
) -> StoredDecision:
    latest, comparison = lookup.latest, found.comparison
    is_revision = is_own_story(lookup, story, merges)
    return StoredDecision(
        kind=Kind.REVISION if is_revision else kind_of(comparison, context.rule),
        similarity=quantise(comparison.similarity),
        containment=quantise(comparison.containment),
        decided_at_ms=context.now_ms,
        story_id=story.story_id,
        representative=found.record.number,
        is_late=is_late,
        supersedes=Superseded(
            content_hash=latest.content_hash, type=latest.decision.type, story_id=latest.decision.story_id
        )
        if is_revision and latest and not is_late
        else None,
        merges=tuple(merge.for_event() for merge in merges),
    )


def _recorded(stored: StoredDecision, inherited: Inherited | None) -> StoredDecision:
    """Return the decision to record. A later crawl must repeat the event that the previous index published."""
    if inherited is None or inherited.decision is None:
        return stored
    return replace(inherited.decision, representative=stored.representative, is_late=stored.is_late)


def _inherited_merges(recorded: StoredDecision, story: Story, number: int) -> Mapping[str, Story]:
    """Return the merges that a previous index decided, as `Changes` has them.

    An older story that this index does not know yet gets the number of the article that showed the merge.
    """
    return {
        merge.story_id: story if story.story_id == merge.into else Story(number, merge.into)
        for merge in recorded.merges
    }


def _record(fingerprint: Fingerprint, story: Story, number: int, now_ms: int) -> RepresentativeRecord:
    """Return the article as a representative of a story."""
    signature = fingerprint.signature
    return RepresentativeRecord(
        number=number,
        story_number=story.number,
        story_id=story.story_id,
        article_id=fingerprint.article_id,
        last_seen_ms=now_ms,
        source=source_key(fingerprint.source),
        shingle_count=signature.shingle_count if signature else 0,
        sketch=sketch_of(signature) if signature else EMPTY_SKETCH,
    )


def _fills(buckets: Sequence[Sequence[tuple[int, int]]], rule: Rule) -> tuple[list[bool], int]:
    """Return, for each band, whether its bucket accepts another representative, and the number of full buckets.

    Stock phrases accept none, unless most of all buckets hold them: otherwise nothing could find this article.
    """
    fills, full = [], 0
    are_phrases = [is_stock_phrase(bucket, rule) for bucket in buckets]
    accepts_phrases = is_flooded(sum(are_phrases), len(buckets))
    for bucket, is_phrase in zip(buckets, are_phrases, strict=True):
        if is_phrase and not accepts_phrases:
            fills.append(False)
        elif len(bucket) >= rule.bucket_entries:
            fills.append(False)
            full += 1
        else:
            fills.append(True)
    return fills, full


def _is_late(crawled_at_ms: int | None, latest_ms: int | None, was_superseded: bool) -> bool:
    """Return whether a crawl is older than the latest one.

    was_superseded  whether a text of the same article id superseded this one before. Such a text comes back because
                    offsets were rewound, or because the page changed back: only a newer crawl time shows the latter.
    """
    if crawled_at_ms is None or latest_ms is None:
        return was_superseded
    return crawled_at_ms < latest_ms or (was_superseded and crawled_at_ms == latest_ms)
