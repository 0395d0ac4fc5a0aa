"""What the end-to-end tests share: topics of their own, messages in, every event out, and a look at a running worker.

Place       names of a test's own on the session's servers, and the clients that look at them from outside
Raw, Event  a message on its way in, and an event as it was read; the `traceparent` says which belongs to which
probe, samples, wait_ready, wait_delivered      a running worker, seen as its operator sees it

Every event that is read is checked against the schema in the package and against the contract of its headers.
"""

import json
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from jsonschema import Draft202012Validator
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, errors
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.stack import wait_until
from reprise.messages.events import SCHEMA_ID, schema
from reprise.model import EventType, Message
from reprise.synthetic import CrawlOptions, generate_crawl
from tests.support import TopicNames, WorkerProcess

#: Seconds for anything that a broker answers at once.
BROKER_SECONDS: Final = 30.0

#: Seconds for a worker's process to be a ready member of its group, on a machine that is busy with others.
READY_SECONDS: Final = 60.0

#: Seconds for what a test produced to be delivered.
DELIVERY_SECONDS: Final = 90.0

#: Seconds for one answer of a worker's HTTP port, which comes from memory.
_HTTP_SECONDS: Final = 10.0

#: The headers of an event besides the trace context, as CloudEvents 1.0 names them in Kafka's binary mode.
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

#: What a broker says that never had a group, while it makes its offsets topic.
_NO_COORDINATOR_YET: Final = (
    errors.CoordinatorNotAvailableError,
    errors.NotCoordinatorError,
    errors.CoordinatorLoadInProgressError,
)

_VALIDATOR: Final = Draft202012Validator(schema())


