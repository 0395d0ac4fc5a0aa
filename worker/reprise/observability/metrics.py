"""Every metric of the worker, declared in one class that takes its registry.

Names and labels are an interface: dashboards and alerts of operators depend on them. Label values come from enums,
topics, partitions and settings, never from articles, so the number of series is bounded.
"""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import product
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
from reprise.dedup.text.backend import TEXT_BACKEND
from reprise.model import (
    REQUIRED_DEPENDENCIES,
    Article,
    CorruptRecord,
    DeadLetterReason,
    Decision,
    Dependency,
    InputField,
    InputGuess,
    Kind,
    MemoryUsage,
    Message,
    OutageKind,
    Rejection,
    Stage,
)
from reprise.observability.collectors import IndexCollector, LagCollector, MemoryCollector
from reprise.observability.outcomes import ArticleOutcome, outcome_of
from reprise.processing.ports import Partition

#: Seconds of a step of a batch, from one article on an idle machine to a full batch on a slow Redis.
_BATCH_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Seconds of one stage of a batch; a reply of Redis or Kafka on the same host takes less than a millisecond.
_STAGE_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

#: Seconds from a record's timestamp to its commit, from a worker without lag to an hour's backlog.
_END_TO_END_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)

#: Seconds from a record's timestamp above which it is an archive's: longer than any backlog, the retention of a topic.
_MAX_END_TO_END_SECONDS: Final = 30 * 86_400.0

#: Seconds of a rebalance, from one that no member delays to one that waits for the session of a dead member.
_REBALANCE_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

#: Messages of a batch, up to the largest value of REPRISE_BATCH_MAX_ARTICLES.
_SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)

#: Sources with a label value of their own in `reprise_no_article_total`: each is a time series of every worker.
MAX_SOURCES: Final = 100

#: Characters of a label value at most. Names of sites have up to 63.
_MAX_SOURCE_CHARACTERS: Final = 64


