"""The index in Redis or Valkey, a single server or a cluster, shared by any number of workers.

A batch takes three round trips: look up every article, load the records of its candidates, commit every decision. The
commit is optimistic: the script refuses a decision whose buckets, text or article changed since the lookup, and the
worker decides that article again. Some worker commits in every round, so the rounds end.
"""

import time
from collections.abc import Sequence
from typing import Final

import redis

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.index.redis.client import read_server_time
from reprise.index.redis.errors import REDIS_ERRORS, translate_redis_error
from reprise.index.redis.namespaces import NamespaceRegistry
from reprise.index.redis.pending_batch import PendingBatch
from reprise.index.redis.record_sample import estimate_records
from reprise.index.redis.records import pack48
from reprise.index.redis.script_client import ScriptClient
from reprise.index.redis.scripts import script
from reprise.model import Decision, Fingerprint, MemoryUsage
from reprise.processing.ports import PendingDecisions, StageObserver, ignore_stage

#: Numbers that an estimate of the size draws from each range, for a standard error of 0.8 %: five ranges hold a million
#: representatives.
_SIZE_SAMPLES: Final = 3_000


class RedisIndex:
    """An Index that any number of workers share."""

    def __init__(
        self,
        client: redis.Redis | redis.RedisCluster,
        *,
        rule: Rule,
        retention: Retention,
        expected_articles: int,
        generation: str | None = None,
        previous: str | None = None,
        has_secret_seed: bool = False,
        observe_stage: StageObserver = ignore_stage,
    ) -> None:
        """Use one generation of each namespace; None is the index without a generation.

        previous       generation that `learn` learns from; nothing is learned if it is the same
        has_secret_seed  whether an index that does not exist yet gets a secret seed instead of the fixed one
        observe_stage  receives the durations of lookups, decisions and commits
        """
        self._scripts = ScriptClient(client, generation)
        self.namespaces = NamespaceRegistry(
            self._scripts,
            rule=rule,
            retention=retention,
            expected_articles=expected_articles,
            generation=generation,
            previous=previous,
            has_secret_seed=has_secret_seed,
            observe_stage=observe_stage,
        )

    def prepare(self, namespace: str) -> int:
        """Create the namespace's index, or check the existing one, whose number of shards does not change.

        Returns the number of shards of each kind. Raises Unreachable, IndexMismatch, Fatal.
        """
        return self.namespaces.prepare(namespace).keyspace.shards

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingBatch:
        """See Index."""
        return PendingBatch(self.namespaces, namespace, fingerprints, now_ms, is_learning=False)

    def decide(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Sequence[Decision]:
        """Submit articles and wait for their decisions."""
        return self.submit(namespace, fingerprints, now_ms).result()

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """Submit articles to index them with the previous generation's stories and decisions.

        What that generation has forgotten is not learned. Without a previous generation, articles are decided as by
        `submit`. Raises what `submit` raises.
        """
        return PendingBatch(self.namespaces, namespace, fingerprints, now_ms, is_learning=True)

    def previous_index(self, namespace: str) -> str | None:
        """Return the key prefix of the index that `learn` learns from; None if `prepare` found none."""
        previous = self.namespaces.open(namespace).previous
        return previous.prefix if previous else None

    def size(self, namespace: str, now_ms: int | None = None) -> int:
        """Return the number of representatives, estimated from a sample. May be called from any thread.

        now_ms  time at which the window ends: now by default

        Raises Unreachable, Fatal.
        """
        opened = self.namespaces.get(namespace)  # read once: another thread may remove it
        if opened is None:
            return 0
        key, keyspace = self._scripts.key(namespace), opened.keyspace
        ages = pack48(now_ms or round(time.time() * 1000), keyspace.retention.window_ms)
        node, text = self._scripts.node(key), script("count_records").text
        try:
            last_number = int(node.hget(key, "number") or 0)
            counts = estimate_records(
                last_number, _SIZE_SAMPLES, lambda numbers: node.eval(text, 1, key, keyspace.prefix, ages, numbers, 0)
            )
        except REDIS_ERRORS as error:
            raise self._scripts.translate(error) from error
        return round(counts.representatives)

    def memory(self, namespace: str) -> MemoryUsage:
        """Return the memory of the server that holds the namespace. May be called from any thread.

        Raises Unreachable, Fatal.
        """
        try:
            info = self._scripts.node(self._scripts.key(namespace)).info("memory")
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        return MemoryUsage(used_bytes=int(info["used_memory"]), max_bytes=int(info["maxmemory"]))

    def retention_of(self, namespace: str) -> Retention:
        """Return how long the namespace's index keeps its data: the longest retention of its workers so far.

        Raises what `prepare` raises.
        """
        return self.namespaces.open(namespace).keyspace.retention

    def rule_of(self, namespace: str) -> Rule:
        """Return the rule by which the namespace's articles are decided; see `NamespaceRegistry.prepare`.

        Raises what `prepare` raises.
        """
        return self.namespaces.open(namespace).rule

    def seed_of(self, namespace: str) -> int:
        """Return the seed that the signatures of the namespace's articles must have.

        It changes only if the index was lost and another worker created it first. Raises what `prepare` raises.
        """
        return self.namespaces.seed_of(namespace)

    def server_time(self, namespace: str) -> float | None:
        """Return the time of the server that holds the namespace, in seconds since the epoch; None if it is unknown.

        Raises Unreachable, Fatal.
        """
        try:
            return read_server_time(self._scripts.node(self._scripts.key(namespace)))
        except REDIS_ERRORS as error:
            raise self._scripts.translate(error) from error

    def close(self) -> None:
        """See Index."""
        self._scripts.client.close()
