"""Wiring: builds the clients, the adapters and the pipeline from the settings. Nothing else builds a client.

open_worker     everything that `reprise run` needs, opened in order and closed in reverse
build_pipeline  the pipeline around any source, index and delivery
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.seeds import SeedOf, fixed_seed
from reprise.errors import Fatal, UsageError
from reprise.index.redis.client import Client, check_eviction, check_rights, connect, location
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.inspect import IndexInspector, find_index
from reprise.kafka.clients import check_codecs
from reprise.kafka.consumer import KafkaSource
from reprise.kafka.group_monitor import GroupMonitor, NothingCommittedError
from reprise.kafka.producer import KafkaSink
from reprise.kafka.topics import read_retention_seconds
from reprise.kafka.transactional import Transactional
from reprise.messages.decoder import DecoderLimits
from reprise.messages.formats import FieldMapping
from reprise.messages.namespaces import NamespaceRule, NamespaceSource, list_namespaces
from reprise.model import Dependency, EventType
from reprise.observability.collectors import find_fullest_server
from reprise.observability.logging import get_logger
from reprise.observability.metrics import Metrics
from reprise.observability.observers import CompositeObserver
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.circuit_breaker import CircuitLimits
from reprise.processing.clock import SharedClock
from reprise.processing.pipeline import Pipeline
from reprise.processing.ports import (
    Delivery,
    Index,
    Observer,
    Partition,
    Sink,
    Source,
    StageObserver,
    ignore_stage,
)
from reprise.processing.processor import ArticleProcessor
from reprise.processing.retry import Retrier, RetryTimeouts
from reprise.processing.shutdown import StopRequest
from reprise.schema_registry.client import SchemaRegistryClient
from reprise.schema_registry.registry import SchemaRegistry
from reprise.settings import DeliveryMode, Settings
from reprise.settings.cross_checks import batch_seconds
from reprise.startup import retry_until_ready, wait_for_topics
from reprise.stored_settings import log_longer_retention, log_stored_rule
from reprise.warm_up.cutoff import Cutoff, GroupCutoff, GroupHandoverCutoff, WarmUpOptions
from reprise.warm_up.decorators import WarmUpDelivery, WarmUpIndex, WarmUpSource

#: Bytes of a record beside its value, at most: the key of an article has 256.
_KEY_AND_HEADER_BYTES: Final = 4_096

#: Seconds that decoding a batch may take at most. A batch of ordinary pages takes one or two.
_MAX_DECODE_SECONDS: Final = 5.0

#: Fields of Rule whose setting has another name.
_RULE_FIELDS: Final = {
    "stop_stories": "stock_phrase_stories",
    "same_source": "same_source_similarity",
    "older_share": "strong_support_ratio",
    "near": "near_similarity",
    "novel": "index_below_similarity",
}


@contextmanager
def open_worker(
    settings: Settings,
    observers: CompositeObserver,
    metrics: Metrics,
    stop: StopRequest,
    warm_up: WarmUpOptions | None = None,
) -> Iterator[tuple[Pipeline, KafkaSource]]:
    """Open Redis and Kafka, yield the pipeline and its source, and close everything at the end.

    Waits for dependencies that are unreachable, up to the startup timeout. Raises Fatal (IndexMismatch among it) where
    waiting does not help, and StoppedDuringStartup.
    """
    check_codecs()
    schemas = open_schema_registry(settings)
    kafka = f"kafka at {settings.kafka.bootstrap_servers}"
    when_ready = partial(retry_until_ready, timeout_seconds=settings.times.startup_timeout_seconds, stop=stop)
    with ExitStack() as closing:
        index = when_ready(
            lambda: open_index(
                settings, connect(settings.redis), warm_up, observers.stage_completed, has_secret_seed=True
            ),
            f"redis at {location(settings.redis)}",
        )
        closing.callback(index.close)
        namespaces = list_namespaces(namespace_rule(settings))
        metrics.export_index_size(index.size, namespaces)
        metrics.export_redis_memory(lambda: find_fullest_server(map(index.memory, namespaces)))
        clock = SharedClock(partial(index.server_time, namespaces[0]), on_skew=metrics.set_clock_skew)
        when_ready(clock.check, f"redis at {location(settings.redis)}")
        observers.reachable(Dependency.REDIS)
        wait_for_topics(settings, stop)
        retention_seconds = read_retention_seconds(settings.kafka, settings.topics.articles)
        if retention_seconds is not None:
            metrics.set_topic_retention(settings.topics.articles, retention_seconds)
        open_source = partial(
            KafkaSource,
            settings.kafka,
            [settings.topics.articles],
            batch_max=settings.limits.batch_max_articles,
            max_message_bytes=settings.limits.max_message_bytes,
            on_rebalance=metrics.count_rebalance,
            on_rebalanced=partial(report_rebalance, metrics),
            on_skipped=partial(report_skipped, metrics),
        )
        source = when_ready(open_source, kafka)
        closing.callback(source.close)
        metrics.export_lag(source.lag)
        delivery = when_ready(lambda: _open_delivery(settings, source, observers.stage_completed), kafka)
        closing.callback(delivery.close)
        observers.reachable(Dependency.KAFKA)
        if schemas is not None:
            when_ready(schemas.check, f"schema registry at {settings.schema_registry.url}")
            observers.reachable(Dependency.SCHEMA_REGISTRY)
        processor = article_processor(settings, seed_of=index.seed_of, schemas=schemas)
        if warm_up is None:
            pipeline = build_pipeline(
                settings,
                source=source,
                index=index,
                delivery=delivery,
                observer=observers,
                stop=stop,
                processor=processor,
            )
            pipeline.clock, pipeline.schemas = clock, schemas
            yield pipeline, source
            return
        cutoff = when_ready(lambda: _open_cutoff(settings, warm_up, closing), kafka)
        previous = [prefix for namespace in namespaces if (prefix := index.previous_index(namespace))]
        get_logger().info("warm_up_begins", until=warm_up.text, learns_from=", ".join(previous) or None)
        metrics.set_warm_up(active=True)
        warm_up_source = WarmUpSource(source, cutoff, observers)
        pipeline = build_pipeline(
            settings,
            source=warm_up_source,
            index=WarmUpIndex(index, warm_up_source),
            delivery=WarmUpDelivery(delivery, warm_up_source),
            observer=observers,
            stop=stop,
            processor=processor,
        )
        pipeline.clock, pipeline.schemas = clock, schemas
        pipeline.reads_ahead = False  # `is_learning` is about the batch that was polled last
        yield pipeline, source


def report_rebalance(metrics: Metrics, seconds: float) -> None:
    """Log and count a rebalance that is over."""
    metrics.rebalanced(seconds)
    get_logger().info("rebalancing", duration_seconds=round(seconds, 3))


def report_skipped(metrics: Metrics, partition: Partition, first: int, resumed: int) -> None:
    """Log and count the offsets from `first` to `resumed` - 1, which Kafka deleted before they were read."""
    metrics.count_skipped_offsets(resumed - first)
    topic, number = partition
    get_logger().error(
        "offsets_skipped",
        topic=topic,
        partition=number,
        first_offset=first,
        resumed_at=resumed,
        skipped=resumed - first,
        reason="the topic's retention deleted them before the group had read them",
    )


def build_pipeline(
    settings: Settings,
    *,
    source: Source,
    index: Index,
    delivery: Delivery,
    observer: Observer,
    stop: StopRequest,
    processor: ArticleProcessor | None = None,
    outage_timeout_seconds: float | None = None,
) -> Pipeline:
    """Build a pipeline around its adapters. `processor` is that of the settings by default."""
    timeouts = RetryTimeouts(
        poll_timeout_seconds=settings.times.poll_timeout_seconds,
        drain_timeout_seconds=settings.times.drain_timeout_seconds,
        attempt_timeout_seconds=settings.times.flush_timeout_seconds,
        outage_timeout_seconds=outage_timeout_seconds,
    )
    return Pipeline(
        source=source,
        index=index,
        delivery=delivery,
        observer=observer,
        processor=processor or article_processor(settings),
        stop=stop,
        retrier=Retrier(source=source, observer=observer, stop=stop, timeouts=timeouts),
        limits=CircuitLimits(max_consecutive=settings.limits.circuit_in_a_row, max_ratio=settings.limits.circuit_share),
        decode_seconds=decode_seconds(settings),
    )


def decode_seconds(settings: Settings) -> float:
    """Return the seconds that decoding one batch may take.

    They are half of the time that the other steps leave before the group removes the worker or the liveness probe
    fails. The settings are checked to leave some.
    """
    longest = min(settings.kafka.max_poll_interval_seconds, settings.times.liveness_timeout_seconds)
    return min(_MAX_DECODE_SECONDS, (longest - batch_seconds(settings.times, settings.redis)) / 2)


def open_schema_registry(settings: Settings) -> SchemaRegistry | None:
    """Return the Schema Registry of the settings, without a request to it; None if none is set. Raises UsageError."""
    if settings.schema_registry.url is None:
        return None
    return SchemaRegistry(SchemaRegistryClient(settings.schema_registry))


def article_processor(
    settings: Settings,
    *,
    default_source: str | None = None,
    seed_of: SeedOf = fixed_seed,
    schemas: SchemaRegistry | None = None,
) -> ArticleProcessor:
    """Build the pure steps.

    default_source  the source of articles whose message names none
    seed_of         returns the seed of the signatures of a namespace
    schemas         the schemas of values in Confluent's wire format
    """
    return ArticleProcessor(
        limits=DecoderLimits(
            message_bytes=settings.limits.max_message_bytes, text_characters=settings.limits.max_text_characters
        ),
        namespaces=namespace_rule(settings),
        rule=dedup_rule(settings),
        event_topics={
            EventType.NEW: settings.topics.new,
            EventType.VARIANT: settings.topics.variants,
            EventType.MERGED: settings.topics.merged,
        },
        dead_letter_topic=settings.topics.dead,
        default_source=default_source,
        mapping=FieldMapping.build(settings.input.format, settings.input.fields),
        read_value=schemas.read_value if schemas is not None else None,
        connect_headers=settings.service.dead_letter_headers == "kafka-connect",
        seed_of=seed_of,
    )


def namespace_rule(settings: Settings) -> NamespaceRule:
    """Return the namespaces of the worker, and how an article's namespace is chosen."""
    index = settings.index
    if index.namespace_by is None or index.namespace_values is None:
        return NamespaceRule(base=index.namespace)
    by, _, key = index.namespace_by.partition(":")
    return NamespaceRule(
        base=index.namespace, by=NamespaceSource(by), key=key, values=index.namespace_values.split(",")
    )


