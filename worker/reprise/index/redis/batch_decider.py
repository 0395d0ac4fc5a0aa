"""Decide the looked-up articles of a batch in order, and pack their commits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reprise.index.decide import DecisionContext, decide
from reprise.index.redis.codec import (
    Argument,
    ArticleKeys,
    CommitRequest,
    Keyspace,
    LookupReply,
    commit_arguments,
)
from reprise.index.redis.decision_codec import mark_doubted
from reprise.index.redis.record_cache import CandidateRecords
from reprise.index.redis.story_codec import unpack_stories
from reprise.index.state import IndexState, is_founding
from reprise.index.story_match import root_of
from reprise.index.types import Changes, Inherited, Lookup, RepresentativeRecord, Story
from reprise.model import Decision, Fingerprint


class BatchDecider:
    """Decides the articles of a batch in order. A decision takes into account the changes of those before it."""

    def __init__(
        self,
        context: DecisionContext,
        keyspace: Keyspace,
        records: CandidateRecords,
        numbers: Iterator[int],
    ) -> None:
        """Decide articles that were looked up.

        records  the records of all candidates, loaded
        numbers  a number for each article that may become a representative
        """
        self._context = context
        self._keyspace = keyspace
        self._records = records
        self._numbers = numbers
        #: the changes of this batch
        self._state = IndexState()
        #: the roots of merged stories, as the lookups of this batch returned them
        self._roots: dict[str, Story] = {}
        #: numbers of the representatives that this batch adds
        self._added: set[int] = set()
        #: latest decisions by article id, covering representatives by content hash, and known pages by key of their
        #: text, that this batch stores
        self._latest: dict[str, bytes] = {}
        self._covering: dict[bytes, bytes] = {}
        self._pages: dict[bytes, bytes] = {}
        #: by article id, the representatives whose stories this batch doubts
        self._doubted: dict[str, int] = {}

    def decide(
        self, fingerprint: Fingerprint, keys: ArticleKeys, reply: LookupReply, inherited: Inherited | None
    ) -> tuple[Decision, Sequence[Argument] | None]:
        """Decide one article; return the decision and the arguments of its commit, None if it is a recorded one."""
        lookup = self._overlay(fingerprint, reply)
        number = 0 if lookup.replay else next(self._numbers)
        decision, changes = decide(self._context, fingerprint, lookup, number, self._load, inherited)
        if changes is None:
            return decision, None
        if changes.record:
            self._added.add(number)
        return decision, self._commit(fingerprint, keys, reply, lookup, changes)

    def _commit(
        self, fingerprint: Fingerprint, keys: ArticleKeys, reply: LookupReply, lookup: Lookup, changes: Changes
    ) -> Sequence[Argument]:
        self._state.apply(fingerprint, changes, self._context.now_ms)
        renewed_shards = self._records.renew(changes.match.number, self._context.now_ms) if changes.match else b""
        request = CommitRequest(
            keys=keys,
            fingerprint=fingerprint,
            changes=changes,
            latest=self._latest_after_batch(fingerprint.article_id, reply.latest),
            covering=self._covering.get(fingerprint.content_hash, reply.covering),
            stories=reply.stories,
            looked_up_roots=reply.lookup.roots,
            roots=lookup.roots,
            renewed_shards=renewed_shards,
            batch_numbers=[number for number in changes.members if number in self._added],
            pages=self._pages.get(keys.pages_field, reply.pages),
        )
        arguments, stored = commit_arguments(self._keyspace, request, self._context.now_ms)
        self._doubted.update(changes.doubted)
        self._latest[fingerprint.article_id] = stored.latest
        self._covering[fingerprint.content_hash] = stored.covering
        if stored.pages:
            self._pages[keys.pages_field] = stored.pages
        return arguments

    def _latest_after_batch(self, article_id: str, looked_up: bytes) -> bytes:
        """Return the packed latest decision on an article, with the changes of this batch."""
        latest = self._latest.get(article_id, looked_up)
        return mark_doubted(latest, self._doubted[article_id]) if article_id in self._doubted else latest

    def _load(self, numbers: Sequence[int]) -> Sequence[RepresentativeRecord]:
        """Return the records of candidates, with the changes of this batch."""
        loaded = []
        for number in numbers:
            if changed := self._state.records.get(number):
                loaded.append(changed)
            elif stored := self._records.get(number):
                loaded.append(stored.representative)
        return loaded

    def _overlay(self, fingerprint: Fingerprint, reply: LookupReply) -> Lookup:
        """Return the lookup of an article as it will be once the earlier changes of this batch are committed."""
        state, looked_up = self._state, reply.lookup
        if looked_up.replay:
            return looked_up
        own = state.lookup(fingerprint, self._context.retention, self._context.now_ms)
        latest = own.latest or looked_up.latest
        if latest and is_founding(latest.decision, self._doubted.get(fingerprint.article_id, 0)):
            latest = replace(latest, decision=replace(latest.decision, is_doubted=True))
        if own.replay:
            return Lookup(latest=latest, replay=own.replay, members={})
        was_superseded = own.was_superseded or looked_up.was_superseded
        self._roots.update(looked_up.roots)
        roots = self._roots_after_batch()
        copy = own.copy or self._looked_up_copy(reply)
        buckets = (
            [
                [*bucket, *added] if added else bucket
                for bucket, added in zip(looked_up.buckets, own.buckets, strict=True)
            ]
            if not copy
            else []
        )
        # `own.members` has the representatives that this batch added, and one that it matched. The batch's state alone
        # does not know the merges that were committed before. The batch may have changed other members as well.
        matched_or_added = {
            number: member._replace(story_number=root_of(state.records[number], roots).number)
            for number, member in own.members.items()
        }
        changes = {
            number: looked_up.members[number]._replace(last_seen_ms=state.records[number].last_seen_ms)
            for number in looked_up.members.keys() & state.records.keys()
        }
        members = {**looked_up.members, **changes}
        if state.merged:
            stories = unpack_stories(reply.stories) | {root.number: root for root in looked_up.roots.values()}
            members |= {
                number: members[number]._replace(story_number=roots[story.story_id].number)
                for number, member in looked_up.members.items()
                if (story := stories[member.story_number]).story_id in roots
            }
        members |= matched_or_added
        return Lookup(
            latest=latest,
            was_superseded=was_superseded,
            copy=copy,
            buckets=buckets,
            members=members,
            roots=roots,
            pages=own.pages or looked_up.pages,
        )

    def _looked_up_copy(self, reply: LookupReply) -> RepresentativeRecord | None:
        if reply.copy is None:
            return None
        number = reply.copy[0]
        stored = self._records.get(number)
        return self._state.records.get(number) or (stored.representative if stored else None)

    def _roots_after_batch(self) -> Mapping[str, Story]:
        """Return the root of every merged story that this batch knows, its own merges included."""
        merged = self._state.merged
        if not merged:
            return self._roots
        roots = {story_id: self._state.root(root.story_id) or root for story_id, root in self._roots.items()}
        return roots | {story_id: root for story_id in merged if (root := self._state.root(story_id))}
