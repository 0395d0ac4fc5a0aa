"""What the topics hold and what the group committed, read on while a scenario runs; the judge's eyes.

It shares nothing with the worker either: plain clients, and positions of its own. A reader of committed records sees of
a transaction all or nothing, and of the rest everything.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition, errors

from tests.faults.checker import History, Place, Record
from tests.support import TopicNames

T = TypeVar("T")

#: Seconds for a broker to answer, its restart included.
_ASK_SECONDS: Final = 60.0

#: Milliseconds of one poll, and of one question.
_POLL_MS: Final = 200
_QUESTION_MS: Final = 5_000

#: What a consumer raises of a broker that is away, or not yet itself again.
_AWAY: Final = (errors.KafkaError, OSError, TimeoutError)


@dataclass(kw_only=True)
class Tape:
    """Readers of one scenario's topics. `damaged` names the positions of the articles that no client can decode."""

    bootstrap_servers: str
    topics: TopicNames
    damaged: set[Place] = field(default_factory=set)
    _records: dict[str, list[Record]] = field(default_factory=dict, init=False)
    _positions: dict[TopicPartition, int] = field(default_factory=dict, init=False)
    _consumer: KafkaConsumer | None = field(default=None, init=False)
    _admin: KafkaAdminClient | None = field(default=None, init=False)

    def ends(self) -> Mapping[int, int]:
        """Return the end of each partition of the articles that holds anything."""
        partitions = self._partitions([self.topics.articles])
        ends = self._ask(lambda: self._reader().end_offsets(partitions, timeout_ms=_QUESTION_MS))
        return {partition.partition: end for partition, end in ends.items() if end}

    def committed(self) -> Mapping[int, int]:
        """Return what the group committed, for each partition with anything."""
        partitions = self._partitions([self.topics.articles])
        group_id = self.topics.group_id
        found = self._ask(lambda: self._asker().list_group_offsets({group_id: partitions})[group_id])
        return {partition.partition: each.offset for partition, each in found.items() if each.offset >= 0}

    def group(self) -> Mapping[str, Any]:
        """Return the group as its coordinator describes it."""
        group_id = self.topics.group_id
        described: Mapping[str, Any] = self._ask(lambda: self._asker().describe_groups([group_id])[group_id])
        return described

    def read(self) -> History:
        """Read on to the ends of all topics, and return all that was ever read. The commits are those before it."""
        committed = self.committed()
        partitions = self._partitions([self.topics.articles, self.topics.new, self.topics.variants, self.topics.dead])
        ends = self._ask(lambda: self._reader().end_offsets(partitions, timeout_ms=_QUESTION_MS))
        self._assign(partitions)
        until = time.monotonic() + _ASK_SECONDS
        while not all(self._position(partition) >= ends[partition] for partition in partitions):
            if time.monotonic() >= until:
                raise TimeoutError(f"the ends of the topics: not within {_ASK_SECONDS:g} s")
            self._poll(partitions)
        return History(
            articles=self._of(self.topics.articles),
            new=self._of(self.topics.new),
            variants=self._of(self.topics.variants),
            dead=self._of(self.topics.dead),
            committed=committed,
        )

    def close(self) -> None:
        """Free the clients."""
        for client in (self._consumer, self._admin):
            if client is not None:
                client.close()
        self._consumer = self._admin = None

    def _of(self, topic: str) -> list[Record]:
        return sorted(self._records.get(topic, ()), key=lambda record: record.place)

    def _poll(self, partitions: list[TopicPartition]) -> None:
        try:
            batches = self._reader().poll(timeout_ms=_POLL_MS)
        except _AWAY as error:
            if not self._step_over():
                raise error from None
        except Exception:  # a decoder raises anything of a damaged record
            if not self._step_over():
                raise
        else:
            for partition, records in batches.items():
                self._records.setdefault(partition.topic, []).extend(_record(each) for each in records)
                self._positions[partition] = records[-1].offset + 1
            return
        self._assign(partitions)

    def _step_over(self) -> bool:
        """Note the damaged position in line, and begin with a new consumer: the old one would spin for ever."""
        topic = self.topics.articles
        found = [place for place in self.damaged if self._positions.get(TopicPartition(topic, place[0]), 0) == place[1]]
        for partition, offset in found:
            record = Record(topic=topic, partition=partition, offset=offset, damaged=True)
            self._records.setdefault(topic, []).append(record)
            self._positions[TopicPartition(topic, partition)] = offset + 1
        if found:
            self._forget_reader()
        return bool(found)

    def _assign(self, partitions: list[TopicPartition]) -> None:
        reader = self._reader()
        reader.assign(partitions)
        for partition in partitions:
            reader.seek(partition, self._positions.get(partition, 0))

    def _position(self, partition: TopicPartition) -> int:
        # past the last record there may be the marks of transactions, which only the consumer counts
        return int(self._ask(lambda: self._reader().position(partition, timeout_ms=_QUESTION_MS)))

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        found = []
        for topic in topics:
            numbers = self._ask(lambda topic=topic: self._reader().partitions_for_topic(topic) or ())  # type: ignore[misc]
            found += [TopicPartition(topic, number) for number in sorted(numbers)]
        return found

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask until there is an answer: the scenario may just have restarted the broker."""
        until = time.monotonic() + _ASK_SECONDS
        while True:
            try:
                return question()
            except _AWAY:
                if time.monotonic() >= until:
                    raise
                self._forget_asker()

    def _reader(self) -> KafkaConsumer:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                bootstrap_servers=self.bootstrap_servers,
                isolation_level="read_committed",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                reconnect_backoff_max_ms=500,
            )
        return self._consumer

    def _asker(self) -> KafkaAdminClient:
        if self._admin is None:
            self._admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=_QUESTION_MS)
        return self._admin

    def _forget_reader(self) -> None:
        reader, self._consumer = self._consumer, None
        if reader is not None:
            reader.close(timeout_ms=_POLL_MS)

    def _forget_asker(self) -> None:
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
