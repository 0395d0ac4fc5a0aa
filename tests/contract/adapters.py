"""The adapters under test, over a broker in memory and over Kafka, and functions that drive them."""

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kafka import KafkaProducer

from reprise.errors import Unreachable
from reprise.kafka.consumer import KafkaSource
from reprise.kafka.producer import KafkaSink
from reprise.kafka.topics import TopicPlan, create_topics
from reprise.kafka.transactional import Transactional
from reprise.model import CorruptRecord, Delivered, Message, Outcome, OutputRecord
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.ports import Delivery, Partition, Sink, Source
from reprise.settings.groups import KafkaSettings
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource

PARTITIONS = 2
#: Seconds within which a real broker must complete every operation of these tests.
DEADLINE_SECONDS = 30.0
#: Seconds of one poll; a broker on this machine answers much faster.
POLL_SECONDS = 0.5
#: Seconds within which the records of a batch must be acknowledged.
FLUSH_SECONDS = 30.0


@dataclass
class MemoryAdapters:
    """Adapters over one broker in memory."""

    broker: MemoryBroker = field(default_factory=MemoryBroker)

    def topic(self, partitions: int = PARTITIONS) -> str:
        name = f"t{uuid.uuid4().hex}"
        self.broker.create(name, partitions)
        return name

    def source(self, topic: str, group: str, batch_max: int = 500) -> Source:
        return MemorySource(self.broker, [topic], group, batch_max)

    def sink(self) -> Sink:
        return MemorySink(self.broker)

    def delivery(self, source: Source) -> Delivery:
        assert isinstance(source, MemorySource)
        return AtLeastOnce(MemorySink(self.broker), source, flush_timeout_seconds=FLUSH_SECONDS)

    def append_corrupt(self, topic: str) -> None:
        self.broker.append(topic, OutputRecord(topic=topic, key=None, value=b"", headers=()))
        self.broker.corrupt(topic, 0, len(self.broker.log[topic, 0]) - 1)

    def close(self) -> None:
        pass


class NotUtf8(str):
    """A header name that encodes to invalid UTF-8: brokers do not check it, and the consumer cannot decode it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


@dataclass
class KafkaAdapters:
    """Adapters over one Kafka broker. `skipped` has the arguments of each call of the sources' `on_skipped`."""

    bootstrap_servers: str
    transactional: bool = False
    opened: list[Source | Sink | Delivery] = field(default_factory=list)
    skipped: list[tuple[Partition, int, int]] = field(default_factory=list)

    def settings(self, group: str = "unused") -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=self.bootstrap_servers,
            group_id=group,
            request_timeout_seconds=10.0,
            session_timeout_seconds=10.0,
        )

    def topic(self, partitions: int = PARTITIONS) -> str:
        name = f"t{uuid.uuid4().hex}"
        create_topics(self.settings(), [TopicPlan(name=name, partitions=partitions, replication=1)])
        return name

    def source(self, topic: str, group: str, batch_max: int = 500) -> Source:
        source = KafkaSource(
            self.settings(group),
            [topic],
            batch_max=batch_max,
            max_message_bytes=4_194_304,
            on_rebalance=lambda: None,
            on_rebalanced=lambda _: None,
            on_skipped=lambda partition, first, resumed: self.skipped.append((partition, first, resumed)),
        )
        self.opened.append(source)
        return source

    def sink(self) -> Sink:
        sink = KafkaSink(self.settings(), flush_timeout_seconds=FLUSH_SECONDS)
        self.opened.append(sink)
        return sink

    def delivery(self, source: Source) -> Delivery:
        assert isinstance(source, KafkaSource)
        delivery: Delivery = (
            Transactional(self.settings(), source, flush_timeout_seconds=FLUSH_SECONDS)
            if self.transactional
            else AtLeastOnce(self.sink(), source, flush_timeout_seconds=FLUSH_SECONDS)
        )
        self.opened.append(delivery)
        return delivery

    def append_corrupt(self, topic: str) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap_servers, allow_auto_create_topics=False)
        producer.send(topic, value=b"", partition=0, headers=[(NotUtf8("h"), b"")]).get(timeout=DEADLINE_SECONDS)
        producer.close(timeout=DEADLINE_SECONDS)

    def close(self) -> None:
        for adapter in self.opened:
            adapter.close()


Adapters = MemoryAdapters | KafkaAdapters


def poll_until(
    done: Callable[[Sequence[Message | CorruptRecord]], bool], *sources: Source
) -> list[Message | CorruptRecord]:
    """Poll all members of a group until the messages received satisfy `done`, and return the messages."""
    received: list[Message | CorruptRecord] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not done(received):
        assert time.monotonic() < deadline, f"only {len(received)} messages received"
        for batch in poll_together(*sources):
            received += batch
    return received


def poll_together(*sources: Source) -> list[Sequence[Message | CorruptRecord]]:
    """Poll the members of a group at the same time, as separate processes would; return one batch a member.

    Polled in turn, they would miss the ends of each other's rebalances: a join ends in all members at once, and a
    member that is not in its poll then starts another.
    """
    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(lambda source: source.poll(POLL_SECONDS), sources))


def take(source: Source, count: int) -> list[Message]:
    """Poll until at least `count` messages are received."""
    received = poll_until(lambda messages: len(messages) >= count, source)
    return [message for message in received if isinstance(message, Message)]


def fill(adapters: Adapters, topic: str, count: int, start: int = 0) -> list[OutputRecord]:
    """Publish `count` records, numbered from `start`."""
    records = [
        OutputRecord(topic=topic, key=b"k%d" % number, value=b"v%d" % number, headers=(("h", b"%d" % number),))
        for number in range(start, start + count)
    ]
    sink = adapters.sink()
    assert list(sink.send(records)) == []
    sink.flush()
    return records


def values(messages: Sequence[Message]) -> list[bytes | None]:
    """Return the values, sorted."""
    return sorted((message.value for message in messages), key=lambda value: value or b"")


#: Offset metadata that the deliveries of these tests commit.
METADATA = "metadata"


def deliver(delivery: Delivery, outcomes: Sequence[Outcome], *sources: Source) -> Sequence[Delivered]:
    """Deliver as the pipeline does: poll and retry, because a rebalance makes a delivery fail until it completes."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return delivery.deliver(outcomes, METADATA)
        except Unreachable:
            assert time.monotonic() < deadline
            poll_together(*sources)


def skipped(messages: Sequence[Message | CorruptRecord]) -> list[Outcome]:
    """Return outcomes without a record: delivering them only commits the offsets."""
    return [Outcome(message=message) for message in messages]


def settle(
    first: Source, second: Source, seen: Callable[[Sequence[Message | CorruptRecord]], bool] = lambda received: True
) -> None:
    """Poll two members until each has partitions that the other has not, and the messages received satisfy `seen`."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    received: list[Message | CorruptRecord] = []
    shares = [set[tuple[str, int]](), set[tuple[str, int]]()]
    while not (all(shares) and seen(received)):
        assert time.monotonic() < deadline, "the group did not settle"
        for batch in poll_together(first, second):
            received += batch
        shares = [owned(first), owned(second)]
        if shares[0] & shares[1]:
            shares = [set(), set()]


def owned(source: Source) -> set[tuple[str, int]]:
    """Return the partitions that are assigned to a source."""
    if isinstance(source, KafkaSource):
        return set(source.partitions())
    assert isinstance(source, MemorySource)
    return set(source.positions)