def _new_trace() -> tuple[tuple[str, bytes], ...]:
    return (("traceparent", f"00-{uuid4().hex}-{uuid4().hex[:16]}-01".encode()),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A message to produce. Its headers begin with a trace context of its own, which its event must carry."""

    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = field(default_factory=_new_trace)

    @property
    def trace(self) -> bytes:
        """The `traceparent`."""
        return dict(self.headers)["traceparent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as a consumer read it, already checked."""

    body: Mapping[str, Any]
    message: Message

    @property
    def headers(self) -> Mapping[str, bytes]:
        """The record's headers."""
        return dict(self.message.headers)

    @property
    def trace(self) -> bytes:
        """The `traceparent` of the message it is about."""
        return self.headers["traceparent"]

    @property
    def content(self) -> tuple[object, ...]:
        """All that a repetition must repeat."""
        return (self.message.topic, self.message.key, self.message.value, self.message.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Topics, a group and a namespace that no other test uses, on a real Kafka and a real Redis."""

    kafka: str
    redis_url: str
    namespace: str
    topics: TopicNames
    admin: KafkaAdminClient
    consumer: KafkaConsumer
    producer: KafkaProducer

    def settings(self, **more: str) -> dict[str, str]:
        """Return the settings of a worker of this place; `more` by names without the prefix."""
        return {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "REPRISE_REDIS_URL": self.redis_url,
            "REPRISE_NAMESPACE": self.namespace,
            "REPRISE_EXPECTED_ARTICLES": "1000",
            "REPRISE_WINDOW_SECONDS": "3600",
            "REPRISE_REPLAY_SECONDS": "3600",
            "REPRISE_POLL_TIMEOUT_SECONDS": "0.2",
            **self.topics.environment(),
            **{f"REPRISE_{name}": value for name, value in more.items()},
        }

    def create_topics(self, partitions: int = 1) -> None:
        """Create the four topics; that of the articles gets so many partitions."""
        names = dict.fromkeys((self.topics.new, self.topics.variants, self.topics.dead), 1)
        counts = {**names, self.topics.articles: partitions}
        self.admin.create_topics(
            {name: {"num_partitions": count, "replication_factor": 1} for name, count in counts.items()},
            wait_for_metadata=True,
        )

    def send(self, messages: Iterable[Raw]) -> list[int]:
        """Produce the messages in order and return their offsets once all are acknowledged."""
        futures = [
            self.producer.send(
                self.topics.articles,
                key=each.key,
                value=each.value,
                headers=list(each.headers),
                partition=each.partition,
            )
            for each in messages
        ]
        self.producer.flush(timeout=BROKER_SECONDS)
        return [future.get(timeout=BROKER_SECONDS).offset for future in futures]

    def ends(self, topic: str) -> dict[int, int]:
        """Return the end offset of each partition."""
        partitions = self._partitions(topic)
        return {partition.partition: end for partition, end in self.consumer.end_offsets(partitions).items()}

    def written(self) -> int:
        """Return how many events there are."""
        return sum(sum(self.ends(topic).values()) for topic in (self.topics.new, self.topics.variants))

    def committed(self, group_id: str | None = None) -> dict[int, int]:
        """Return the position that the group committed, for each partition with one."""
        group_id = group_id or self.topics.group_id
        try:
            offsets = self.admin.list_group_offsets({group_id: self._partitions(self.topics.articles)})[group_id]
        except _NO_COORDINATOR_YET:
            return {}
        return {partition.partition: found.offset for partition, found in offsets.items() if found.offset >= 0}

    def members(self) -> dict[str, list[int]]:
        """Return the group's members with the partitions assigned to each; none unless the group is stable."""
        try:
            group = self.admin.describe_groups([self.topics.group_id])[self.topics.group_id]
        except _NO_COORDINATOR_YET:
            return {}
        if group["group_state"] != "Stable":
            return {}
        return {member["member_id"]: _assigned(member) for member in group["members"]}

    def read(self, topic: str, beginning: Mapping[int, int] | None = None) -> list[Message]:
        """Return every record of a topic, from the positions on, in the order of each partition."""
        partitions = self._partitions(topic)
        ends = self.ends(topic)
        self.consumer.assign(partitions)
        for partition in partitions:
            self.consumer.seek(partition, (beginning or {}).get(partition.partition, 0))
        found: list[Message] = []

        def everything() -> bool:
            for records in self.consumer.poll(timeout_ms=200).values():
                found.extend(_message(record) for record in records)
            return all(self.consumer.position(each) >= ends[each.partition] for each in partitions)

        wait_until(everything, BROKER_SECONDS, f"the end of {topic}")
        return found

    def events(self, namespaces: Mapping[bytes, str] | None = None) -> list[Event]:
        """Return every event of both topics, each of them checked.

        namespaces  by `traceparent`, those of messages that are not of the place's own
        """
        topics = {EventType.NEW: self.topics.new, EventType.VARIANT: self.topics.variants}
        return [
            checked(message, event_type, (namespaces or {}).get(dict(message.headers)["traceparent"], self.namespace))
            for event_type, topic in topics.items()
            for message in self.read(topic)
        ]

    def dead_letters(self) -> list[Message]:
        """Return everything in the dead letters."""
        return self.read(self.topics.dead)

    def _partitions(self, topic: str) -> list[TopicPartition]:
        numbers = self.consumer.partitions_for_topic(topic)
        return [TopicPartition(topic, number) for number in sorted(numbers or ())]


@contextmanager
def open_place(kafka: str, redis_url: str) -> Iterator[Place]:
    """Give a place whose topics are still to be created; they are deleted at the end."""
    namespace = f"e{uuid4().hex[:12]}"
    topics = TopicNames.of(namespace)
    with ExitStack() as closing:
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        closing.callback(admin.close)
        consumer = KafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False)
        closing.callback(consumer.close)
        producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5)
        closing.callback(producer.close, timeout=BROKER_SECONDS)
        place = Place(
            kafka=kafka,
            redis_url=redis_url,
            namespace=namespace,
            topics=topics,
            admin=admin,
            consumer=consumer,
            producer=producer,
        )
        yield place
        ours = [topics.articles, topics.new, topics.variants, topics.dead]
        admin.delete_topics(sorted(set(ours) & set(admin.list_topics())))


def checked(message: Message, event_type: EventType, namespace: str) -> Event:
    """Return the event of a record after checking its body and its headers. Raises AssertionError, ValidationError."""
    assert message.value is not None
    body = json.loads(message.value)
    _VALIDATOR.validate(body)
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
        "ce_dataschema": SCHEMA_ID,
        "content-type": "application/json",
    }
    event = Event(body=body, message=message)
    assert {name: event.headers[name].decode() for name in expected} == expected
    assert message.key == body["story_id"].encode()
    return event


def by_trace(events: Iterable[Event]) -> Mapping[bytes, list[Event]]:
    """Return the events of each message."""
    found: defaultdict[bytes, list[Event]] = defaultdict(list)
    for event in events:
        found[event.trace].append(event)
    return found


def one_each(messages: Sequence[Raw], events: Sequence[Event]) -> list[Event]:
    """Return the event of each message, in the order of the messages; fail unless each has exactly one."""
    found = by_trace(events)
    numbers = {trace: len(group) for trace, group in found.items()}
    assert numbers == {message.trace: 1 for message in messages}
    return [found[message.trace][0] for message in messages]


