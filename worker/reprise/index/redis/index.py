"""The index in Redis or Valkey, a single server or a cluster: one script a decision, one round trip a batch."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, Final

import redis
from redis.exceptions import MovedError, NoScriptError, ResponseError

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.version import TEXT_VERSION
from reprise.errors import IndexMismatch, RepriseError, Unreachable
from reprise.index.redis.codec import PreviousIndex, margin_ms, pack_article, pack_settings, unpack_decision
from reprise.index.redis.errors import REDIS_ERRORS, translate_redis_error
from reprise.index.redis.keys import LAYOUT_VERSION, meta_key, prefix, shards_for
from reprise.index.redis.scripts import script
from reprise.index.redis.split_pipeline import SplitPipeline
from reprise.model import Decision, Fingerprint, MemoryUsage
from reprise.processing.ports import PendingDecisions

#: Shards a sweep visits at most: some 100 fields each, 5 ms of Redis's time in all. With a week's window and a million
#: articles some 8 shards are due a second.
_SWEEP_SHARDS: Final = 64

#: An estimate of the size counts so many representatives, for a standard error below 2 %, in so many shards at most:
#: 5 ms of Redis's time where the index is nearly empty.
_SIZE_ENOUGH: Final = 4_000
_SIZE_SHARDS: Final = 4_096

#: A batch is sent this often where Redis lost its scripts, the namespace expired or its slot was moved in between: two
#: of these at once are a slot that was moved to a node without the scripts.
_ATTEMPTS: Final = 3

_Redis = redis.Redis | redis.RedisCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A namespace that was found or made: the scripts' settings, its shards a kind, and whose decisions it learns."""

    settings: bytes
    shards: int
    heritage: str | None


