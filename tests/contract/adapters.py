"""The adapters under test, over a broker in memory and over Kafka, and how tests drive them."""

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
from reprise.processing.ports import Delivery, Sink, Source
from reprise.settings.groups import KafkaSettings
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource

PARTITIONS = 2
#: Seconds within which a real broker must have done anything asked of it here.
DEADLINE_SECONDS = 30.0
#: Seconds of one poll, long against what a broker on this machine takes.
POLL_SECONDS = 0.5
#: Seconds within which a delivery must be acknowledged.
FLUSH_SECONDS = 30.0


@dataclass
class MemoryWorld:
    """The adapters under test, over one broker."""

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
        return AtLeastOnce(MemorySink(self.broker), source.commit)

    def append_damaged(self, topic: str) -> None:
        self.broker.append(topic, OutputRecord(topic=topic, key=None, value=b"", headers=()))
        self.broker.damage(topic, 0, len(self.broker.log[topic, 0]) - 1)

    def close(self) -> None:
        pass


class NotUtf8(str):
    """The name of a header, which Kafka's clients decode and its brokers never look at."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


@dataclass
class KafkaWorld:
    bootstrap_servers: str
    transactional: bool = False
    opened: list[Source | Sink | Delivery] = field(default_factory=list)

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
        source = KafkaSource(self.settings(group), [topic], batch_max=batch_max)
        self.opened.append(source)
        return source

    def sink(self) -> Sink:
        sink = KafkaSink(self.settings(), flush_timeout_seconds=FLUSH_SECONDS)
        self.opened.append(sink)
        return sink

    def delivery(self, source: Source) -> Delivery:
        assert isinstance(source, KafkaSource)
        delivery: Delivery = (
            Transactional(source._settings, source, flush_timeout_seconds=FLUSH_SECONDS)
            if self.transactional
            else AtLeastOnce(self.sink(), source, flush_timeout_seconds=FLUSH_SECONDS)
        )
        self.opened.append(delivery)
        return delivery

    def append_damaged(self, topic: str) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap_servers, allow_auto_create_topics=False)
        producer.send(topic, value=b"", partition=0, headers=[(NotUtf8("h"), b"")]).get(timeout=DEADLINE_SECONDS)
        producer.close(timeout=DEADLINE_SECONDS)

    def close(self) -> None:
        for adapter in self.opened:
            adapter.close()


IndexAdapter = MemoryWorld | KafkaWorld


def poll_until(
    done: Callable[[Sequence[Message | CorruptRecord]], bool], *sources: Source
) -> list[Message | CorruptRecord]:
    """Poll the sources in turn until what came satisfies `done`; a group needs all its members polled to settle."""
    got: list[Message | CorruptRecord] = []
    until = time.monotonic() + DEADLINE_SECONDS
    while not done(got):
        assert time.monotonic() < until, f"only {len(got)} messages came"
        for batch in poll_together(*sources):
            got += batch
    return got


def poll_together(*sources: Source) -> list[Sequence[Message | CorruptRecord]]:
    """Poll members of a group at the same time, as they would from processes of their own.

    One after the other they would miss the ends of each other's rebalances: a join ends in all of them at once, and who
    is not in its poll then begins another.
    """
    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(lambda source: source.poll(POLL_SECONDS), sources))


def take(source: Source, count: int) -> list[Message]:
    got = poll_until(lambda messages: len(messages) >= count, source)
    return [message for message in got if isinstance(message, Message)]


def fill(world: IndexAdapter, topic: str, count: int, start: int = 0) -> list[OutputRecord]:
    records = [
        OutputRecord(topic=topic, key=b"k%d" % number, value=b"v%d" % number, headers=(("h", b"%d" % number),))
        for number in range(start, start + count)
    ]
    sink = world.sink()
    assert list(sink.send(records)) == []
    sink.flush()
    return records


def values(messages: Sequence[Message]) -> list[bytes | None]:
    return sorted((message.value for message in messages), key=lambda value: value or b"")


#: Offset metadata that the deliveries of these tests commit.
METADATA = "metadata"


def deliver(delivery: Delivery, outcomes: Sequence[Outcome], *sources: Source) -> Sequence[Delivered]:
    """Deliver as the pipeline does: a rebalance in progress refuses it, and polling ends the rebalance."""
    until = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return delivery.deliver(outcomes, METADATA)
        except Unreachable:
            assert time.monotonic() < until
            poll_together(*sources)


def skipped(messages: Sequence[Message | CorruptRecord]) -> list[Outcome]:
    """What messages lead to that lead to nothing: their positions are committed."""
    return [Outcome(message=message) for message in messages]


def settle(
    first: Source, second: Source, seen: Callable[[Sequence[Message | CorruptRecord]], bool] = lambda got: True
) -> None:
    """Poll both until each owns its share; Kafka's say so, and memory's are settled at once."""
    until = time.monotonic() + DEADLINE_SECONDS
    got: list[Message | CorruptRecord] = []
    shares = [set[tuple[str, int]](), set[tuple[str, int]]()]
    while not (all(shares) and seen(got)):
        assert time.monotonic() < until, "the group did not settle"
        for batch in poll_together(first, second):
            got += batch
        shares = [owned(first), owned(second)]
        if shares[0] & shares[1]:
            shares = [set(), set()]


def owned(source: Source) -> set[tuple[str, int]]:
    if isinstance(source, KafkaSource):
        return set(source.partitions())
    assert isinstance(source, MemorySource), "a third adapter needs its way of telling"
    return set(source.positions)