def groups(labels: Iterable[str]) -> set[frozenset[int]]:
    """Return which positions carry the same label, whatever the labels are."""
    members: defaultdict[str, set[int]] = defaultdict(set)
    for position, label in enumerate(labels):
        members[label].add(position)
    return {frozenset(group) for group in members.values()}


def article(**fields: str) -> bytes:
    """Return a message's value."""
    return json.dumps(fields, ensure_ascii=False).encode()


def seed_articles(seeds: Sequence[Path], *, with_source: bool) -> list[bytes]:
    """Return the five seeds as messages, in the order of their numbers: `000` to `004`, each of a site of its own."""
    return [
        article(
            id=path.stem[:3],
            text=path.read_text(encoding="utf-8"),
            **({"source": f"site-{path.stem[:3]}.example"} if with_source else {}),
        )
        for path in seeds
    ]


#: The stories of the seeds: four reprints of one report, and an article of its own.
SEED_STORIES: Final = {frozenset({"000", "001", "002", "003"}), frozenset({"004"})}


def stories(bodies: Iterable[Mapping[str, Any]]) -> set[frozenset[str]]:
    """Return the articles' ids, story by story."""
    members: defaultdict[str, set[str]] = defaultdict(set)
    for body in bodies:
        members[body["story_id"]].add(body["article"]["id"])
    return {frozenset(group) for group in members.values()}


def load_messages(count: int, *, partitions: int = 1, seed: int = 1) -> list[Raw]:
    """Return a synthetic crawl of short pages, half of them reprints, over the partitions in turn."""
    return [
        Raw(
            value=json.dumps(labelled.article).encode(),
            key=labelled.article["id"].encode(),
            partition=number % partitions,
        )
        for number, labelled in enumerate(
            generate_crawl(CrawlOptions(count=count, seed=seed, words=120, html=0.0, languages=("en",)))
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An HTTP answer; status 0 where nobody listens."""

    status: int
    body: str = ""


def probe(worker: WorkerProcess, path: str) -> Answered:
    """Ask a worker's HTTP port."""
    try:
        with urllib.request.urlopen(f"{worker.http}{path}", timeout=_HTTP_SECONDS) as answer:
            return Answered(status=answer.status, body=answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answered(status=error.code, body=error.read().decode())
    except OSError:
        return Answered(status=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One scrape of a worker."""

    samples: Sequence[tuple[str, Mapping[str, str], float]]

    def values(self, name: str, label: str) -> dict[str, float]:
        """Return the samples of a name by the value of a label, those that are 0 left out."""
        return {labels[label]: value for found, labels, value in self.samples if found == name and value}

    def total(self, name: str) -> float:
        """Return the sum over all labels. Raises LookupError where there is no such series."""
        values = [value for found, _, value in self.samples if found == name]
        if not values:
            raise LookupError(name)
        return sum(values)


def samples(worker: WorkerProcess) -> Samples:
    """Scrape a worker."""
    answer = probe(worker, "/metrics")
    assert answer.status == 200, worker.tail()
    return Samples(
        samples=[
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(answer.body)
            for sample in family.samples
        ]
    )


def wait_ready(worker: WorkerProcess) -> None:
    """Return when a worker says that it is ready; fail with the end of its log where it does not."""
    _while_running(worker, lambda: probe(worker, "/readyz").status == 200, READY_SECONDS, "a ready worker")


def wait_delivered(place: Place, *workers: WorkerProcess, group_id: str | None = None) -> None:
    """Return when everything produced so far is committed."""
    ends = {partition: end for partition, end in place.ends(place.topics.articles).items() if end}
    for worker in workers:
        _while_running(
            worker, lambda: place.committed(group_id).items() >= ends.items(), DELIVERY_SECONDS, "everything committed"
        )


def wait_counted(place: Place, *workers: WorkerProcess) -> None:
    """Return when these workers, which read everything, have counted it: that is a moment after the commit."""
    sent = sum(place.ends(place.topics.articles).values())
    wait_until(
        lambda: sum(samples(worker).total("reprise_articles_total") for worker in workers) >= sent,
        READY_SECONDS,
        "everything counted",
    )


def _while_running(worker: WorkerProcess, condition: Any, timeout_seconds: float, what: str) -> None:
    def met() -> bool:
        assert worker.process.poll() is None, f"the worker ended\n{worker.tail()}"
        return bool(condition())

    try:
        wait_until(met, timeout_seconds, what)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{worker.tail()}") from error


def _assigned(member: Mapping[str, Any]) -> list[int]:
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