def dedup_rule(settings: Settings) -> Rule:
    """Return the thresholds and bounds of a decision."""
    values = settings.rule.model_dump()
    return Rule(**{_RULE_FIELDS.get(name, name): value for name, value in values.items()})


def retention(settings: Settings) -> Retention:
    """Return how long the index keeps articles and decisions."""
    return Retention(window_seconds=settings.index.window_seconds, replay_seconds=settings.index.replay_seconds)


def open_sink(settings: Settings) -> Sink:
    """Connect a producer. Raises Unreachable, Fatal."""
    return KafkaSink(settings.kafka, flush_timeout_seconds=settings.times.flush_timeout_seconds)


def open_article_sink(settings: Settings) -> Sink:
    """Connect a producer of articles: of the largest that the worker reads. Raises Unreachable, Fatal."""
    return KafkaSink(
        settings.kafka,
        flush_timeout_seconds=settings.times.flush_timeout_seconds,
        max_request_bytes=settings.limits.max_message_bytes + _KEY_AND_HEADER_BYTES,
    )


def open_index(
    settings: Settings,
    client: Client,
    warm_up: WarmUpOptions | None = None,
    observe_stage: StageObserver = ignore_stage,
    *,
    has_secret_seed: bool = False,
) -> RedisIndex:
    """Check the server, and open the index of each namespace.

    has_secret_seed  whether an index that does not exist yet gets a secret seed instead of the fixed one

    Raises Unreachable, Fatal, IndexMismatch.
    """
    index = RedisIndex(
        client,
        rule=dedup_rule(settings),
        retention=retention(settings),
        expected_articles=settings.index.expected_articles,
        generation=settings.index.index_generation,
        previous=warm_up.generation if warm_up else settings.index.index_generation,
        has_secret_seed=has_secret_seed,
        observe_stage=observe_stage,
    )
    try:
        check_eviction(client, settings.redis)
        namespaces = list_namespaces(namespace_rule(settings))
        for namespace in namespaces:
            check_rights(client, settings.redis, namespace)
            index.prepare(namespace)
        log_longer_retention(index, namespaces, retention(settings))
        log_stored_rule(index, namespaces, dedup_rule(settings), _RULE_FIELDS)
    except BaseException:
        index.close()  # each attempt opens its own connections
        raise
    return index


