"""Topics, a group and a namespace of one end-to-end test, and the clients that fill and read them.

Sandbox        names on the session's servers, and clients that produce messages and read events and offsets
InputMessage   a message to produce
OutputEvent    an event that was read; its `traceparent` links it to its message

Every event is checked against the schema in the package and against the contract of its headers.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from jsonschema import Draft202012Validator
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, errors

from deploy.local.stack import wait_until
from reprise.messages.events import MERGE_SCHEMA_ID, SCHEMA_ID, merge_schema, schema
from reprise.model import EventType, Message
from tests.support import TopicNames

#: Seconds for one request to a broker.
BROKER_SECONDS: Final = 30.0

#: The headers of an event besides the trace context, named as in CloudEvents 1.0, Kafka's binary mode.
CLOUD_EVENT_HEADERS: Final = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_dataschema",
        "content-type",
    }
)

#: Errors of a broker without any group yet, while it creates its offsets topic.
_NO_COORDINATOR_YET: Final = (
    errors.CoordinatorNotAvailableError,
    errors.NotCoordinatorError,
    errors.CoordinatorLoadInProgressError,
)

_VALIDATORS: Final = {
    EventType.NEW: Draft202012Validator(schema()),
    EventType.VARIANT: Draft202012Validator(schema()),
    EventType.MERGED: Draft202012Validator(merge_schema()),
}


def _new_trace() -> tuple[tuple[str, bytes], ...]:
    return (("traceparent", f"00-{uuid4().hex}-{uuid4().hex[:16]}-01".encode()),)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMessage:
    """A message to produce. Its first header is a trace context of its own, which its event must have, too."""

    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = field(default_factory=_new_trace)

    @property
    def trace(self) -> bytes:
        """The `traceparent`."""
        return dict(self.headers)["traceparent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputEvent:
    """An event that a consumer has read and `check_event` has checked."""

    body: Mapping[str, Any]
    message: Message

    @property
    def headers(self) -> Mapping[str, bytes]:
        """The record's headers."""
        return dict(self.message.headers)

    @property
    def trace(self) -> bytes:
        """The `traceparent` of the input message."""
        return self.headers["traceparent"]

    @property
    def content(self) -> tuple[object, ...]:
        """The parts that are equal in all copies of the event."""
        return (self.message.topic, self.message.key, self.message.value, self.message.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Topics, a group and a namespace that no other test uses, on a real Kafka and a real Redis."""

    kafka: str
    redis_url: str
    namespace: str
    topics: TopicNames
    admin: KafkaAdminClient
    consumer: KafkaConsumer
    producer: KafkaProducer

    def settings(self, **changes: str) -> dict[str, str]:
        """Return the settings of a worker for this sandbox. `changes` holds settings by name without the prefix."""
        return {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "REPRISE_REDIS_URL": self.redis_url,
            "REPRISE_NAMESPACE": self.namespace,
            "REPRISE_EXPECTED_ARTICLES": "1000",
            "REPRISE_WINDOW_SECONDS": "3600",
            "REPRISE_REPLAY_SECONDS": "3600",
            "REPRISE_POLL_TIMEOUT_SECONDS": "0.2",
            **self.topics.environment(),
            **{f"REPRISE_{name}": value for name, value in changes.items()},
        }

    def create_topics(self, partitions: int = 1) -> None:
        """Create the five topics. `partitions` is the number of partitions of the input topic."""
        names = dict.fromkeys(self.topics.outputs, 1)
        counts = {**names, self.topics.articles: partitions}
        self.admin.create_topics(
            {name: {"num_partitions": count, "replication_factor": 1} for name, count in counts.items()},
            wait_for_metadata=True,
        )

    def produce(self, messages: Iterable[InputMessage]) -> list[int]:
        """Produce the messages in order, wait until all are acknowledged, and return their offsets."""
        futures = [
            self.producer.send(
                self.topics.articles,
                key=message.key,
                value=message.value,
                headers=list(message.headers),
                partition=message.partition,
            )
            for message in messages
        ]
        self.producer.flush(timeout=BROKER_SECONDS)
        return [future.get(timeout=BROKER_SECONDS).offset for future in futures]

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Return the end offset of each partition."""
        partitions = self._partitions(topic)
        return {partition.partition: end for partition, end in self.consumer.end_offsets(partitions).items()}

    def event_count(self) -> int:
        """Return the number of events in both topics."""
        return sum(sum(self.end_offsets(topic).values()) for topic in (self.topics.new, self.topics.variants))

    def committed(self, group_id: str | None = None) -> dict[int, int]:
        """Return the committed offset of each partition of the input topic that has one."""
        group_id = group_id or self.topics.group_id
        try:
            offsets = self.admin.list_group_offsets({group_id: self._partitions(self.topics.articles)})[group_id]
        except _NO_COORDINATOR_YET:
            return {}
        return {partition.partition: entry.offset for partition, entry in offsets.items() if entry.offset >= 0}

    def members(self) -> dict[str, list[int]]:
        """Return the partitions of each member of the group, or no members while the group rebalances."""
        try:
            group = self.admin.describe_groups([self.topics.group_id])[self.topics.group_id]
        except _NO_COORDINATOR_YET:
            return {}
        if group["group_state"] != "Stable":
            return {}
        return {member["member_id"]: _assigned_partitions(member) for member in group["members"]}

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> list[Message]:
        """Return every record of a topic from the start offsets on, in the order of each partition."""
        partitions = self._partitions(topic)
        ends = self.end_offsets(topic)
        self.consumer.assign(partitions)
        for partition in partitions:
            self.consumer.seek(partition, (start or {}).get(partition.partition, 0))
        messages: list[Message] = []

        def is_complete() -> bool:
            for records in self.consumer.poll(timeout_ms=200).values():
                messages.extend(_message(record) for record in records)
            return all(self.consumer.position(partition) >= ends[partition.partition] for partition in partitions)

        wait_until(is_complete, BROKER_SECONDS, f"the end of {topic}")
        return messages

    def events(self, namespaces: Mapping[bytes, str] | None = None) -> list[OutputEvent]:
        """Return every event on an article after `check_event`.

        namespaces  `traceparent` -> namespace, for messages of another namespace than the sandbox's
        """
        topics = {EventType.NEW: self.topics.new, EventType.VARIANT: self.topics.variants}
        return [
            check_event(
                message, event_type, (namespaces or {}).get(dict(message.headers)["traceparent"], self.namespace)
            )
            for event_type, topic in topics.items()
            for message in self.read(topic)
        ]

    def merges(self) -> list[OutputEvent]:
        """Return every story.merged event after `check_event`."""
        return [check_event(each, EventType.MERGED, self.namespace) for each in self.read(self.topics.merged)]

    def dead_letters(self) -> list[Message]:
        """Return every dead letter."""
        return self.read(self.topics.dead)

    def _partitions(self, topic: str) -> list[TopicPartition]:
        numbers = self.consumer.partitions_for_topic(topic)
        return [TopicPartition(topic, number) for number in sorted(numbers or ())]


@contextmanager
def open_sandbox(kafka: str, redis_url: str, partitions: int | None = 1) -> Iterator[Sandbox]:
    """Yield a sandbox, and delete its topics at the end.

    partitions  number of partitions of the input topic, or None to create no topics
    """
    namespace = f"e{uuid4().hex[:12]}"
    topics = TopicNames.of(namespace)
    with ExitStack() as closing:
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        closing.callback(admin.close)
        consumer = KafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False)
        closing.callback(consumer.close)
        producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5)
        closing.callback(producer.close, timeout=BROKER_SECONDS)
        sandbox = Sandbox(
            kafka=kafka,
            redis_url=redis_url,
            namespace=namespace,
            topics=topics,
            admin=admin,
            consumer=consumer,
            producer=producer,
        )
        if partitions is not None:
            sandbox.create_topics(partitions)
        yield sandbox
        names = [topics.articles, *topics.outputs]
        admin.delete_topics(sorted(set(names) & set(admin.list_topics())))