class RedisIndex:
    """An index that any number of workers share."""

    def __init__(
        self,
        client: _Redis,
        *,
        rule: Rule,
        retention: Retention,
        expected_articles: int,
        generation: str | None = None,
        previous: str | None = None,
    ) -> None:
        """Index into a generation of each namespace; None is the one without a name.

        previous  the generation that `learn` learns from; none where it is the same
        """
        self._client = client
        self._generation = generation
        self._previous = previous
        self._rule = rule
        self._retention = retention
        self._shards = shards_for(expected_articles)
        self._parameters = parameters(rule)
        self._version = blake2b(self._parameters.encode(), digest_size=3).hexdigest()
        self._opened: dict[str, _Opened] = {}

    def prepare(self, namespace: str) -> int:
        """Create the namespace's index, or check the one that is there; its size stays as it was created.

        Returns how many shards each kind of hash has. Raises Unreachable, IndexMismatch, Fatal.
        """
        ttl_ms = self._retention.record_ms + self._retention.replay_ms + margin_ms(self._retention)
        arguments = (self._version, self._parameters, self._shards, ttl_ms)
        try:
            version, found, shards = self._client.eval(script("prepare").text, 1, self._key(namespace), *arguments)
            heritage = self._heritage(namespace)
        except REDIS_ERRORS as error:
            raise self._failed(error) from error
        if version.decode() != self._version:
            raise IndexMismatch(
                f"namespace {namespace!r} holds an index written with {found.decode()}; this worker has "
                f"{self._parameters}: give it an index of its own by REPRISE_INDEX_GENERATION or REPRISE_NAMESPACE "
                "(docs/operating/upgrades.md), or wait until the old index has expired"
            )
        # Before the first batch: if another worker loaded them in its middle, its tail would be decided first.
        self._load(namespace)
        within = prefix(namespace, self._version, self._generation)
        settings = pack_settings(self._version, within, int(shards), self._rule, self._retention, heritage)
        self._opened[namespace] = _Opened(
            settings=settings, shards=int(shards), heritage=heritage["prefix"] if heritage else None
        )
        return int(shards)

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """See Index."""
        return _InFlight(self, namespace, fingerprints, now_ms, is_learning=False)

    def decide(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Sequence[Decision]:
        """Submit articles and wait for their decisions."""
        return self.submit(namespace, fingerprints, now_ms).result()

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """Submit articles to index them with the previous generation's stories and decisions.

        What that generation has forgotten is not learned. Without a previous generation, articles are decided as by
        `submit`. Raises what `submit` raises.
        """
        return _InFlight(self, namespace, fingerprints, now_ms, is_learning=True)

    def previous_index(self, namespace: str) -> str | None:
        """Name the keys of the index that `learn` learns from; None where it found none when it was prepared."""
        return self._opened[namespace].heritage

    def size(self, namespace: str) -> int:
        """How many representatives the index holds, estimated from some shards; from any thread.

        Raises Unreachable, Fatal.
        """
        opened = self._opened.get(namespace)  # once: another thread may drop it meanwhile
        if opened is None:
            return 0
        key, arguments = self._key(namespace), (opened.settings, _SIZE_ENOUGH, _SIZE_SHARDS)
        try:
            found, looked = self._node(key).eval(script("size").text, 1, key, *arguments)
        except REDIS_ERRORS as error:
            raise self._failed(error) from error
        return round(int(found) * opened.shards / int(looked))

    def memory(self, namespace: str) -> MemoryUsage:
        """What the server that holds the namespace uses of what it may; from any thread. Raises Unreachable, Fatal."""
        try:
            told = self._node(self._key(namespace)).info("memory")
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        return MemoryUsage(used_bytes=int(told["used_memory"]), max_bytes=int(told["maxmemory"]))

    def close(self) -> None:
        """Free the connections."""
        self._client.close()

    def _key(self, namespace: str) -> str:
        return meta_key(namespace, self._generation)

    def _heritage(self, namespace: str) -> PreviousIndex | None:
        """Find the generation before; None where there is none that this code can read. Raises Redis's errors."""
        if self._previous == self._generation:
            return None
        key = meta_key(namespace, self._previous)
        told: Any = self._client.hmget(key, ["version", "parameters", "shards"])
        version, found, shards = told
        if version is None or f" layout={LAYOUT_VERSION} " not in found.decode():
            return None
        return PreviousIndex(
            prefix=prefix(namespace, version.decode(), self._previous),
            shards=int(shards),
            rehashed=not found.decode().startswith(f"text={TEXT_VERSION} "),
        )

    def send(
        self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int, *, is_learning: bool
    ) -> SplitPipeline:
        """One round trip: every article's decision, then a bounded sweep."""
        if namespace not in self._opened:
            self.prepare(namespace)
        key, settings = self._key(namespace), self._opened[namespace].settings
        decide, sweep = script("decide").sha, script("sweep").sha
        packed = (pack_article(namespace, fingerprint, now_ms, learning=is_learning) for fingerprint in fingerprints)
        commands: list[tuple[Any, ...]] = [("EVALSHA", decide, 1, key, settings, *article) for article in packed]
        commands.append(("EVALSHA", sweep, 1, key, settings, now_ms, _SWEEP_SHARDS))
        try:
            return SplitPipeline(self._node(key), commands)
        except REDIS_ERRORS as error:
            raise self._failed(error) from error

    def receive(self, sent: SplitPipeline) -> list[Any]:
        """Read the answers of a batch. Raises Unreachable, Fatal."""
        try:
            return sent.receive()
        except REDIS_ERRORS as error:
            raise self._failed(error) from error

    def recover(self, namespace: str, error: Exception) -> None:
        """Mend what a batch failed on, so that it can be sent again: every script is idempotent."""
        if isinstance(error, NoScriptError):
            self._load(namespace)
        elif isinstance(error, MovedError) and isinstance(self._client, redis.RedisCluster):
            self._ask_where()  # and go on at once: nobody is away
        elif isinstance(error, ResponseError) and str(error).startswith("INDEXVERSION"):
            del self._opened[namespace]  # it expired, or another worker made it anew: prepare tells
        else:
            raise self._failed(error) from error

    def _load(self, namespace: str) -> None:
        """Load the scripts where the namespace is: another node of a cluster may be down, and this one is not."""
        try:
            for name in ("decide", "sweep"):
                self._node(self._key(namespace)).script_load(script(name).text)
        except REDIS_ERRORS as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> RepriseError:
        """Say what an error means; it may also mean that a replica has taken over."""
        self._ask_where()
        return translate_redis_error(error)

    def _ask_where(self) -> None:
        """Ask a cluster where its slots are now: a node's own client follows no move."""
        if isinstance(self._client, redis.RedisCluster):
            with suppress(*REDIS_ERRORS):  # still away: the next failure asks again
                self._client.nodes_manager.initialize()

    def _node(self, key: str) -> redis.Redis:
        """The server that holds the namespace: a cluster's client pipelines no scripts, its nodes' clients do.

        A node's own client does not follow ASK, and must not: where a slot is being moved, scripts see half of its keys
        on its new node, and take the others for missing.
        """
        if isinstance(self._client, redis.RedisCluster):
            node = self._client.get_node_from_key(key)  # type: ignore[no-untyped-call]
            if node is None:
                raise Unreachable("redis: no node of the cluster holds the namespace")
            return self._client.get_redis_connection(node)
        return self._client


class _InFlight:
    """PendingDecisions of one namespace's articles: sent, not yet answered."""

    def __init__(
        self,
        index: RedisIndex,
        namespace: str,
        fingerprints: Sequence[Fingerprint],
        now_ms: int,
        *,
        is_learning: bool,
    ) -> None:
        self._index = index
        self._namespace = namespace
        self._articles = len(fingerprints)
        self._send = partial(index.send, namespace, fingerprints, now_ms, is_learning=is_learning)
        self._sent = self._send()

    def result(self) -> Sequence[Decision]:
        """See PendingDecisions. Sends the batch again after errors that can be recovered from."""
        for left in reversed(range(_ATTEMPTS)):
            answers = self._index.receive(self._sent)
            errors = [answer for answer in answers if isinstance(answer, Exception)]
            if not errors:
                return [unpack_decision(answer) for answer in answers[: self._articles]]
            self._index.recover(self._namespace, errors[0])
            if left:
                self._sent = self._send()
        raise Unreachable("redis: the scripts or the namespace are lost as soon as they are loaded")

    def cancel(self) -> None:
        """See PendingDecisions."""
        self._sent.drop()


def parameters(rule: Rule) -> str:
    """What two workers must have in common to share an index."""
    return f"text={TEXT_VERSION} layout={LAYOUT_VERSION} permutations={rule.permutations} sketch={rule.sketch_size}"
