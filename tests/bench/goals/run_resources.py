"""Create the topics, group and namespace of one run, and delete them after it.

The broker sets the timestamps of the events (LogAppendTime): the same clock times every system, at the moment when its
events become readable.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from deploy.local.stack import wait_until
from tests.bench.goals.servers import BenchmarkServers
from tests.support import TopicNames, WorkerProcess

#: partitions of a topic: the greatest number of workers in a group
PARTITIONS: Final = 2

#: seconds for a single request to a broker
BROKER_SECONDS: Final = 60.0

#: seconds for a worker to become ready on a busy machine
_READY_SECONDS: Final = 60.0

#: seconds to deliver a stream: ten times what the naive pipeline takes for 10,000 articles
DELIVERED_SECONDS: Final = 1_200.0

#: keys deleted by one command
_KEYS_PER_DELETE: Final = 1_000


class BenchmarkFailed(Exception):  # users read it: "the benchmark failed: ..."
    """A measurement failed. The text has the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResources:
    """The topics, group and namespace of a run, with clients for them."""

    servers: BenchmarkServers
    namespace: str
    topics: TopicNames
    admin: KafkaAdminClient
    consumer: KafkaConsumer

    @property
    def event_topics(self) -> tuple[str, str]:
        """The topics of events. The naive pipeline only writes to the first one."""
        return (self.topics.new, self.topics.variants)

    def settings(self, **extra: str) -> dict[str, str]:
        """Return a worker's settings: addresses, topics, namespace, and `extra`, which is named without REPRISE_."""
        return {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": self.servers.kafka.address,
            "REPRISE_REDIS_URL": self.servers.redis.address,
            "REPRISE_NAMESPACE": self.namespace,
            **self.topics.environment(),
            **{f"REPRISE_{name}": value for name, value in extra.items()},
        }

    def partitions(self, *topics: str) -> list[TopicPartition]:
        """Return all partitions of these topics."""
        return [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]

    def count_events(self) -> int:
        """Return the number of events. Raises BenchmarkFailed if there are dead letters."""
        ends = self.consumer.end_offsets(self.partitions(*self.event_topics, self.topics.dead))
        if any(end for partition, end in ends.items() if partition.topic == self.topics.dead):
            raise BenchmarkFailed("articles of the stream went to the dead letters")
        return sum(ends.values())

    def read_events(self) -> Iterator[Any]:
        """Yield the record of each event, one topic after the other."""
        partitions = self.partitions(*self.event_topics)
        ends = self.consumer.end_offsets(partitions)
        self.consumer.assign(partitions)
        self.consumer.seek_to_beginning(*partitions)
        deadline = time.monotonic() + BROKER_SECONDS
        while any(self.consumer.position(partition) < ends[partition] for partition in partitions):
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"reading the events took more than {BROKER_SECONDS:g} s")
            for records in self.consumer.poll(timeout_ms=200).values():
                yield from records


@contextmanager
def open_run_resources(servers: BenchmarkServers) -> Iterator[RunResources]:
    """Create empty topics and a namespace, and delete them at the end of the context."""
    namespace = f"bench{uuid4().hex[:10]}"
    topics = TopicNames.of(namespace)
    names = [topics.articles, topics.new, topics.variants, topics.merged, topics.dead]
    with ExitStack() as stack:
        admin = KafkaAdminClient(bootstrap_servers=servers.kafka.address)
        stack.callback(admin.close)
        consumer = KafkaConsumer(
            bootstrap_servers=servers.kafka.address, enable_auto_commit=False, isolation_level="read_committed"
        )
        stack.callback(consumer.close)
        stack.callback(_delete_keys, servers.redis.address, namespace)
        stack.callback(admin.delete_topics, names)
        admin.create_topics({name: _topic_options(name, topics) for name in names}, wait_for_metadata=True)
        yield RunResources(servers=servers, namespace=namespace, topics=topics, admin=admin, consumer=consumer)


def _topic_options(name: str, topics: TopicNames) -> dict[str, Any]:
    configs = {} if name == topics.articles else {"message.timestamp.type": "LogAppendTime"}
    return {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": configs}


def _delete_keys(redis_url: str, namespace: str) -> None:
    """Delete the keys of a run, and no others, because an external server may have other users."""
    with redis.Redis.from_url(redis_url) as client:
        for pattern in (f"{{{namespace}}}*", f"{namespace}-worker*"):
            keys = list(client.scan_iter(match=pattern, count=_KEYS_PER_DELETE))
            for start in range(0, len(keys), _KEYS_PER_DELETE):
                # UNLINK would free the memory in the background, during the next measurement.
                client.delete(*keys[start : start + _KEYS_PER_DELETE])


def preload(resources: RunResources, messages: Sequence[tuple[bytes, bytes]]) -> None:
    """Send messages to the input topic, to its partitions in turn."""
    producer = _open_producer(resources)
    try:
        _send(producer, resources, messages)
    finally:
        producer.close(timeout=BROKER_SECONDS)


@contextmanager
def preload_uncommitted(resources: RunResources, messages: Sequence[tuple[bytes, bytes]]) -> Iterator[KafkaProducer]:
    """Send messages to the input topic in a transaction, and yield the producer, which the caller has to commit.

    A worker reads committed messages only. All messages become visible at the commit, so that several ready workers
    start at the same moment.
    """
    producer = _open_producer(
        resources, transactional_id=resources.namespace, transaction_timeout_ms=round(1000 * BROKER_SECONDS)
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        _send(producer, resources, messages)
        yield producer
    finally:
        producer.close(timeout=BROKER_SECONDS)


def _open_producer(resources: RunResources, **options: Any) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=resources.servers.kafka.address,
        compression_type="lz4",
        linger_ms=20,
        batch_size=262_144,
        acks="all",
        **options,
    )


def _send(producer: KafkaProducer, resources: RunResources, messages: Sequence[tuple[bytes, bytes]]) -> None:
    futures = [
        producer.send(resources.topics.articles, key=key, value=value, partition=number % PARTITIONS)
        for number, (key, value) in enumerate(messages)
    ]
    producer.flush(timeout=BROKER_SECONDS)
    for future in futures:
        future.get(timeout=BROKER_SECONDS)


def await_delivered(resources: RunResources, count: int, workers: Mapping[str, WorkerProcess]) -> None:
    """Wait until there are `count` events. Raises BenchmarkFailed if a worker ends or the wait times out."""
    await_workers(lambda: resources.count_events() >= count, DELIVERED_SECONDS, f"{count} events", workers)


def await_ready(workers: Mapping[str, WorkerProcess], is_ready: Callable[[WorkerProcess], bool]) -> None:
    """Wait until `is_ready` is true for every worker. Raises BenchmarkFailed."""
    await_workers(
        lambda: all(is_ready(worker) for worker in workers.values()), _READY_SECONDS, "ready workers", workers
    )


def await_workers(
    condition: Callable[[], bool], timeout_seconds: float, description: str, workers: Mapping[str, WorkerProcess]
) -> None:
    """Wait until the condition holds.

    Raises BenchmarkFailed, with the end of the log, if a worker ends or the wait times out.
    """

    def check() -> bool:
        for name, worker in workers.items():
            if worker.process.poll() is not None:
                raise BenchmarkFailed(f"{name} ended with exit code {worker.process.returncode}\n{worker.tail()}")
        return condition()

    try:
        wait_until(check, timeout_seconds, description)
    except TimeoutError as error:
        tails = "\n".join(worker.tail() for worker in workers.values())
        raise BenchmarkFailed(f"{error}\n{tails}") from None
