"""Metrics: every series the worker exports, declared in one class that takes its registry.

May live here: names, help texts, labels, buckets, and how the pipeline's observations become samples. Label values come
from enums, topics, partitions and settings, never from articles. Nothing registers itself anywhere at import.
"""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from reprise import __version__
from reprise.model import CorruptRecord, DeadLetterReason, Decision, Dependency, EventType, Kind, MemoryUsage, Message
from reprise.observability.collectors import IndexCollector, LagCollector, MemoryCollector
from reprise.processing.ports import Partition

#: Seconds for a batch: from a single article on an idle machine to a full batch that meets a slow Redis.
_BATCH_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Seconds from a record's timestamp to its commit: a worker that keeps up takes tens of milliseconds, a backlog hours.
_END_TO_END_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)

#: Messages in a batch, up to the largest that the settings allow.
_SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


class ArticleOutcome(StrEnum):
    """What became of a message."""

    NEW = "new"
    VARIANT = "variant"
    REPLAYED = "replayed"
    DEAD = "dead"
    SKIPPED = "skipped"


class Metrics:
    """Counts and times what the pipeline tells. All durations in seconds.

    A batch that is decided again after an outage counts its articles as `replayed` the second time.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        # without this each counter and histogram has a second series of its creation time
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry
        self._monotonic = monotonic
        self._wall = wall
        self._declare_counters()
        self._declare_histograms()
        self._declare_gauges()
        ProcessCollector(registry=registry)

    def _declare_counters(self) -> None:
        self._articles = self._counter("articles", "Messages by what became of them.", outcome=ArticleOutcome)
        self._variants = self._counter("variants", "Variants by how they relate to what they matched.", kind=Kind)
        self._dead = self._counter("dead_letters", "Messages sent to the dead letters.", reason=DeadLetterReason)
        self._indexed = self._counter("indexed_articles", "Articles that became a representative in the index.")
        self._full_buckets = self._counter("full_buckets", "Buckets met at their bound, which took no more entries.")
        self._stop_bands = self._counter("stop_bands", "Bands left out because their bucket is a stock phrase.")
        self._rebalances = self._counter("rebalances", "Changes of the partitions assigned to this worker.")

    def _declare_histograms(self) -> None:
        self._fingerprint = self._histogram(
            "fingerprint_seconds", "Time to turn the messages of a batch into signatures.", _BATCH_BUCKETS
        )
        self._redis = self._histogram(
            "redis_seconds", "Time that a batch's decisions keep the worker waiting for Redis.", _BATCH_BUCKETS
        )
        self._decision = self._histogram(
            "decision_seconds", "Time from the poll of a batch to all of its decisions.", _BATCH_BUCKETS
        )
        self._end_to_end = self._histogram(
            "end_to_end_seconds", "Time from a message's timestamp to its commit.", _END_TO_END_BUCKETS
        )
        self._batch = self._histogram("batch_articles", "Messages in a batch.", _SIZE_BUCKETS)

    def _declare_gauges(self) -> None:
        self._up = Gauge(
            "reprise_dependency_up",
            "Whether a dependency answered when it was last asked.",
            ["dependency"],
            registry=self.registry,
        )
        for dependency in Dependency:
            self._up.labels(dependency)
        self._last_poll = self._gauge("last_poll_timestamp_seconds", "When a poll last completed; 0 before the first.")
        self._circuit = self._gauge("circuit_open", "1 while the worker ends because too much could not be read.")
        self._warm_up = self._gauge("warm_up", "1 while the worker learns in silence and has not told anything yet.")
        self._expected = self._gauge(
            "index_expected_articles", "Representatives that the index of each namespace was laid out for."
        )
        build = Gauge(
            "reprise_build_info",
            "Always 1; what is running.",
            ["version", "python_version"],
            registry=self.registry,
        )
        build.labels(__version__, platform.python_version()).set(1)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"reprise_{name}", meaning, registry=self.registry)

    def _counter(self, name: str, meaning: str, **labels: type[StrEnum]) -> Counter:
        counter = Counter(f"reprise_{name}", meaning, list(labels), registry=self.registry)
        for label, values in labels.items():
            for value in values:  # a series that begins at 0 shows its first increase
                counter.labels(**{label: value})
        return counter

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"reprise_{name}", meaning, buckets=buckets, registry=self.registry)

    def watch_lag(self, lag: Callable[[], Mapping[Partition, int]]) -> None:
        """Export the lag of each assigned partition; `lag` is called at each scrape, from the scrape's thread."""
        self.registry.register(LagCollector(lag))

    def watch_index(self, size: Callable[[str], int], namespaces: Sequence[str]) -> None:
        """Export the number of representatives of each namespace; `size` is called from the scrape's thread.

        With one namespace it is called every 15 s at most, with n of them every n * 15 s for each.
        """
        self.registry.register(IndexCollector(size, namespaces, self._monotonic))

    def watch_memory(self, memory: Callable[[], MemoryUsage]) -> None:
        """Export what the store uses of what it may; `memory` is called like `size` of one namespace."""
        self.registry.register(MemoryCollector(memory, self._monotonic))

    def describe(self, *, group_id: str, namespace: str, delivery: str, expected_articles: int) -> None:
        """Say what this worker works on: a dashboard chooses workers by it."""
        worker = Gauge(
            "reprise_worker_info",
            "Always 1; what the worker works on.",
            ["group_id", "index_namespace", "delivery"],
            registry=self.registry,
        )
        worker.labels(group_id, namespace, delivery).set(1)
        self._expected.set(expected_articles)

    def warming_up(self, silent: bool) -> None:
        """Say whether the worker learns in silence."""
        self._warm_up.set(silent)

    def circuit_opened(self) -> None:
        """Say that the worker ends by its circuit limit."""
        self._circuit.set(1)

    def rebalanced(self) -> None:
        """Count a change of the assignment."""
        self._rebalances.inc()

    def polled(self, message_count: int) -> None:
        """See Observer."""
        self._last_poll.set(self._wall())
        if message_count:
            self._batch.observe(message_count)

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        """See Observer."""
        self._fingerprint.observe(seconds)

    def unexpected_error(self, error: Exception) -> None:
        """See Observer; its dead letter is what counts."""

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """See Observer."""
        self._redis.observe(index_wait_seconds)
        self._decision.observe(batch_seconds)
        for decision in decisions:
            self._count(decision)

    def _count(self, decision: Decision) -> None:
        trace = decision.trace
        self._full_buckets.inc(trace.full_buckets)
        self._stop_bands.inc(trace.stop_bands)
        self._indexed.inc(trace.indexed)
        if trace.replayed:
            self._articles.labels(ArticleOutcome.REPLAYED).inc()
            return
        self._articles.labels(ArticleOutcome.NEW if decision.type is EventType.NEW else ArticleOutcome.VARIANT).inc()
        if decision.kind is not None:
            self._variants.labels(decision.kind).inc()

    def dead_lettered(self, reason: DeadLetterReason, message: Message | CorruptRecord) -> None:
        """See Observer."""
        self._articles.labels(ArticleOutcome.DEAD).inc()
        self._dead.labels(reason).inc()

    def skipped(self) -> None:
        """See Observer."""
        self._articles.labels(ArticleOutcome.SKIPPED).inc()

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """See Observer. A message without a timestamp is left out; a producer's clock ahead of this one counts as 0."""
        now = self._wall()
        for message in messages:
            if isinstance(message, Message) and message.timestamp_ms is not None:
                self._end_to_end.observe(max(0.0, now - message.timestamp_ms / 1000))

    def unreachable(self, dependency: Dependency, reason: str) -> None:
        """See Observer."""
        self._up.labels(dependency).set(0)

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._up.labels(dependency).set(1)
