"""Settings to a pipeline: the only place that builds clients, and where the adapters meet the pure functions.

opened     everything of `reprise run`: what must hold at the start, the waits, the order of opening and closing
assembled  the pipeline around any source, index and delivery
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, TypeVar

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint, fingerprint_batch
from reprise.errors import Fatal, RepriseError, Unreachable, UsageError
from reprise.index.redis.client import Client, check_eviction, check_rights, connect, location
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.inspect import IndexInspector, find_index
from reprise.kafka.acls import check_acls
from reprise.kafka.clients import check_codecs, open_admin
from reprise.kafka.consumer import KafkaSource
from reprise.kafka.group_monitor import GroupMonitor, NothingCommittedError
from reprise.kafka.producer import KafkaSink
from reprise.kafka.topics import missing_topics
from reprise.kafka.transactional import Transactional
from reprise.messages.dead_letters import dead_letter_record, notice_record
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.messages.events import event_record
from reprise.messages.namespaces import NamespaceRule, NamespaceSource, list_namespaces
from reprise.model import Dependency, EventType
from reprise.observability.collectors import find_fullest_server
from reprise.observability.logging import get_logger
from reprise.observability.metrics import Metrics
from reprise.observability.observers import CompositeObserver
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.batch import Steps
from reprise.processing.circuit_breaker import CircuitLimits
from reprise.processing.pipeline import Pipeline
from reprise.processing.ports import Delivery, Index, Observer, Sink, Source
from reprise.processing.retry import Retrier, RetryTimeouts
from reprise.processing.shutdown import StopRequest
from reprise.settings import DeliveryMode, Settings
from reprise.warm_up.cutoff import Cutoff, GroupCutoff, GroupHandoverCutoff, WarmUpOptions
from reprise.warm_up.decorators import WarmUpDelivery, WarmUpIndex, WarmUpSource

T = TypeVar("T")

#: Seconds between two tries to reach a dependency at the start, first and longest.
_FIRST_RETRY_SECONDS: Final = 0.25
_LONGEST_RETRY_SECONDS: Final = 5.0


class StoppedDuringStartup(RepriseError):
    """Stopping was asked for before there was anything to drain."""


@contextmanager
def open_worker(
    settings: Settings,
    observers: CompositeObserver,
    metrics: Metrics,
    stop: StopRequest,
    warm_up: WarmUpOptions | None = None,
) -> Iterator[tuple[Pipeline, KafkaSource]]:
    """Open Redis and Kafka, give the pipeline between them, and close everything in the end.

    Waits for what is away, up to the settings' limit. Raises Fatal where something must be mended first (IndexMismatch
    among it), StoppedDuringStartup.
    """
    check_codecs()
    with ExitStack() as closing:
        index = _open_index(settings, stop, warm_up)
        closing.callback(index.close)
        namespaces = list_namespaces(namespaces_of(settings))
        metrics.export_index_size(index.size, namespaces)
        metrics.export_redis_memory(lambda: find_fullest_server(map(index.memory, namespaces)))
        observers.reachable(Dependency.REDIS)
        _await_kafka(settings, stop)
        what, limit_seconds = f"kafka at {settings.kafka.bootstrap_servers}", settings.times.startup_timeout_seconds
        open_source = partial(
            KafkaSource,
            settings.kafka,
            [settings.topics.articles],
            batch_max=settings.limits.batch_max_articles,
            rebalanced=metrics.count_rebalance,
        )
        source = retry_until_ready(open_source, what, limit_seconds=limit_seconds, stop=stop)
        closing.callback(source.close)
        metrics.export_lag(source.lag)
        delivery = retry_until_ready(
            lambda: _open_delivery(settings, source), what, limit_seconds=limit_seconds, stop=stop
        )
        closing.callback(delivery.close)
        observers.reachable(Dependency.KAFKA)
        build = partial(build_pipeline, settings, observer=observers, stop=stop)
        if warm_up is None:
            yield build(source=source, index=index, delivery=delivery), source
            return
        until = retry_until_ready(
            lambda: _open_until(settings, warm_up, closing), what, limit_seconds=limit_seconds, stop=stop
        )
        learns = [found for each in namespaces if (found := index.inherits(each))]
        get_logger().info("warm_up_begins", until=warm_up.text, learns_from=", ".join(learns) or None)
        metrics.set_warm_up(active=True)
        warm = WarmUpSource(source, until, get_logger().info, live=partial(metrics.set_warm_up, active=False))
        silent = partial(getattr, warm, "silent")
        pipeline = build(source=warm, index=WarmUpIndex(index, silent), delivery=WarmUpDelivery(delivery, silent))
        pipeline.reads_ahead = False  # `silent` is said of the batch that was polled last
        yield pipeline, source


def _open_until(settings: Settings, warm_up: WarmUpOptions, closing: ExitStack) -> Cutoff:
    """Find where the silence ends. Raises Unreachable, Fatal."""
    if settings.kafka.auto_offset_reset != "earliest":
        raise UsageError("--warm-up: needs REPRISE_KAFKA_AUTO_OFFSET_RESET=earliest, to learn from the beginning")
    until = warm_up.until
    if not isinstance(until, GroupCutoff):
        return until
    if until.group_id == settings.kafka.group_id:
        raise UsageError(
            f"--warm-up: {warm_up.text} is this worker's own group; it needs a REPRISE_KAFKA_GROUP_ID of its own"
        )
    watch = GroupMonitor(settings.kafka, until.group_id, settings.topics.articles)
    try:
        found = GroupHandoverCutoff(watch.look)
    except BaseException as error:
        watch.close()  # or every try would leave its connections behind
        if isinstance(error, NothingCommittedError):
            raise Fatal(
                f"--warm-up: {error}; name the group of the worker to take over from, or, where that is done, leave "
                "--warm-up out"
            ) from error
        raise
    closing.callback(watch.close)
    return found


def build_pipeline(
    settings: Settings,
    *,
    source: Source,
    index: Index,
    delivery: Delivery,
    observer: Observer,
    stop: StopRequest,
    steps: Steps | None = None,
    outage_limit_seconds: float | None = None,
) -> Pipeline:
    """Put a pipeline together. `steps` are those of the settings unless given."""
    pace = RetryTimeouts(
        poll_timeout_seconds=settings.times.poll_timeout_seconds,
        drain_timeout_seconds=settings.times.drain_timeout_seconds,
        try_seconds=settings.times.flush_timeout_seconds,
        outage_limit_seconds=outage_limit_seconds,
    )
    return Pipeline(
        source=source,
        index=index,
        delivery=delivery,
        observer=observer,
        steps=steps or steps_of(settings),
        stop=stop,
        patience=Retrier(source=source, observer=observer, stop=stop, pace=pace),
        limits=CircuitLimits(in_a_row=settings.limits.circuit_in_a_row, share=settings.limits.circuit_share),
    )


def steps_of(settings: Settings) -> Steps:
    """The pure functions of the settings' limits, rule, namespaces and topics."""
    limits = DecoderLimits(
        message_bytes=settings.limits.max_message_bytes, text_characters=settings.limits.max_text_characters
    )
    return Steps(
        read=partial(decode_article, limits=limits, namespaces=namespaces_of(settings)),
        fingerprint=partial(fingerprint, rule=rule_of(settings)),
        fingerprints=partial(fingerprint_batch, rule=rule_of(settings)),
        event_record=partial(
            event_record,
            topics={EventType.NEW: settings.topics.new, EventType.VARIANT: settings.topics.variants},
        ),
        dead_letter=partial(dead_letter_record, settings.topics.dead),
        notice=partial(notice_record, settings.topics.dead),
    )


