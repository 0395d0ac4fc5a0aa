"""The reference index: the contract of reprise/ports.py in plain Python, for tests and for reading.

It takes the steps of reprise/redis_index/lua/decide.lua one by one, without packing or shards. Nothing is ever removed
but what a bucket's bound asks for; what is too old is not seen, as in Redis between two sweeps.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from reprise.dedup.decision import (
    IDENTICAL,
    Comparison,
    Representative,
    Rule,
    choose,
    is_stop,
    kind_of,
    quantise,
    shortlist,
    source_key,
)
from reprise.dedup.retention import Retention
from reprise.messages.ids import story_id
from reprise.model import Decision, EventType, Fingerprint, Kind, Signature, Superseded, Trace
from reprise.processing.pending import CompletedDecisions


@dataclass(slots=True, kw_only=True)
class _Record:
    """A representative, with the story it stands for."""

    representative: Representative
    story_id: str
    article_id: str
    seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Article:
    """The latest decision of an article id."""

    decision: Decision
    content_hash: bytes
    crawled_at_ms: int | None


@dataclass(slots=True)
class _NamespaceState:
    records: dict[int, _Record] = field(default_factory=dict)
    buckets: defaultdict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    articles: dict[str, _Article] = field(default_factory=dict)
    #: (article id, content hash) -> its decision, and when it was superseded
    versions: dict[tuple[str, bytes], tuple[Decision, int]] = field(default_factory=dict)
    #: content hash -> number of the representative that covers it, and when it was last seen
    texts: dict[bytes, tuple[int, int]] = field(default_factory=dict)


class MemoryIndex:
    """An index in this process, without any bound on its memory."""

    def __init__(self, *, rule: Rule, retention: Retention) -> None:
        self._rule = rule
        self._retention = retention
        self._namespaces: defaultdict[str, _NamespaceState] = defaultdict(_NamespaceState)

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> CompletedDecisions:
        """Decide each article in order, at once; see reprise/ports.py."""
        return CompletedDecisions(self.decide(namespace, fingerprints, now_ms))

    def decide(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Sequence[Decision]:
        """Ask, and take the answer."""
        state = self._namespaces[namespace]
        return [self._decide(namespace, state, fingerprint, now_ms) for fingerprint in fingerprints]

    def close(self) -> None:
        """Nothing to free."""

    def _decide(self, namespace: str, state: _NamespaceState, fingerprint: Fingerprint, now_ms: int) -> Decision:
        known = state.articles.get(fingerprint.article_id)
        if known and now_ms - known.decision.decided_at_ms >= self._retention.record_ms:
            known = None
        recorded = self._recorded(state, fingerprint, known, now_ms)
        if recorded:
            return replace(recorded, trace=Trace(replayed=True))
        late = known is not None and is_late(fingerprint.crawled_at_ms, known.crawled_at_ms)
        copied = self._copied(state, fingerprint, now_ms)
        buckets = [] if copied else self._buckets(state, fingerprint.signature, now_ms)
        numbers, stopped = shortlist(buckets, self._rule)
        record, comparison = (copied, IDENTICAL) if copied else self._match(state, fingerprint, known, numbers)
        trace = Trace(candidates=len(numbers), stop_bands=stopped)
        if record and comparison:
            record.seen_ms = max(record.seen_ms, now_ms)
            decision = self._variant(record, comparison, known, late, now_ms)
        else:
            founder = story_id(namespace, fingerprint.article_id, fingerprint.content_hash)
            decision = Decision(type=EventType.NEW, story_id=founder, decided_at_ms=now_ms)
        covering = record
        if comparison is None or (comparison.similarity < self._rule.novel and not late):
            covering = self._add(state, fingerprint, decision.story_id, record, now_ms)
            full = self._fill(state, fingerprint.signature, buckets, covering.representative.number)
            trace = replace(trace, full_buckets=full, indexed=fingerprint.signature is not None)
        assert covering is not None  # noqa: S101 - a new story always adds a record; for the type checker
        state.texts[fingerprint.content_hash] = (covering.representative.number, now_ms)
        self._remember(state, fingerprint, decision, known, late)
        return replace(decision, trace=trace)

    def _recorded(
        self, state: _NamespaceState, fingerprint: Fingerprint, known: _Article | None, now_ms: int
    ) -> Decision | None:
        """The decision that was taken for the same article id and text before, if it is remembered."""
        if known and known.content_hash == fingerprint.content_hash:
            return known.decision
        version = state.versions.get((fingerprint.article_id, fingerprint.content_hash))
        if version and now_ms - version[1] < self._retention.replay_ms:
            return version[0]
        return None

    def _lives(self, record: _Record, now_ms: int) -> bool:
        return now_ms - record.seen_ms < self._retention.window_ms

    def _buckets(self, state: _NamespaceState, signature: Signature | None, now_ms: int) -> list[list[tuple[int, int]]]:
        """For each band, the living representatives of the article's bucket: (number, story number)."""
        return [
            [
                (number, record.representative.story_number)
                for number in state.buckets[band, row]
                if self._lives(record := state.records[number], now_ms)
            ]
            for band, row in enumerate(signature.rows if signature else ())
        ]

    def _copied(self, state: _NamespaceState, fingerprint: Fingerprint, now_ms: int) -> _Record | None:
        """The representative that covers the very same text, if one was seen within the window."""
        number, seen_ms = state.texts.get(fingerprint.content_hash, (0, 0))
        return state.records[number] if number and now_ms - seen_ms < self._retention.window_ms else None

    def _match(
        self, state: _NamespaceState, fingerprint: Fingerprint, known: _Article | None, numbers: Sequence[int]
    ) -> tuple[_Record, Comparison] | tuple[None, None]:
        """The representative to follow: the best of the article's own story, else the best of all."""
        if fingerprint.signature is None:
            return None, None
        source = source_key(fingerprint.source)
        records = [state.records[number] for number in numbers]
        own = [each.representative for each in records if known and each.story_id == known.decision.story_id]
        choice = choose(fingerprint.signature, source, own, self._rule) or choose(
            fingerprint.signature, source, [each.representative for each in records], self._rule
        )
        if choice is None:
            return None, None
        joined = state.records[choice.match.representative.number]
        for number in choice.moves:
            moved = state.records[number]
            moved.story_id = joined.story_id
            moved.representative = replace(moved.representative, story_number=joined.representative.story_number)
        return joined, choice.match.comparison

    def _variant(
        self, record: _Record, comparison: Comparison, known: _Article | None, late: bool, now_ms: int
    ) -> Decision:
        revision = known is not None and known.decision.story_id == record.story_id
        return Decision(
            type=EventType.VARIANT,
            story_id=record.story_id,
            decided_at_ms=now_ms,
            kind=Kind.REVISION if revision else kind_of(comparison, self._rule),
            similarity=quantise(comparison.similarity),
            containment=quantise(comparison.containment),
            matched_article_id=record.article_id,
            supersedes=Superseded(
                content_hash=known.content_hash, type=known.decision.type, story_id=known.decision.story_id
            )
            if revision and known and not late
            else None,
        )

    def _add(
        self, state: _NamespaceState, fingerprint: Fingerprint, story: str, record: _Record | None, now_ms: int
    ) -> _Record:
        """Make the article a representative, of the story of `record` or of its own."""
        number = len(state.records) + 1
        signature = fingerprint.signature
        added = _Record(
            representative=Representative(
                number=number,
                story_number=record.representative.story_number if record else number,
                source=source_key(fingerprint.source),
                size=signature.size if signature else 0,
                sketch=signature.sketch if signature else (),
            ),
            story_id=story,
            article_id=fingerprint.article_id,
            seen_ms=now_ms,
        )
        state.records[number] = added
        return added

    def _fill(
        self,
        state: _NamespaceState,
        signature: Signature | None,
        buckets: Sequence[Sequence[tuple[int, int]]],
        number: int,
    ) -> int:
        """Put a representative into its buckets; returns how many were at their bound."""
        full = 0
        for band, row in enumerate(signature.rows if signature else ()):
            living = buckets[band]
            if is_stop(living, self._rule):
                continue
            if len(living) >= self._rule.bucket_entries:
                full += 1
            else:
                state.buckets[band, row] = [member for member, _ in living] + [number]
        return full

    def _remember(
        self,
        state: _NamespaceState,
        fingerprint: Fingerprint,
        decision: Decision,
        known: _Article | None,
        late: bool,
    ) -> None:
        """Record the decision: as the article's latest, or, for a late crawl, as one that is superseded already."""
        now_ms = decision.decided_at_ms
        if late:
            state.versions[fingerprint.article_id, fingerprint.content_hash] = (decision, now_ms)
            return
        if known:
            state.versions[fingerprint.article_id, known.content_hash] = (known.decision, now_ms)
        state.articles[fingerprint.article_id] = _Article(
            decision=decision,
            content_hash=fingerprint.content_hash,
            crawled_at_ms=fingerprint.crawled_at_ms,
        )


def is_late(crawled_at_ms: int | None, known_ms: int | None) -> bool:
    """Whether a crawl is older than the one that is known; an unknown time is never late."""
    return crawled_at_ms is not None and known_ms is not None and crawled_at_ms < known_ms
