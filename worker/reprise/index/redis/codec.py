"""Pack the arguments (ARGV) of the scripts and parse their replies. No other module depends on their format."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from reprise.dedup.retention import Retention
from reprise.index.redis.decision_codec import (
    complete,
    pack_decision,
    pack_merges,
    pack_replaced,
    recorded,
    unpack_decision,
    unpack_latest,
)
from reprise.index.redis.keys import (
    article_field,
    bucket_fragments,
    bucket_shards,
    entry_number,
    shard_of,
    version_shard,
)
from reprise.index.redis.page_codec import pack_pages, unpack_pages
from reprise.index.redis.records import pack48, pack_record, unpack_head
from reprise.index.redis.story_codec import pack_story, pack_validated_stories, unpack_merged
from reprise.index.types import Changes, Lookup, Member, Replay, StoredDecision, Story
from reprise.model import Fingerprint

#: The time to live of a key exceeds the retention of its content by a margin: this share of the retention of records,
#: at least a second. Clocks of workers differ, and a sweep may be late.
_MARGIN: Final = 0.1
_MIN_MARGIN_MS: Final = 1000

#: A head in the reply of lookup; see `_unpack_member`.
_HEAD: Final = struct.Struct(">QQ")

Argument = bytes | str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyspace:
    """The keys of an index: their prefix, the number of shards, and the retention.

    id      random id, drawn when the index was created; it differs after the index was lost and created again
    shards  number of shards of each kind
    bands   number of bands
    shards_versions  whether the versions of one article are in several shards; in earlier layouts they are in one
    """

    id: bytes
    prefix: str
    shards: int
    bands: int
    retention: Retention
    shards_versions: bool = True

    def ages(self, now_ms: int) -> bytes:
        """Pack the time and the retentions, an argument of most scripts."""
        retention = self.retention
        return pack48(now_ms, retention.window_ms, retention.record_ms, retention.replay_ms)

    def times_to_live(self, now_ms: int) -> bytes:
        """Pack the time and the times to live, an argument of commit."""
        retention, margin = self.retention, margin_ms(self.retention)
        return pack48(
            now_ms,
            retention.window_ms + margin,
            retention.record_ms + margin,
            longest_ttl_ms(retention),
        )


def margin_ms(retention: Retention) -> int:
    """Return the margin by which the time to live of a key exceeds the retention of its content."""
    return max(_MIN_MARGIN_MS, round(_MARGIN * retention.record_ms))


def longest_ttl_ms(retention: Retention) -> int:
    """Return the longest time to live of a key: that of the key of `meta_key`, and of what revisions replaced."""
    return retention.record_ms + retention.replay_ms + margin_ms(retention)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleKeys:
    """The packed identity of an article: the same for its lookup, its commit and its lookup in a previous index.

    version_field  the field of the article with this content in the hashes `v` and `p`
    """

    field: bytes
    shard: int
    version_field: bytes
    version_shard: int
    text_shard: int
    content_hash: bytes
    band_shards: bytes
    fragments: bytes
    pages_shard: int
    pages_field: bytes


def article_keys(fingerprint: Fingerprint, shards: int) -> ArticleKeys:
    """Pack the identity of an article for an index with this number of shards."""
    field, signature, page = article_field(fingerprint.article_id), fingerprint.signature, fingerprint.page
    version_field = field + fingerprint.content_hash[:8]
    return ArticleKeys(
        field=field,
        shard=shard_of(field, shards),
        version_field=version_field,
        version_shard=version_shard(version_field, shards),
        text_shard=shard_of(fingerprint.content_hash, shards),
        content_hash=fingerprint.content_hash,
        band_shards=bucket_shards(signature, shards).astype(">u4").tobytes() if signature else b"",
        fragments=bucket_fragments(signature, shards) if signature else b"",
        pages_shard=shard_of(page.text_key, shards) if page else 0,
        pages_field=page.text_key if page else b"",
    )


def lookup_arguments(keyspace: Keyspace, keys: ArticleKeys, now_ms: int) -> Sequence[Argument]:
    """Return ARGV of lookup."""
    return (
        keyspace.id,
        keyspace.prefix,
        keyspace.ages(now_ms),
        keys.shard,
        keys.field,
        keys.text_shard,
        keys.content_hash,
        keys.band_shards,
        keys.fragments,
        keys.pages_shard,
        keys.pages_field,
        keys.version_shard,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupReply:
    """The reply of lookup. Values that a commit sends back stay packed.

    latest     the latest decision of the article id, as stored
    covering   number of the representative that covers the text: 5 bytes as stored, or none
    copy       number and record of the representative that covers the text within the window
    stories    the stories of all entries that were not merged, packed
    pages      the known pages of the text, as stored
    """

    lookup: Lookup
    latest: bytes
    covering: bytes
    copy: tuple[int, bytes] | None
    stories: bytes = b""
    pages: bytes = b""


def parse_lookup(reply: Sequence[bytes], keys: ArticleKeys, retention: Retention, now_ms: int) -> LookupReply:
    """Parse the reply of lookup; the record of an exact copy stays packed."""
    packed_latest, version, replaced, merges, text, record, members, heads, stories, merged, packed_pages = reply
    latest = unpack_latest(packed_latest) if packed_latest else None
    if latest and now_ms - latest.decision.decided_at_ms >= retention.record_ms:
        latest = None
    if record and not text:
        stored = recorded(latest, version, keys.content_hash, replaced, merges)
        matched = unpack_head(stored.representative, record).article_id
        lookup = Lookup(latest=latest, replay=Replay(decision=stored, matched_article_id=matched), members={})
        return LookupReply(lookup=lookup, latest=packed_latest, covering=b"", copy=None)
    was_superseded = bool(version) and now_ms - int.from_bytes(version[:6], "big") < retention.record_ms
    roots_by_number = unpack_merged(merged) if merged else {}
    roots = {story.story_id: root for story, root in roots_by_number.values()}
    buckets: list[list[int]] = [[] for _ in range(len(keys.band_shards) // 4)]
    for band, number in _unpack_entries(members):
        buckets[band].append(number)
    found = dict(map(_unpack_member, _HEAD.iter_unpack(heads)))
    if roots:
        found |= {
            number: Member(member.last_seen_ms, roots_by_number[member.story_number][1].number, member.founder)
            for number, member in found.items()
            if member.story_number in roots_by_number
        }
    lookup = Lookup(
        latest=latest,
        was_superseded=was_superseded,
        buckets=() if record else buckets,
        members=found,
        roots=roots,
        pages=unpack_pages(packed_pages, keys.pages_field, now_ms - retention.window_ms) if packed_pages else (),
    )
    return LookupReply(
        lookup=lookup,
        latest=packed_latest,
        covering=text[:5],
        copy=(int.from_bytes(text[:5], "big"), record) if record else None,
        stories=stories,
        pages=packed_pages,
    )


def _unpack_entries(members: bytes) -> Iterable[tuple[int, int]]:
    """Return the band and the number of each entry: 1 and 5 bytes."""
    packed = np.frombuffer(members, dtype=np.uint8).reshape(-1, 6)
    numbers = np.zeros((len(packed), 8), dtype=np.uint8)
    numbers[:, 3:] = packed[:, 1:]
    return zip(packed[:, 0].tolist(), (numbers.view(">u8")[:, 0] >> 1).tolist(), strict=True)


def _unpack_member(head: tuple[int, int]) -> tuple[int, Member]:
    """Unpack a number (5 bytes), last_seen_ms (6) and a story number (5), which are read as two integers of 8 bytes."""
    first, second = head
    story_number = second & 0xFFFFFFFFFF
    return first >> 25, Member((first & 0xFFFFFF) << 24 | second >> 40, story_number, story_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRequest:
    """One decision to commit.

    latest, covering  the article's latest decision and the representative of its text, as the lookup returned them
    renewed_shards    shards of the match's bands, if their times to live are due for renewal
    batch_numbers     the representatives in its buckets that earlier articles of the batch added
    stories           the stories that the lookup found and that were not merged, as it returned them
    looked_up_roots   the merged stories that the lookup found
    roots             id of each story that was merged by then -> its root, after the earlier articles of the batch
    pages             the known pages of the text, as the lookup returned them
    """

    keys: ArticleKeys
    fingerprint: Fingerprint
    changes: Changes
    latest: bytes
    covering: bytes
    renewed_shards: bytes
    batch_numbers: Sequence[int]
    stories: bytes
    looked_up_roots: Iterable[str]
    roots: Mapping[str, Story]
    pages: bytes


class StoredValues(NamedTuple):
    """Values that a commit will store: the latest decision, the covering representative, and the known pages."""

    latest: bytes
    covering: bytes
    pages: bytes


def commit_arguments(
    keyspace: Keyspace, request: CommitRequest, now_ms: int
) -> tuple[Sequence[Argument], StoredValues]:
    """Return ARGV of commit, and the values that it will store."""
    keys, fingerprint, changes = request.keys, request.fingerprint, request.changes
    latest, stored, record = request.latest, changes.stored, changes.record
    packed = pack_decision(stored)
    new_latest = (fingerprint.crawled_at_ms or 0).to_bytes(6, "big") + fingerprint.content_hash + packed
    superseded_field = superseded = b""
    if stored.is_late:
        superseded_field, superseded = keys.version_field, now_ms.to_bytes(6, "big") + packed
    elif changes.latest:
        superseded_field = keys.field + changes.latest.content_hash[:8]
        superseded = now_ms.to_bytes(6, "big") + pack_decision(changes.latest.decision)
    new_covering = changes.covering.to_bytes(5, "big")
    # A merge cannot be taken back, so it is validated like a new representative. A doubted one is in no bucket. The
    # buckets of an exact copy were not looked up; the merges that it inherits were shown in a previous index.
    validates_buckets = bool(changes.fills or (changes.merges and changes.members))
    new_pages = b"" if changes.pages is None else pack_pages(changes.pages, now_ms)
    arguments: Sequence[Argument] = (
        keyspace.id,
        keyspace.prefix,
        keyspace.times_to_live(now_ms),
        keys.shard,
        keys.field,
        latest,
        b"" if stored.is_late else new_latest,
        superseded_field,
        superseded,
        pack_replaced(stored, now_ms) if stored.supersedes and not stored.is_late else b"",
        keys.content_hash,
        keys.text_shard,
        request.covering,
        new_covering + now_ms.to_bytes(6, "big"),
        _pack_match(changes),
        request.renewed_shards,
        b"".join(bytes.fromhex(story) + pack_story(into) for story, into in changes.merges.items()),
        record.number if record else 0,
        pack_record(record, fingerprint.signature, keyspace.shards) if record else b"",
        keys.band_shards if validates_buckets else b"",
        keys.fragments if validates_buckets else b"",
        "".join("1" if fills else "0" for fills in changes.fills),
        b"".join(map(entry_number, changes.members)) if validates_buckets else b"",
        b"".join(number.to_bytes(5, "big") for number in request.batch_numbers),
        *pack_validated_stories(request.stories, request.looked_up_roots, request.roots),
        keys.version_field,
        pack_merges(stored.merges),
        keys.pages_shard,
        keys.pages_field if new_pages else b"",
        request.pages,
        new_pages,
        b"".join(_pack_doubted(article_id, number, keyspace.shards) for article_id, number in changes.doubted),
        version_shard(superseded_field, keyspace.shards),
        keys.version_shard,
    )
    return arguments, StoredValues(latest if stored.is_late else new_latest, new_covering, new_pages)


def sweep_arguments(keyspace: Keyspace, now_ms: int, max_shards: int) -> Sequence[Argument]:
    """Return ARGV of sweep."""
    ages = keyspace.ages(now_ms)
    return (keyspace.id, keyspace.prefix, ages, keyspace.bands, keyspace.shards, max_shards)


def previous_arguments(
    keyspace: Keyspace, fingerprint: Fingerprint, now_ms: int, *, is_rehashed: bool
) -> Sequence[Argument]:
    """Return ARGV of find_previous. is_rehashed: whether the previous index hashes texts in another way."""
    keys = article_keys(fingerprint, keyspace.shards)
    return (
        keyspace.prefix,
        keyspace.ages(now_ms),
        keys.shard,
        keys.field,
        keys.text_shard,
        keys.content_hash,
        int(is_rehashed),
        keys.version_shard if keyspace.shards_versions else keys.shard,
        keyspace.shards if keyspace.shards_versions else 0,
    )


def parse_previous(reply: Sequence[bytes]) -> tuple[StoredDecision | None, str | None]:
    """Parse the reply of find_previous: the decision and the story id of the text, each None if not recorded."""
    latest, version, replaced, merges, story = reply
    decision = None
    if latest:
        decision = complete(unpack_latest(latest).decision, replaced, merges)
    elif version:
        decision = complete(unpack_decision(version[6:]), replaced, merges)
    return decision, story.hex() or None


def _pack_doubted(article_id: str, number: int, shards: int) -> bytes:
    """Pack an article whose story is doubted from now on: shard 4 bytes, field 8, number of the representative 5."""
    field = article_field(article_id)
    return shard_of(field, shards).to_bytes(4, "big") + field + number.to_bytes(5, "big")


def _pack_match(changes: Changes) -> bytes:
    match, joined = changes.match, changes.joined
    if match is None or joined is None:
        return b""
    return match.number.to_bytes(5, "big") + bytes.fromhex(match.story_id) + pack_story(joined)