def check_event(message: Message, event_type: EventType, namespace: str) -> OutputEvent:
    """Check the body and the headers of a record and return the event. Raises AssertionError, ValidationError."""
    assert message.value is not None
    body = json.loads(message.value)
    _VALIDATORS[event_type].validate(body)
    assert body["type"] == event_type
    names = [name for name, _ in message.headers]
    assert len(names) == len(set(names))
    assert set(names) - {"traceparent", "tracestate"} == CLOUD_EVENT_HEADERS
    expected = {
        "ce_specversion": "1.0",
        "ce_id": body["event_id"],
        "ce_source": f"urn:reprise:namespace:{namespace}",
        "ce_type": body["type"],
        "ce_subject": body["story_id"],
        "ce_time": body["decided_at"],
        "ce_dataschema": MERGE_SCHEMA_ID if event_type is EventType.MERGED else SCHEMA_ID,
        "content-type": "application/json",
    }
    event = OutputEvent(body=body, message=message)
    assert {name: event.headers[name].decode() for name in expected} == expected
    assert message.key == body["story_id"].encode()
    return event


def by_trace(events: Iterable[OutputEvent]) -> Mapping[bytes, list[OutputEvent]]:
    """Return the events of each message by its `traceparent`."""
    groups: defaultdict[bytes, list[OutputEvent]] = defaultdict(list)
    for event in events:
        groups[event.trace].append(event)
    return groups


def single_events(messages: Sequence[InputMessage], events: Sequence[OutputEvent]) -> list[OutputEvent]:
    """Return the event of each message, in the order of the messages. Fails unless each message has exactly one."""
    groups = by_trace(events)
    counts = {trace: len(group) for trace, group in groups.items()}
    assert counts == {message.trace: 1 for message in messages}
    return [groups[message.trace][0] for message in messages]


def group_positions(labels: Iterable[str]) -> set[frozenset[int]]:
    """Return the groups of positions with equal labels, to compare groupings with different labels."""
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for position, label in enumerate(labels):
        groups[label].add(position)
    return {frozenset(group) for group in groups.values()}


def _assigned_partitions(member: Mapping[str, Any]) -> list[int]:
    assignment = member["member_assignment"]
    return sorted(
        number for topic in (assignment or {}).get("assigned_partitions", ()) for number in topic["partitions"]
    )


def _message(record: Any) -> Message:
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        timestamp_ms=record.timestamp,
    )
