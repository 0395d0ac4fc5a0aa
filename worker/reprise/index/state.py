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
    KnownPage,
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
    #: key of a text -> the pages that showed it, and the time of the last one
    pages: dict[bytes, tuple[Sequence[KnownPage], int]] = field(default_factory=dict)

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
        pages = self._pages(fingerprint, retention, now_ms)
        number, seen_ms = self.texts.get(fingerprint.content_hash, (0, 0))
        copy = self.records[number] if number and now_ms - seen_ms < retention.window_ms else None
        numbers = {known.number for known in pages}
        buckets: Sequence[Sequence[int]] = ()
        if copy is None:
            buckets = [self.buckets.get(bucket, ()) for bucket in bucket_keys(fingerprint)]
            numbers.update(number for bucket in buckets for number in bucket)
            if latest:
                numbers.add(latest.decision.representative)
        records = self.load(list(numbers))
        roots = self._roots(latest, [copy, *records] if copy else records)
        return Lookup(
            latest=latest,
            was_superseded=was_superseded,
            copy=copy,
            buckets=buckets,
            members=_members(records, roots),
            roots=roots,
            pages=pages,
        )

    def root(self, story_id: str) -> Story | None:
        """Return the story that a story was merged into in the end; None if it was not merged."""
        root = None
        while merged := self.merged.get(root.story_id if root else story_id):
            root = merged
        return root

    def load(self, numbers: Sequence[int]) -> Sequence[RepresentativeRecord]:
        """Return the records of representatives, in order; those that do not exist are left out."""
        return [self.records[number] for number in numbers if number in self.records]

    def apply(self, fingerprint: Fingerprint, changes: Changes, now_ms: int) -> None:
        """Apply the changes of one decision."""
        if match := changes.match:
            known = self.records.get(match.number, match)
            self.records[match.number] = replace(known, last_seen_ms=max(known.last_seen_ms, now_ms))
        if changes.record:
            number = changes.record.number
            self.records[number] = changes.record
            for bucket, fills in zip(bucket_keys(fingerprint) if changes.fills else (), changes.fills, strict=True):
                if fills:
                    self.buckets[bucket].append(number)
        for story_id, into in changes.merges.items():
            root = self.root(into.story_id) or into
            if story_id not in self.merged and root.story_id != story_id:
                self.merged[story_id] = root
        self.texts[fingerprint.content_hash] = (changes.covering, now_ms)
        self._apply_pages(fingerprint, changes, now_ms)
        article_id, stored = fingerprint.article_id, changes.stored
        if stored.is_late:  # recorded as superseded from the start: a late crawl never replaces a newer one
            self.versions[article_id, fingerprint.content_hash] = (stored, now_ms)
            return
        if changes.latest:
            self.versions[article_id, changes.latest.content_hash] = (changes.latest.decision, now_ms)
        self.articles[article_id] = LatestDecision(
            decision=stored, content_hash=fingerprint.content_hash, crawled_at_ms=fingerprint.crawled_at_ms
        )

    def _apply_pages(self, fingerprint: Fingerprint, changes: Changes, now_ms: int) -> None:
        if fingerprint.page and changes.pages is not None:
            self.pages[fingerprint.page.text_key] = (changes.pages, now_ms)
        for article_id, number in changes.doubted:
            if (founded := self.articles.get(article_id)) and is_founding(founded.decision, number):
                self.articles[article_id] = replace(founded, decision=replace(founded.decision, is_doubted=True))

    def _pages(self, fingerprint: Fingerprint, retention: Retention, now_ms: int) -> Sequence[KnownPage]:
        """Return the pages that showed the text of an article within the window."""
        pages, seen_ms = self.pages.get(fingerprint.page.text_key, ((), 0)) if fingerprint.page else ((), 0)
        return pages if now_ms - seen_ms < retention.window_ms else ()

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


def _members(records: Iterable[RepresentativeRecord], roots: Mapping[str, Story]) -> Mapping[int, Member]:
    return {
        record.number: Member(
            record.last_seen_ms,
            roots[record.story_id].number if record.story_id in roots else record.story_number,
            record.story_number,
        )
        for record in records
    }


def is_founding(decision: StoredDecision, number: int) -> bool:
    """Return whether a decision founded a story with this representative."""
    return decision.kind is None and decision.is_article and decision.representative == number


def bucket_keys(fingerprint: Fingerprint) -> Sequence[tuple[int, int]]:
    """Return the (band, MinHash row) of each bucket of an article; none if it has no signature."""
    return list(enumerate(unpack_rows(fingerprint.signature))) if fingerprint.signature else []