@contextmanager
def open_inspector(settings: Settings, namespace: str) -> Iterator[IndexInspector]:
    """Open a namespace's index read-only; never creates one and does not wait. Raises Unreachable, Fatal."""
    with connect(settings.redis) as client:
        yield find_index(
            client,
            namespace,
            generation=settings.index.index_generation,
            retention=retention(settings),
        )


def _open_delivery(settings: Settings, source: KafkaSource, observe_stage: StageObserver) -> Delivery:
    """Connect a producer for the configured kind of delivery. Raises Unreachable, Fatal."""
    seconds = settings.times.flush_timeout_seconds
    if settings.service.delivery is DeliveryMode.TRANSACTIONAL:
        return Transactional(settings.kafka, source, flush_timeout_seconds=seconds, observe_stage=observe_stage)
    return AtLeastOnce(open_sink(settings), source, flush_timeout_seconds=seconds, observe_stage=observe_stage)


def _open_cutoff(settings: Settings, warm_up: WarmUpOptions, closing: ExitStack) -> Cutoff:
    """Return the end of the warm-up. Raises Unreachable, Fatal."""
    if settings.kafka.auto_offset_reset != "earliest":
        raise UsageError("--warm-up: needs REPRISE_KAFKA_AUTO_OFFSET_RESET=earliest, to learn from the beginning")
    until = warm_up.until
    if not isinstance(until, GroupCutoff):
        return until
    if until.group_id == settings.kafka.group_id:
        raise UsageError(
            f"--warm-up: {warm_up.text} is this worker's own group; it needs a REPRISE_KAFKA_GROUP_ID of its own"
        )
    monitor = GroupMonitor(settings.kafka, until.group_id, settings.topics.articles)
    try:
        cutoff = GroupHandoverCutoff(monitor.read_state)
    except BaseException as error:
        monitor.close()  # each attempt opens its own connections
        if isinstance(error, NothingCommittedError):
            raise Fatal(
                f"--warm-up: {error}; name the group of the worker to take over from, or leave --warm-up out if that "
                "worker never committed"
            ) from error
        raise
    closing.callback(monitor.close)
    return cutoff
