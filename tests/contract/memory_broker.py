"""A broker in memory with a source and a sink, for tests of the pipeline.

The contract tests run with it and with Kafka, so that results of the pipeline's tests are valid for Kafka, too.
"""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reprise.errors import Unreachable
from reprise.model import CorruptRecord, Message, OutputRecord
from reprise.processing.batch import next_offsets
from reprise.processing.ports import Partition

#: Maximum bytes of key, value and headers: the default of a broker.
MAX_RECORD_BYTES = 1_048_576


class MemoryBroker:
    def __init__(self, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self.max_record_bytes = max_record_bytes
        self.log: dict[Partition, list[Message | CorruptRecord]] = {}
        self.committed: dict[tuple[str, Partition], int] = {}
        self.offset_metadata: dict[tuple[str, Partition], str] = {}
        self.groups: dict[str, list[MemorySource]] = defaultdict(list)
        self.is_down = False

    def create(self, topic: str, partitions: int = 1) -> None:
        for number in range(partitions):
            self.log.setdefault((topic, number), [])

    def append(self, topic: str, record: OutputRecord, partition: int = 0) -> None:
        self.create(topic, partition + 1)
        log = self.log[topic, partition]
        log.append(
            Message(
                topic=topic,
                partition=partition,
                offset=len(log),
                key=record.key,
                value=record.value,
                headers=record.headers,
                timestamp_ms=0,
            )
        )

    def corrupt(self, topic: str, partition: int, offset: int) -> None:
        self.log[topic, partition][offset] = CorruptRecord(
            topic=topic, partition=partition, offset=offset, detail="corrupt"
        )

    def messages(self, topic: str) -> list[Message]:
        logs = [log for (name, _), log in sorted(self.log.items()) if name == topic]
        return [message for log in logs for message in log if isinstance(message, Message)]

    def check_reachable(self) -> None:
        if self.is_down:
            raise Unreachable("the broker is down")

    def rebalance(self, group: str) -> None:
        """Assign all partitions. Kept partitions keep their position; new ones start at their committed offset."""
        members = self.groups[group]
        owners: dict[Partition, MemorySource] = {}
        for number, partition in enumerate(sorted(self.log)):
            subscribed = [member for member in members if partition[0] in member.topics]
            if subscribed:
                owners[partition] = subscribed[number % len(subscribed)]
        for member in members:
            member.assign({partition for partition, owner in owners.items() if owner is member})


@dataclass
class MemorySource:
    broker: MemoryBroker
    topics: Sequence[str]
    group: str = "group"
    batch_max: int = 500

    def __post_init__(self) -> None:
        self.positions: dict[Partition, int] = {}
        self.epochs: dict[Partition, int] = defaultdict(int)
        self.paused = False
        self.broker.groups[self.group].append(self)
        self.broker.rebalance(self.group)

    def assign(self, partitions: set[Partition]) -> None:
        for revoked in self.positions.keys() - partitions:
            del self.positions[revoked]
            self.epochs[revoked] += 1
        for new in partitions - self.positions.keys():
            self.epochs[new] += 1
            self.positions[new] = self.broker.committed.get((self.group, new), 0)

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        self.broker.check_reachable()
        batch: list[Message | CorruptRecord] = []
        for partition, position in () if self.paused else self.positions.items():
            batch += self.broker.log[partition][position : position + self.batch_max - len(batch)]
        for message in batch:
            partition = (message.topic, message.partition)
            self.positions[partition] = message.offset + 1
        return [replace(message, assignment=self.epochs[message.topic, message.partition]) for message in batch]

    def commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str, timeout_seconds: float) -> None:
        self.broker.check_reachable()
        owned = [message for message in messages if message.assignment == self.epochs[message.topic, message.partition]]
        for partition, offset in next_offsets(owned).items():
            self.broker.committed[self.group, partition] = offset
            self.broker.offset_metadata[self.group, partition] = offset_metadata

    def start_commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str) -> "CompletedCommit":
        self.commit(messages, offset_metadata, timeout_seconds=0)
        return CompletedCommit()

    def read_offset_metadata(self) -> Sequence[str]:
        self.broker.check_reachable()
        return [self.broker.offset_metadata.get((self.group, partition), "") for partition in self.positions]

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        members = self.broker.groups[self.group]
        if self in members:
            members.remove(self)
            self.broker.rebalance(self.group)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


@dataclass
class MemorySink:
    broker: MemoryBroker

    def __post_init__(self) -> None:
        self.in_flight: list[OutputRecord] = []

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        self.broker.check_reachable()
        too_large = [index for index, record in enumerate(records) if size(record) > self.broker.max_record_bytes]
        self.in_flight += [record for index, record in enumerate(records) if index not in too_large]
        return too_large

    def flush(self) -> None:
        in_flight, self.in_flight = self.in_flight, []
        self.broker.check_reachable()
        for record in in_flight:
            partitions = sum(topic == record.topic for topic, _ in self.broker.log) or 1
            self.broker.append(record.topic, record, zlib.crc32(record.key or b"") % partitions)

    def close(self) -> None:
        pass


def size(record: OutputRecord) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


class CompletedCommit:
    """A commit that has succeeded."""

    def wait(self, timeout_seconds: float) -> bool:
        return True