def namespaces_of(settings: Settings) -> NamespaceRule:
    """Which namespaces there are, and which articles belong to each."""
    index = settings.index
    if index.namespace_by is None or index.namespace_values is None:
        return NamespaceRule(base=index.namespace)
    by, _, key = index.namespace_by.partition(":")
    return NamespaceRule(
        base=index.namespace, by=NamespaceSource(by), key=key, values=index.namespace_values.split(",")
    )


def rule_of(settings: Settings) -> Rule:
    """The thresholds and bounds of a decision."""
    return Rule(**settings.rule.model_dump())


def retention_of(settings: Settings) -> Retention:
    """How long what is remembered."""
    return Retention(window_seconds=settings.index.window_seconds, replay_seconds=settings.index.replay_seconds)


def _open_delivery(settings: Settings, source: KafkaSource) -> Delivery:
    """Connect a producer, for events beside positions or for both at once. Raises Unreachable, Fatal."""
    seconds = settings.times.flush_timeout_seconds
    if settings.service.delivery is DeliveryMode.TRANSACTIONAL:
        return Transactional(settings.kafka, source, flush_timeout_seconds=seconds)
    return AtLeastOnce(open_sink(settings), source.commit, flush_timeout_seconds=seconds)


def open_sink(settings: Settings) -> Sink:
    """Connect a producer. Raises Unreachable, Fatal."""
    return KafkaSink(settings.kafka, flush_timeout_seconds=settings.times.flush_timeout_seconds)