class Metrics:
    """Records the pipeline's progress in a registry. All durations are in seconds.

    If a batch is decided again after an outage, its articles count as `replayed` the second time.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # Else each counter and histogram exports another series with its creation time.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry
        self._monotonic = monotonic
        self._clock = clock
        #: timestamp of the latest delivered message of each partition, in seconds since the epoch
        self._delivered_at: dict[Partition, float] = {}
        #: label values of `reprise_no_article_total`
        self._sources: set[str] = set()
        self._declare_counters()
        self._declare_histograms()
        self._declare_gauges()
        ProcessCollector(registry=registry)

    def _declare_counters(self) -> None:
        self._articles = self._counter(
            "articles",
            "Messages by outcome: new story, variant, replayed decision, page without an article, dead letter, skipped "
            "tombstone.",
            outcome=ArticleOutcome,
        )
        self._variants = self._counter(
            "variants", "Variants by kind of match: exact copy, near copy, partial copy, revision.", kind=Kind
        )
        self._merges = self._counter(
            "merges", "Stories that were merged into an older story; a replayed decision is not counted again."
        )
        self._dead = self._counter("dead_letters", "Messages sent to the dead-letter topic.", reason=DeadLetterReason)
        self._no_article = Counter(
            "reprise_no_article",
            f"Pages that show a notice in place of an article, by source: {MAX_SOURCES} sources, then `other`.",
            ["source"],
            registry=self.registry,
        )
        self._ignored_fields = self._counter(
            "ignored_fields",
            "Optional fields of messages that were left out because they could not be read.",
            field=InputField,
        )
        self._input_guesses = self._counter(
            "input_guesses",
            "Fields of messages that were read although they did not have the documented form.",
            guess=InputGuess,
        )
        self._indexed = self._counter(
            "indexed_articles", "Articles that were added to the index as representatives of their story."
        )
        self._full_buckets = self._counter(
            "full_buckets", "Times that an article was not added to an LSH bucket because the bucket was full."
        )
        self._stop_bands = self._counter(
            "stop_bands", "LSH bands ignored by decisions because their bucket holds a stock phrase."
        )
        self._conflicts = self._counter(
            "conflicts", "Times that an article was decided again because another worker had changed the index."
        )
        self._rebalances = self._counter("rebalances", "Changes of the partitions that are assigned to this worker.")
        self._skipped = self._counter(
            "skipped_offsets", "Offsets of the input topic that retention deleted before the group had read them."
        )

    def _declare_histograms(self) -> None:
        self._rebalance = self._histogram(
            "rebalance_seconds", "Time until the worker is a stable member of its group again.", _REBALANCE_BUCKETS
        )
        self._fingerprint = self._histogram(
            "fingerprint_seconds",
            "Time to decode the messages of a batch and compute their fingerprints.",
            _BATCH_BUCKETS,
        )
        self._stage = Histogram(
            "reprise_stage_seconds",
            "Time of a batch in each stage, from the timestamp of its first message to the commit of its offsets.",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        for stage in Stage:
            self._stage.labels(stage)
        self._redis = self._histogram(
            "redis_seconds", "Time that the worker waits for Redis to decide a batch.", _BATCH_BUCKETS
        )
        self._decision = self._histogram(
            "decision_seconds", "Time from the poll of a batch to its last decision.", _BATCH_BUCKETS
        )
        self._end_to_end = self._histogram(
            "end_to_end_seconds", "Time from a message's timestamp to the commit of its offset.", _END_TO_END_BUCKETS
        )
        self._batch = self._histogram(
            "batch_articles", "Messages of a batch; empty polls are not counted.", _SIZE_BUCKETS
        )

    def _declare_gauges(self) -> None:
        self._up = Gauge(
            "reprise_dependency_up",
            "1 if the last call of the dependency succeeded, 0 if it failed.",
            ["dependency"],
            registry=self.registry,
        )
        for dependency in REQUIRED_DEPENDENCIES:
            self._up.labels(dependency)
        self._failing = Gauge(
            "reprise_dependency_failing",
            "1 while the dependency cannot be used for this reason: unreachable, refuses_writes, refuses_user, "
            "rebalancing.",
            ["dependency", "reason"],
            registry=self.registry,
        )
        for dependency, kind in product(REQUIRED_DEPENDENCIES, OutageKind):
            self._failing.labels(dependency, kind)
        self._last_poll = self._gauge(
            "last_poll_timestamp_seconds", "Unix time of the last completed poll; 0 before the first."
        )
        self._clock_skew = self._gauge(
            "clock_skew_seconds", "Seconds by which the clock of this machine is ahead of that of Redis."
        )
        self._circuit = self._gauge("circuit_open", "1 once the circuit breaker has opened, until the worker exits.")
        self._circuit_rejections = Gauge(
            "reprise_circuit_rejected_messages",
            "Rejected ones of this worker's last messages by reason, when the circuit breaker opened; 0 before.",
            ["reason"],
            registry=self.registry,
        )
        for reason in DeadLetterReason:
            self._circuit_rejections.labels(reason)
        self._warm_up = self._gauge(
            "warm_up", "1 while the worker fills the index without publishing events (--warm-up)."
        )
        self._expected = self._gauge(
            "index_expected_articles", "Representatives that the index of each namespace is sized for."
        )
        self._retention = Gauge(
            "reprise_topic_retention_seconds",
            "Retention of the input topic at the start of the worker; none if messages are kept for ever, or if the "
            "worker may not read the topic's configuration.",
            ["topic"],
            registry=self.registry,
        )
        build = Gauge(
            "reprise_build_info",
            "Versions of the worker and of Python, implementation of the text step (native or numpy); always 1.",
            ["version", "python_version", "text_backend"],
            registry=self.registry,
        )
        build.labels(__version__, platform.python_version(), TEXT_BACKEND).set(1)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(f"reprise_{name}", help_text, registry=self.registry)

    def _counter(self, name: str, help_text: str, **labels: type[StrEnum]) -> Counter:
        counter = Counter(f"reprise_{name}", help_text, list(labels), registry=self.registry)
        for label, values in labels.items():
            for value in values:  # rate() sees the first increase only if the series starts at 0
                counter.labels(**{label: value})
        return counter

    def _histogram(self, name: str, help_text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"reprise_{name}", help_text, buckets=buckets, registry=self.registry)

    def export_lag(self, lag: Callable[[], Mapping[Partition, int]]) -> None:
        """Export the lag of each assigned partition; each scrape calls `lag`, from its own thread."""
        self.registry.register(LagCollector(lag, self._delivered_at, self._clock))

    def export_index_size(self, size: Callable[[str], int], namespaces: Sequence[str]) -> None:
        """Export the number of representatives of each namespace.

        Scrapes call `size` from their own threads: of n namespaces, each at most once in n *
        REDIS_QUERY_INTERVAL_SECONDS.
        """
        self.registry.register(IndexCollector(size, namespaces, self._monotonic))

    def export_redis_memory(self, memory: Callable[[], MemoryUsage]) -> None:
        """Export Redis's memory usage; scrapes call `memory`, at most once in REDIS_QUERY_INTERVAL_SECONDS."""
        self.registry.register(MemoryCollector(memory, self._monotonic))

    def set_worker_info(
        self, *, group_id: str, namespace: str, delivery: str, settings_hash: str, expected_articles: int
    ) -> None:
        """Export the settings that a dashboard selects workers by, and the expected size of the index."""
        worker = Gauge(
            "reprise_worker_info",
            "Consumer group, namespace, delivery mode and a hash of all settings of the worker; always 1.",
            ["group_id", "index_namespace", "delivery", "settings_hash"],
            registry=self.registry,
        )
        worker.labels(group_id, namespace, delivery, settings_hash).set(1)
        self._expected.set(expected_articles)

    def set_topic_retention(self, topic: str, seconds: float) -> None:
        """Export how long the input topic keeps messages."""
        self._retention.labels(topic).set(seconds)

    def set_warm_up(self, active: bool) -> None:
        """Export whether the worker fills the index without publishing events."""
        self._warm_up.set(active)

    def set_circuit_open(self, rejected: Mapping[DeadLetterReason, int]) -> None:
        """Export that the circuit breaker has opened, and the number of rejected messages by reason."""
        self._circuit.set(1)
        for reason, message_count in rejected.items():
            self._circuit_rejections.labels(reason).set(message_count)

    def count_rebalance(self) -> None:
        """Count a change of the assignment."""
        self._rebalances.inc()

    def set_clock_skew(self, seconds: float) -> None:
        """Export the seconds by which this machine's clock is ahead of that of Redis."""
        self._clock_skew.set(seconds)

    def count_skipped_offsets(self, offsets: int) -> None:
        """Count offsets that were deleted before they were read."""
        self._skipped.inc(offsets)

    def rebalanced(self, seconds: float) -> None:
        """Record the duration of a rebalance."""
        self._rebalance.observe(seconds)

    def polled(self, message_count: int) -> None:
        """See Observer."""
        self._last_poll.set(self._clock())
        if message_count:
            self._batch.observe(message_count)

    def decoded(self, articles: Sequence[Article]) -> None:
        """See Observer."""
        for article in articles:
            for field in article.ignored:
                self._ignored_fields.labels(field).inc()
            for guess in article.guesses:
                self._input_guesses.labels(guess).inc()

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        """See Observer."""
        self._fingerprint.observe(seconds)

    def stage_completed(self, stage: Stage, seconds: float) -> None:
        """See Observer."""
        self._stage.labels(stage).observe(seconds)

    def unexpected_error(self, error: Exception) -> None:
        """See Observer; `dead_lettered` counts the message."""

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
        self._conflicts.inc(trace.conflicts)
        outcome = outcome_of(decision)
        self._articles.labels(outcome).inc()
        if outcome is ArticleOutcome.VARIANT and decision.kind is not None:
            self._variants.labels(decision.kind).inc()
        if outcome is not ArticleOutcome.REPLAYED:
            self._merges.inc(len(decision.merges))

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """See Observer."""
        self._dead.labels(rejection.reason).inc()
        if rejection.reason is DeadLetterReason.NO_ARTICLE:  # `decided` counts its outcome
            self._no_article.labels(self._source_label(rejection.source)).inc()
        else:
            self._articles.labels(ArticleOutcome.DEAD).inc()

    def _source_label(self, source: str | None) -> str:
        """Return the label of a source; the sources after the first MAX_SOURCES share one."""
        label = source[:_MAX_SOURCE_CHARACTERS] if source else "unknown"
        if label not in self._sources and len(self._sources) >= MAX_SOURCES:
            return "other"
        self._sources.add(label)
        return label

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        """See Observer; logs report the progress."""

    def warm_up_over(self, learned: int) -> None:
        """See Observer."""
        self._warm_up.set(0)

    def skipped(self) -> None:
        """See Observer."""
        self._articles.labels(ArticleOutcome.SKIPPED).inc()

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """See Observer. A timestamp in the future counts as 0 seconds.

        Messages without a timestamp are left out, and so are those of archives: one of them would weigh as much in the
        sum as a million others.
        """
        now = self._clock()
        for message in messages:
            if isinstance(message, Message) and message.timestamp_ms is not None:
                timestamp = message.timestamp_ms / 1000
                self._delivered_at[message.topic, message.partition] = timestamp
                if now - timestamp <= _MAX_END_TO_END_SECONDS:
                    self._end_to_end.observe(max(0.0, now - timestamp))

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """See Observer."""
        self._up.labels(dependency).set(0)
        self._failing.labels(dependency, kind).set(1)

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._up.labels(dependency).set(1)
        for kind in OutageKind:
            self._failing.labels(dependency, kind).set(0)
