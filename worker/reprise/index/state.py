"""The content of an index in memory: articles, texts, representatives and buckets of one namespace.

MemoryIndex is built on it. RedisIndex keeps the changes of a batch in it, so that later articles of the batch match
earlier ones.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reprise.dedup.retention import Retention
from reprise.dedup.text.signature import unpack_rows
from reprise.index.types import (
    Changes,
    LatestDecision,
    Lookup,
    Member,
    Replay,
    RepresentativeRecord,
    StoredDecision,
    Story,
)
from reprise.model import Fingerprint


@dataclass(slots=True)
class IndexState:
    """Entries of an index. Nothing is ever removed; `lookup` leaves out entries past their retention."""

    records: dict[int, RepresentativeRecord] = field(default_factory=dict)
    #: (band, MinHash row) -> numbers of representatives, oldest first
    buckets: defaultdict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    #: article id -> its latest decision
    articles: dict[str, LatestDecision] = field(default_factory=dict)
    #: (article id, content hash) -> a superseded decision, and the time at which it was superseded
    versions: dict[tuple[str, bytes], tuple[StoredDecision, int]] = field(default_factory=dict)
    #: content hash -> number of the representative that covers the text, and the time at which the text was last seen
    texts: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    #: story id -> the story that it was merged into, which may have been merged itself
    merged: dict[str, Story] = field(default_factory=dict)

    def lookup(self, fingerprint: Fingerprint, retention: Retention, now_ms: int) -> Lookup:
        """Return the content about one article."""
        latest = self.articles.get(fingerprint.article_id)
        if latest and now_ms - latest.decision.decided_at_ms >= retention.record_ms:
            latest = None
        recorded = self._recorded(fingerprint, latest, retention, now_ms)
        # If the record is missing, because keys were evicted or deleted manually, the article is decided again.
        if recorded and (matched := self.records.get(recorded.representative)):
            replay = Replay(decision=recorded, matched_article_id=matched.article_id)
            return Lookup(latest=latest, replay=replay, members={})
        version = self.versions.get((fingerprint.article_id, fingerprint.content_hash))
        was_superseded = version is not None and now_ms - version[1] < retention.record_ms
        number, seen_ms = self.texts.get(fingerprint.content_hash, (0, 0))
        if number and now_ms - seen_ms < retention.window_ms:
            copy = self.records[number]
            roots = self._roots(latest, [copy])
            return Lookup(latest=latest, was_superseded=was_superseded, copy=copy, members={}, roots=roots)
        buckets = [self.buckets.get(bucket, ()) for bucket in bucket_keys(fingerprint)]
        numbers = {number for bucket in buckets for number in bucket}
        if latest and latest.decision.representative in self.records:
            numbers.add(latest.decision.representative)
        records = [self.records[number] for number in numbers]
        roots = self._roots(latest, records)
        members = {
            record.number: Member(
                record.last_seen_ms,
                roots[record.story_id].number if record.story_id in roots else record.story_number,
                record.story_number,
            )
            for record in records
        }
        return Lookup(latest=latest, was_superseded=was_superseded, buckets=buckets, members=members, roots=roots)

    def root(self, story_id: str) -> Story | None:
        """Return the story that a story was merged into in the end; None if it was not merged."""
        root = None
        while merged := self.merged.get(root.story_id if root else story_id):
            root = merged
        return root

    def load(self, numbers: Sequence[int]) -> Sequence[RepresentativeRecord]:
        """Return the records of representatives, in order."""
        return [self.records[number] for number in numbers]

    def apply(self, fingerprint: Fingerprint, changes: Changes, now_ms: int) -> None:
        """Apply the changes of one decision."""
        if match := changes.match:
            known = self.records.get(match.number, match)
            self.records[match.number] = replace(known, last_seen_ms=max(known.last_seen_ms, now_ms))
        if changes.record:
            number = changes.record.number
            self.records[number] = changes.record
            for bucket, fills in zip(bucket_keys(fingerprint), changes.fills, strict=True):
                if fills:
                    self.buckets[bucket].append(number)
        for story_id, into in changes.merges.items():
            root = self.root(into.story_id) or into
            if story_id not in self.merged and root.story_id != story_id:
                self.merged[story_id] = root
        self.texts[fingerprint.content_hash] = (changes.covering, now_ms)
        article_id, stored = fingerprint.article_id, changes.stored
        if stored.is_late:  # recorded as superseded from the start: a late crawl never replaces a newer one
            self.versions[article_id, fingerprint.content_hash] = (stored, now_ms)
            return
        if changes.latest:
            self.versions[article_id, changes.latest.content_hash] = (changes.latest.decision, now_ms)
        self.articles[article_id] = LatestDecision(
            decision=stored, content_hash=fingerprint.content_hash, crawled_at_ms=fingerprint.crawled_at_ms
        )

    def _roots(self, latest: LatestDecision | None, records: Iterable[RepresentativeRecord]) -> Mapping[str, Story]:
        """Return the roots of the merged ones among the stories of these entries."""
        if not self.merged:
            return {}
        stories = {record.story_id for record in records} | ({latest.decision.story_id} if latest else set())
        return {story: root for story in stories if (root := self.root(story))}

    def _recorded(
        self, fingerprint: Fingerprint, latest: LatestDecision | None, retention: Retention, now_ms: int
    ) -> StoredDecision | None:
        """Return the decision on the same article id and content, if it is still recorded."""
        if latest and latest.content_hash == fingerprint.content_hash:
            return latest.decision
        version = self.versions.get((fingerprint.article_id, fingerprint.content_hash))
        return version[0] if version and now_ms - version[1] < retention.replay_ms else None


def bucket_keys(fingerprint: Fingerprint) -> Sequence[tuple[int, int]]:
    """Return the (band, MinHash row) of each bucket of an article; none if it has no signature."""
    return list(enumerate(unpack_rows(fingerprint.signature))) if fingerprint.signature else []
