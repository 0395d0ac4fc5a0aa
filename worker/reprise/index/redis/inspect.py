"""Read an index for `reprise stats` and `reprise story`. Read-only; the permissions of a worker suffice.

An index with any signature parameters can be read, but its layout must be LAYOUT_VERSION.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis, RedisCluster

from reprise.dedup.retention import Retention
from reprise.errors import Fatal, IndexMismatch
from reprise.index.redis.decision_codec import unpack_latest
from reprise.index.redis.errors import REDIS_ERRORS, translate_redis_error
from reprise.index.redis.inspect_types import (
    IndexInfo,
    IndexStats,
    RecordedDecision,
    ServerInfo,
    StoredRepresentative,
)
from reprise.index.redis.keys import LAYOUT_VERSION, article_field, meta_key, prefix, shard_of
from reprise.index.redis.record_sample import RecordCounts, estimate_records
from reprise.index.redis.records import pack48, unpack_head
from reprise.index.redis.scripts import script

#: Maximum entries and shards that statistics read, for a standard error of some 2 % each. An index for four million
#: articles has this many shards. A step takes 3 ms of Redis's time, by which it may delay a decision.
_STATS_ENTRIES: Final = 20_000
_STATS_SHARDS: Final = 32_768
_STATS_STEP_SHARDS: Final = 64

#: Numbers that statistics draw from each range of representatives' numbers, for a standard error below 1 %.
_STATS_SAMPLES: Final = 8_000

#: Numbers of representatives that one step of `find_story` reads: 3 ms of Redis's time.
_WALK_STEP: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInspector:
    """An index that exists; made by `find_index`. Every method raises Unreachable, Fatal.

    key     the namespace's own key
    prefix  prefix of all other keys
    """

    client: Redis | RedisCluster
    key: str
    prefix: str
    retention: Retention
    info: IndexInfo

    def stats(self, now_ms: int) -> IndexStats:
        """Estimate the number of entries of each kind."""
        replies: list[Sequence[int]] = []
        shards_read, entries_left = 0, _STATS_ENTRIES
        while shards_read < min(self.info.shards, _STATS_SHARDS) and entries_left > 0:
            replies.append(
                self._run("count_entries", self.prefix, self.info.shards, shards_read, _STATS_STEP_SHARDS, entries_left)
            )
            shards_read += replies[-1][0]
            entries_left -= replies[-1][1]
        ages = pack48(now_ms, self.retention.window_ms)
        records = estimate_records(
            self.info.last_number,
            _STATS_SAMPLES,
            lambda numbers: self._run("count_records", self.prefix, ages, numbers, 1),
        )
        return parse_counts(replies, self.info.shards, records)

    def find_decision(self, article_id: str, now_ms: int) -> RecordedDecision | None:
        """Return the latest decision of an article id; None if none is recorded."""
        field = article_field(article_id)
        ages = pack48(now_ms, self.retention.record_ms)
        return parse_article(self._run("find_article", self.prefix, ages, shard_of(field, self.info.shards), field))

    def find_root(self, story_id: str) -> str:
        """Return the story into which a story was merged in the end: itself if it was not merged."""
        root = bytes.fromhex(story_id)
        try:
            while merged := self.client.get(self.prefix.encode() + b"m:" + root):
                root = cast("bytes", merged)[5:]
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        return root.hex()

    def find_story(self, story_id: str, now_ms: int) -> Iterator[tuple[int, Sequence[StoredRepresentative]]]:
        """Read all representatives in steps, the newest first, and yield those of a story that was not merged.

        The representatives of the stories that were merged into it are included.

        Yields for each step the count of numbers read and the representatives of the story among them. Representatives
        that are added after the first step began are not returned.
        """
        wanted, ages = bytes.fromhex(story_id), pack48(now_ms, self.retention.window_ms)
        for last in range(self.info.last_number, 0, -_WALK_STEP):
            first = max(1, last - _WALK_STEP + 1)
            members = parse_representatives(self._run("find_story", self.prefix, ages, wanted, first, last), story_id)
            yield last - first + 1, list(reversed(members))

    def server_info(self) -> ServerInfo:
        """Return the name, memory and eviction policy of the server that holds the index."""
        try:
            if isinstance(self.client, RedisCluster):
                node = self.client.get_node_from_key(self.key)  # type: ignore[no-untyped-call]
                info: Any = self.client.info(target_nodes=node)
            else:
                info = self.client.info()
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        valkey = info.get("valkey_version")
        return ServerInfo(
            name=f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}",
            used_bytes=int(info["used_memory"]),
            max_bytes=int(info["maxmemory"]) or None,
            policy=info.get("maxmemory_policy"),
        )

    def _run(self, name: str, *arguments: str | bytes | int) -> Any:
        try:
            return self.client.eval(script(name).text, 1, self.key, *arguments)
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error


def find_index(
    client: Redis | RedisCluster, namespace: str, *, generation: str | None, retention: Retention
) -> IndexInspector:
    """Return the inspector of a namespace's index. No index is created.

    retention  decides which entries are within the window if the index does not store its own

    Raises Fatal if there is no index, IndexMismatch if it has another layout, Unreachable.
    """
    key = meta_key(namespace, generation)
    name = f"namespace {namespace!r}" + (f", generation {generation!r}," if generation else "")
    info = _read_info(client, key)
    if info is None:
        raise Fatal(f"{name} holds no index; set REPRISE_NAMESPACE and REPRISE_INDEX_GENERATION to those of a worker")
    if f" layout={LAYOUT_VERSION} " not in info.parameters:
        raise IndexMismatch(
            f"{name} holds an index written with {info.parameters}; this release reads layout={LAYOUT_VERSION}"
        )
    return IndexInspector(
        client=client,
        key=key,
        prefix=prefix(namespace, info.version, generation),
        retention=info.retention or retention,
        info=info,
    )


def _read_info(client: Redis | RedisCluster, key: str) -> IndexInfo | None:
    try:
        fields = ["version", "parameters", "shards", "number", "added", "swept_ms", "window_ms", "replay_ms", "rule"]
        values: Any = client.hmget(key, fields)
    except REDIS_ERRORS as error:
        raise translate_redis_error(error) from error
    version, parameters, shards, number, added, swept_ms, window_ms, replay_ms, rule = values
    if version is None:
        return None
    return IndexInfo(
        version=version.decode(),
        parameters=parameters.decode(),
        shards=int(shards),
        last_number=int(number or 0),
        added=int(added or 0),
        swept_ms=int(swept_ms) if swept_ms else None,
        retention=Retention(window_seconds=int(window_ms) / 1000, replay_seconds=int(replay_ms) / 1000)
        if window_ms and replay_ms
        else None,
        rule=rule.decode() if rule else "",
    )


def parse_counts(replies: Sequence[Sequence[int]], shards: int, records: RecordCounts) -> IndexStats:
    """Add the replies of count_entries, and estimate the totals of the index from the shards that were read."""
    read, _, *counts = (sum(column) for column in zip(*replies, strict=True))
    articles, superseded, revisions, texts = (round(count * shards / read) for count in counts)
    return IndexStats(
        shards_read=read,
        representatives=round(records.representatives),
        founders=round(records.founders),
        articles=articles,
        superseded=superseded,
        revisions=revisions,
        texts=texts,
        oldest_ms=records.earliest_ms or None,
        newest_ms=records.latest_ms or None,
    )


def parse_representatives(reply: Sequence[Any], story_id: str) -> Sequence[StoredRepresentative]:
    """Parse the reply of find_story. The founder of a story that was merged into this one is no founder."""
    return [
        StoredRepresentative(
            number=number,
            is_founder=record.story_number == number and record.story_id == story_id,
            article_id=record.article_id,
            source=record.source.hex() or None,
            shingle_count=record.shingle_count,
            last_seen_ms=record.last_seen_ms,
        )
        for number, packed in zip(reply[::2], reply[1::2], strict=True)
        if (record := unpack_head(number, packed))
    ]


def parse_article(reply: Sequence[bytes]) -> RecordedDecision | None:
    """Parse the reply of find_article."""
    packed, record, story = reply
    if not packed:
        return None
    decision = unpack_latest(packed).decision
    representative = unpack_head(decision.representative, record) if record else None
    return RecordedDecision(
        type=decision.type,
        kind=decision.kind,
        decided_at_ms=decision.decided_at_ms,
        published_story_id=decision.story_id,
        story_id=story.hex(),
        matched_article_id=representative.article_id if representative else None,
        is_article=decision.is_article,
    )
