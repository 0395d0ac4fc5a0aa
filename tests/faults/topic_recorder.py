"""Record the content of a scenario's topics and the commits of its group for the checker.

The recorder shares no code with the worker: it has plain clients and its own positions. Its consumer reads committed
records only, so that it sees either all or no records of a transaction.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition, errors

from tests.faults.checker import History, Position, Record
from tests.support import TopicNames

T = TypeVar("T")

#: Seconds until a broker responds, including its restart.
_BROKER_SECONDS: Final = 60.0

#: Milliseconds for one poll and for one request.
_POLL_MS: Final = 200
_REQUEST_MS: Final = 5_000

#: Errors of a client while the broker is away or starts.
_AWAY: Final = (errors.KafkaError, OSError, TimeoutError)


@dataclass(kw_only=True)
class TopicRecorder:
    """A reader of one scenario's topics. `corrupt` has the positions of the input topic that no client can decode."""

    bootstrap_servers: str
    topics: TopicNames
    corrupt: set[Position] = field(default_factory=set)
    _records: dict[str, list[Record]] = field(default_factory=dict, init=False)
    _positions: dict[TopicPartition, int] = field(default_factory=dict, init=False)
    _consumer: KafkaConsumer | None = field(default=None, init=False)
    _admin: KafkaAdminClient | None = field(default=None, init=False)

    def ends(self) -> Mapping[int, int]:
        """Return the end offset of each partition of the input topic that is not empty."""
        partitions = self._partitions([self.topics.articles])
        ends = self._retry(lambda: self._open_consumer().end_offsets(partitions, timeout_ms=_REQUEST_MS))
        return {partition.partition: end for partition, end in ends.items() if end}

    def committed(self) -> Mapping[int, int]:
        """Return the committed offset of each partition of the input topic that has one."""
        partitions = self._partitions([self.topics.articles])
        group_id = self.topics.group_id
        offsets = self._retry(lambda: self._open_admin().list_group_offsets({group_id: partitions})[group_id])
        return {partition.partition: entry.offset for partition, entry in offsets.items() if entry.offset >= 0}

    def group(self) -> Mapping[str, Any]:
        """Return the coordinator's description of the group."""
        group_id = self.topics.group_id
        description: Mapping[str, Any] = self._retry(lambda: self._open_admin().describe_groups([group_id])[group_id])
        return description

    def read(self) -> History:
        """Read the commits, then all topics to their ends, and return everything recorded so far."""
        committed = self.committed()
        partitions = self._partitions([self.topics.articles, *self.topics.outputs])
        ends = self._retry(lambda: self._open_consumer().end_offsets(partitions, timeout_ms=_REQUEST_MS))
        self._assign(partitions)
        deadline = time.monotonic() + _BROKER_SECONDS
        while not all(self._position(partition) >= ends[partition] for partition in partitions):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"the ends of the topics: not within {_BROKER_SECONDS:g} s")
            self._poll(partitions)
        return History(
            articles=self._recorded(self.topics.articles),
            new=self._recorded(self.topics.new),
            variants=self._recorded(self.topics.variants),
            merged=self._recorded(self.topics.merged),
            dead=self._recorded(self.topics.dead),
            committed=committed,
        )

    def close(self) -> None:
        """Close the clients."""
        for client in (self._consumer, self._admin):
            if client is not None:
                client.close()
        self._consumer = self._admin = None

    def _recorded(self, topic: str) -> list[Record]:
        return sorted(self._records.get(topic, ()), key=lambda record: record.position)

    def _poll(self, partitions: list[TopicPartition]) -> None:
        try:
            batches = self._open_consumer().poll(timeout_ms=_POLL_MS)
        except _AWAY as error:
            if not self._skip_corrupt():
                raise error from None
        except Exception:  # the decoder raises any kind of exception for a corrupt record
            if not self._skip_corrupt():
                raise
        else:
            for partition, records in batches.items():
                self._records.setdefault(partition.topic, []).extend(_record(record) for record in records)
                self._positions[partition] = records[-1].offset + 1
            return
        self._assign(partitions)

    def _skip_corrupt(self) -> bool:
        """Record the corrupt positions that are next, and return whether there are any.

        They need a new consumer, because the old one would fail at the same record without end.
        """
        topic = self.topics.articles
        skipped = [
            position
            for position in self.corrupt
            if self._positions.get(TopicPartition(topic, position[0]), 0) == position[1]
        ]
        for partition, offset in skipped:
            record = Record(topic=topic, partition=partition, offset=offset, is_corrupt=True)
            self._records.setdefault(topic, []).append(record)
            self._positions[TopicPartition(topic, partition)] = offset + 1
        if skipped:
            self._close_consumer()
        return bool(skipped)

    def _assign(self, partitions: list[TopicPartition]) -> None:
        consumer = self._open_consumer()
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, self._positions.get(partition, 0))

    def _position(self, partition: TopicPartition) -> int:
        # Markers of transactions may follow the last record. Only the consumer's position counts them.
        return int(self._retry(lambda: self._open_consumer().position(partition, timeout_ms=_REQUEST_MS)))

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        partitions = []
        for topic in topics:
            numbers = self._retry(partial(self._partition_numbers, topic))
            partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
        return partitions

    def _partition_numbers(self, topic: str) -> Iterable[int]:
        return self._open_consumer().partitions_for_topic(topic) or ()

    def _retry(self, request: Callable[[], T]) -> T:
        """Repeat a request until it succeeds, because the scenario may just have restarted the broker."""
        deadline = time.monotonic() + _BROKER_SECONDS
        while True:
            try:
                return request()
            except _AWAY:
                if time.monotonic() >= deadline:
                    raise
                self._close_admin()

    def _open_consumer(self) -> KafkaConsumer:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                bootstrap_servers=self.bootstrap_servers,
                isolation_level="read_committed",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                reconnect_backoff_max_ms=500,
            )
        return self._consumer

    def _open_admin(self) -> KafkaAdminClient:
        if self._admin is None:
            self._admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=_REQUEST_MS)
        return self._admin

    def _close_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(timeout_ms=_POLL_MS)

    def _close_admin(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()


def _record(record: Any) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
    )