def open_index(settings: Settings, client: Client, warm_up: WarmUpOptions | None = None) -> RedisIndex:
    """Check the server and what the namespaces hold. Raises Unreachable, Fatal, IndexMismatch."""
    index = RedisIndex(
        client,
        rule=rule_of(settings),
        retention=retention_of(settings),
        expected_articles=settings.index.expected_articles,
        generation=settings.index.index_generation,
        previous=warm_up.generation if warm_up else settings.index.index_generation,
    )
    try:
        check_eviction(client, settings.redis)
        for namespace in list_namespaces(namespaces_of(settings)):
            check_rights(client, settings.redis, namespace)
            index.prepare(namespace)
    except BaseException:
        index.close()  # or every try would leave its connections behind
        raise
    return index


@contextmanager
def open_inspector(settings: Settings, namespace: str) -> Iterator[IndexInspector]:
    """Open a namespace's index to look into it; creates none, and does not wait. Raises Unreachable, Fatal."""
    with connect(settings.redis) as client:
        yield find_index(
            client,
            namespace,
            generation=settings.index.index_generation,
            rule=rule_of(settings),
            retention=retention_of(settings),
        )


def _open_index(settings: Settings, stop: StopRequest, warm_up: WarmUpOptions | None) -> RedisIndex:
    return retry_until_ready(
        lambda: open_index(settings, connect(settings.redis), warm_up),
        f"redis at {location(settings.redis)}",
        limit_seconds=settings.times.startup_timeout_seconds,
        stop=stop,
    )


def _await_kafka(settings: Settings, stop: StopRequest) -> None:
    """Return when a broker answers and the topics exist."""
    limit_seconds = settings.times.startup_timeout_seconds
    await_broker(settings, stop)
    topics = settings.topics.model_dump().values()
    reads = [settings.topics.articles]

    def check_topics() -> None:
        check_acls(settings.kafka, reads=reads, writes=[name for name in topics if name not in reads])
        require_topics(settings, list(topics))

    retry_until_ready(
        check_topics, f"topics at {settings.kafka.bootstrap_servers}", limit_seconds=limit_seconds, stop=stop
    )


def require_topics(settings: Settings, names: Sequence[str]) -> None:
    """Refuse to go on where a topic does not exist. Raises Unreachable, which may be mended meanwhile, Fatal."""
    if missing := missing_topics(settings.kafka, names):
        raise Unreachable(f"no topic {', '.join(missing)}; `reprise topics` creates what is missing")


def await_broker(settings: Settings, stop: StopRequest, waiting: Callable[[str], None] | None = None) -> None:
    """Return when a broker answers; `waiting` hears once, by default the log. Raises Fatal, StoppedDuringStartup."""
    limit_seconds = settings.times.startup_timeout_seconds
    retry_until_ready(
        lambda: open_admin(settings.kafka).close(),
        f"kafka at {settings.kafka.bootstrap_servers}",
        limit_seconds=limit_seconds,
        stop=stop,
        waiting=waiting,
    )


def retry_until_ready(
    attempt: Callable[[], T],
    what: str,
    *,
    limit_seconds: float,
    stop: StopRequest,
    waiting: Callable[[str], None] | None = None,
) -> T:
    """Attempt until it works. `waiting` is told why it does not at first, once; the log is, unless given.

    Raises Fatal past the limit, or at once where another try cannot help; StoppedDuringStartup.
    """
    until = time.monotonic() + limit_seconds
    delay, told = _FIRST_RETRY_SECONDS, False
    while True:
        try:
            return attempt()
        except Unreachable as error:
            if time.monotonic() + delay >= until:
                raise Fatal(f"{what}: not ready within {limit_seconds:g} s: {error}") from error
            if not told:
                (waiting or partial(_log_waiting, what, limit_seconds))(str(error))
                told = True
        stop.wait(delay * (1 + random.random()) / 2)  # noqa: S311 - spreads the tries of many workers, guards nothing
        if stop.requested:
            raise StoppedDuringStartup("stopped before the start was complete")
        delay = min(2 * delay, _LONGEST_RETRY_SECONDS)


def _log_waiting(what: str, limit_seconds: float, reason: str) -> None:
    get_logger().warning("waiting", what=what, reason=reason, limit_seconds=limit_seconds)
