"""A look into the index of a namespace, read only: with the rights of a worker, and beside any number of them.

May live here: what only a look asks. Signature parameters may be any; the layout must be the one that this code reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis, RedisCluster

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.errors import Fatal, IndexMismatch
from reprise.index.redis.codec import pack_settings, unpack_recorded, unpack_representative, unpack_survey
from reprise.index.redis.errors import REDIS_ERRORS, translate_redis_error
from reprise.index.redis.inspect_types import IndexInfo, IndexStats, RecordedDecision, ServerInfo, StoredRepresentative
from reprise.index.redis.keys import LAYOUT_VERSION, article_field, meta_key, prefix
from reprise.index.redis.scripts import script

#: A survey reads so many entries, for a standard error of some 2 % each, and looks for them in so many shards at most:
#: all of an index for four million articles. A step takes 3 ms of Redis's time, and a decision may have to wait for it.
_SURVEY_ENOUGH: Final = 20_000
_SURVEY_SHARDS: Final = 32_768
_SURVEY_STEP: Final = 64

#: Numbers that one step of a walk looks at: as long.
_STEP: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInspector:
    """An index that was found; made by `find_index`. Every call raises Unreachable, Fatal."""

    client: Redis | RedisCluster
    key: str
    settings: bytes
    held: IndexInfo

    def survey(self, now_ms: int) -> IndexStats:
        """Estimate how much there is of everything."""
        answers: list[Sequence[int]] = []
        looked, enough = 0, _SURVEY_ENOUGH
        while looked < min(self.held.shards, _SURVEY_SHARDS) and enough > 0:
            answers.append(self._run("survey", now_ms, looked, _SURVEY_STEP, enough))
            looked += answers[-1][0]
            enough -= answers[-1][1]
        return unpack_survey(answers, self.held.shards)

    def article(self, article_id: str, now_ms: int) -> RecordedDecision | None:
        """Find what was decided last of an article, by its id; None where nothing is on record."""
        answer = self._run("find_article", now_ms, article_field(article_id))
        return None if answer is None else unpack_recorded(answer)

    def story(self, story_id: str, now_ms: int) -> Iterator[tuple[int, Sequence[StoredRepresentative]]]:
        """Walk over all representatives that were ever added, the newest first, for those of a story that live.

        Gives for each step how many numbers it looked at, and the representatives found there. What is added behind
        the walk's beginning is not seen.
        """
        wanted = bytes.fromhex(story_id)
        for last in range(self.held.last_number, 0, -_STEP):
            first = max(1, last - _STEP + 1)
            found = self._run("find_story", now_ms, wanted, first, last)
            yield last - first + 1, [unpack_representative(each) for each in reversed(found)]

    def server(self) -> ServerInfo:
        """Ask the server that holds the index for its name, memory and eviction policy."""
        try:
            if isinstance(self.client, RedisCluster):
                node = self.client.get_node_from_key(self.key)  # type: ignore[no-untyped-call]
                told: Any = self.client.info(target_nodes=node)
            else:
                told = self.client.info()
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        valkey = told.get("valkey_version")
        return ServerInfo(
            name=f"Valkey {valkey}" if valkey else f"Redis {told['redis_version']}",
            used_bytes=int(told["used_memory"]),
            max_bytes=int(told["maxmemory"]) or None,
            policy=told.get("maxmemory_policy"),
        )

    def _run(self, name: str, *arguments: str | bytes | int) -> Any:
        try:
            return self.client.eval(script(name).text, 1, self.key, self.settings, *arguments)
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error


def find_index(
    client: Redis | RedisCluster, namespace: str, *, generation: str | None, rule: Rule, retention: Retention
) -> IndexInspector:
    """Find a namespace's index, and create none. The retention says what counts as living: no index keeps it.

    Raises Fatal where there is no index, IndexMismatch where it has another layout, Unreachable.
    """
    key = meta_key(namespace, generation)
    whose = f"namespace {namespace!r}" + (f", generation {generation!r}," if generation else "")
    held = _held(client, key)
    if held is None:
        raise Fatal(f"{whose} holds no index; REPRISE_NAMESPACE and REPRISE_INDEX_GENERATION say which is looked for")
    if f" layout={LAYOUT_VERSION} " not in held.parameters:
        raise IndexMismatch(
            f"{whose} holds an index written with {held.parameters}; this release reads layout={LAYOUT_VERSION}"
        )
    settings = pack_settings(held.version, prefix(namespace, held.version, generation), held.shards, rule, retention)
    return IndexInspector(client=client, key=key, settings=settings, held=held)


def _held(client: Redis | RedisCluster, key: str) -> IndexInfo | None:
    try:
        told: Any = client.hmget(key, ["version", "parameters", "shards", "number", "swept_ms"])
    except REDIS_ERRORS as error:
        raise translate_redis_error(error) from error
    version, parameters, shards, number, swept_ms = told
    if version is None:
        return None
    return IndexInfo(
        version=version.decode(),
        parameters=parameters.decode(),
        shards=int(shards),
        last_number=int(number or 0),
        swept_ms=int(swept_ms) if swept_ms else None,
    )
