"""Topics, a group and a namespace of one run of one contender; all of it goes when the run is over.

The events' times are the broker's own (LogAppendTime): every contender is timed by the same clock, when its events can
be read.
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
from tests.bench.goals.servers import Servers
from tests.support import TopicNames, WorkerProcess

#: As many as the most workers that share one topic here.
PARTITIONS: Final = 2

#: Seconds for anything that a broker answers at once.
BROKER_SECONDS: Final = 60.0

#: Seconds for a worker to be ready on a machine that is busy with others.
_READY_SECONDS: Final = 60.0

#: Seconds for a stream to be delivered: ten times what the naive pipeline takes for 10,000 articles.
DELIVERED_SECONDS: Final = 1_200.0

#: Keys that are deleted in one command.
_KEYS: Final = 1_000


class BenchmarkFailed(Exception):  # said to people
    """A measure cannot be had; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Names, and the clients that look at them from outside."""

    servers: Servers
    namespace: str
    topics: TopicNames
    admin: KafkaAdminClient
    consumer: KafkaConsumer

    @property
    def events(self) -> tuple[str, str]:
        """The topics of events; the naive pipeline writes the first alone."""
        return (self.topics.new, self.topics.variants)

    def settings(self, **more: str) -> dict[str, str]:
        """A worker's settings: where everything is, and no other than the defaults but `more`, named without prefix."""
        return {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": self.servers.kafka.address,
            "REPRISE_REDIS_URL": self.servers.redis.address,
            "REPRISE_NAMESPACE": self.namespace,
            **self.topics.environment(),
            **{f"REPRISE_{name}": value for name, value in more.items()},
        }

    def partitions(self, *topics: str) -> list[TopicPartition]:
        """All partitions of these topics."""
        return [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]

    def delivered(self) -> int:
        """How many events there are. Raises BenchmarkFailed where anything went to the dead letters."""
        ends = self.consumer.end_offsets(self.partitions(*self.events, self.topics.dead))
        if any(end for partition, end in ends.items() if partition.topic == self.topics.dead):
            raise BenchmarkFailed("articles of the stream went to the dead letters")
        return sum(ends.values())

    def read_events(self) -> Iterator[Any]:
        """Every event's record, of one topic after the other."""
        partitions = self.partitions(*self.events)
        ends = self.consumer.end_offsets(partitions)
        self.consumer.assign(partitions)
        self.consumer.seek_to_beginning(*partitions)
        deadline = time.monotonic() + BROKER_SECONDS
        while any(self.consumer.position(each) < ends[each] for each in partitions):
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"the events could not be read within {BROKER_SECONDS:g} s")
            for records in self.consumer.poll(timeout_ms=200).values():
                yield from records


@contextmanager
def open_place(servers: Servers) -> Iterator[Place]:
    """Make a place with empty topics."""
    namespace = f"bench{uuid4().hex[:10]}"
    topics = TopicNames.of(namespace)
    names = [topics.articles, topics.new, topics.variants, topics.dead]
    with ExitStack() as closing:
        admin = KafkaAdminClient(bootstrap_servers=servers.kafka.address)
        closing.callback(admin.close)
        consumer = KafkaConsumer(
            bootstrap_servers=servers.kafka.address, enable_auto_commit=False, isolation_level="read_committed"
        )
        closing.callback(consumer.close)
        closing.callback(_forget, servers.redis.address, namespace)
        closing.callback(admin.delete_topics, names)
        admin.create_topics({name: _new_topic(name, topics) for name in names}, wait_for_metadata=True)
        yield Place(servers=servers, namespace=namespace, topics=topics, admin=admin, consumer=consumer)


def _new_topic(name: str, topics: TopicNames) -> dict[str, Any]:
    configs = {} if name == topics.articles else {"message.timestamp.type": "LogAppendTime"}
    return {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": configs}


def _forget(redis_url: str, namespace: str) -> None:
    """Delete what a run left in Redis, and nothing else: the server may be somebody's own."""
    with redis.Redis.from_url(redis_url) as client:
        for pattern in (f"{{{namespace}}}*", f"{namespace}-worker*"):
            keys = list(client.scan_iter(match=pattern, count=_KEYS))
            for begin in range(0, len(keys), _KEYS):
                client.delete(*keys[begin : begin + _KEYS])  # now: an UNLINK would go on in the next one's time


def preload(place: Place, messages: Sequence[tuple[bytes, bytes]]) -> None:
    """Put the messages into the topic, over the partitions in turn."""
    producer = _producer(place)
    try:
        _send(producer, place, messages)
    finally:
        producer.close(timeout=BROKER_SECONDS)


@contextmanager
def held_back(place: Place, messages: Sequence[tuple[bytes, bytes]]) -> Iterator[KafkaProducer]:
    """Put the messages into the topic in a transaction: a worker, which reads what is committed, sees them all at once.

    The caller commits; that is how several workers begin at the same moment, all of them ready.
    """
    producer = _producer(place, transactional_id=place.namespace, transaction_timeout_ms=round(1000 * BROKER_SECONDS))
    try:
        producer.init_transactions()
        producer.begin_transaction()
        _send(producer, place, messages)
        yield producer
    finally:
        producer.close(timeout=BROKER_SECONDS)


def _producer(place: Place, **options: Any) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=place.servers.kafka.address,
        compression_type="lz4",
        linger_ms=20,
        batch_size=262_144,
        acks="all",
        **options,
    )


def _send(producer: KafkaProducer, place: Place, messages: Sequence[tuple[bytes, bytes]]) -> None:
    futures = [
        producer.send(place.topics.articles, key=key, value=value, partition=number % PARTITIONS)
        for number, (key, value) in enumerate(messages)
    ]
    producer.flush(timeout=BROKER_SECONDS)
    for future in futures:
        future.get(timeout=BROKER_SECONDS)


def await_delivered(place: Place, count: int, workers: Mapping[str, WorkerProcess]) -> None:
    """Return when there are so many events. Raises BenchmarkFailed where a worker ends, or it takes too long."""
    await_workers(lambda: place.delivered() >= count, DELIVERED_SECONDS, f"{count} events", workers)


def await_ready(workers: Mapping[str, WorkerProcess], ready: Callable[[WorkerProcess], bool]) -> None:
    """Return when `ready` answers true of every worker."""
    await_workers(lambda: all(ready(each) for each in workers.values()), _READY_SECONDS, "ready workers", workers)


def await_workers(
    condition: Callable[[], bool], timeout_seconds: float, what: str, workers: Mapping[str, WorkerProcess]
) -> None:
    """Return when the condition holds. Raises BenchmarkFailed with the end of a worker's log where it never will."""

    def met() -> bool:
        for name, worker in workers.items():
            if worker.process.poll() is not None:
                raise BenchmarkFailed(f"{name} ended with exit code {worker.process.returncode}\n{worker.tail()}")
        return condition()

    try:
        wait_until(met, timeout_seconds, what)
    except TimeoutError as error:
        tails = "\n".join(worker.tail() for worker in workers.values())
        raise BenchmarkFailed(f"{error}\n{tails}") from None
