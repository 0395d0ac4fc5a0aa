"""Polls are bounded by decompressed bytes, for every codec, on record batches in memory."""

import random
import tracemalloc
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecordsBuilder

from reprise.kafka.bounded_fetch import FetchLimits, OversizedRecord, bound_fetches
from reprise.kafka.conversions import to_input
from reprise.model import CorruptRecord, DeadLetterReason

PARTITION = TopicPartition("articles", 0)

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

KIB, MIB = 1 << 10, 1 << 20


def batch_of(values: Sequence[bytes], codec: str, headers: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """Return a record batch with these values at the offsets from 0."""
    builder = MemoryRecordsBuilder(magic=2, compression_type=CODECS[codec], batch_size=1 << 30)
    for value in values:
        builder.append(timestamp=1_700_000_000_000, key=b"key", value=value, headers=list(headers))
    builder.close()
    return bytes(builder.buffer())


class FakeFetcher:
    """The part of the client's fetcher that `bound_fetches` changes, over the bytes of one fetch."""

    PartitionRecords: Callable[..., Any] = Fetcher.PartitionRecords

    def __init__(self, fetched: bytes, offset: int = 0) -> None:
        self._append: Callable[..., int] = self._append_records
        self._fetched = fetched
        self._offset = offset
        self._part: Any = None

    def _append_records(self, drained: list[Any], part: Any, max_records: int, update_offsets: bool) -> int:
        records = part.take(max_records)
        drained.extend(records)
        return len(records)

    def poll(self, max_records: int = 500) -> list[Any]:
        """Return records as Fetcher.fetched_records does."""
        if self._part is None:
            self._part = self.PartitionRecords(self._offset, PARTITION, MemoryRecords(self._fetched))
        drained: list[Any] = []
        left = max_records
        while left > 0 and self._part:
            left -= self._append(drained, self._part, left, True)
        return drained


class BoundedPolls:
    def __init__(self, fetched: bytes, offset: int = 0, **limits: int) -> None:
        self.fetcher = FakeFetcher(fetched, offset)
        bounds = {"poll_bytes": MIB, "record_bytes": 5 * MIB, **limits}
        consumer: Any = SimpleNamespace(_fetcher=self.fetcher)
        self.budget = bound_fetches(consumer, FetchLimits(**bounds))

    def poll(self, max_records: int = 500) -> list[Any]:
        self.budget.restart()
        return self.fetcher.poll(max_records)

    def all_polls(self) -> list[list[Any]]:
        polls = []
        while records := self.poll():
            polls.append(records)
        return polls


@pytest.mark.parametrize("codec", CODECS)
def test_records_are_those_of_the_client(codec: str) -> None:
    """Offsets, keys, values, headers and timestamps are equal, empty and null values among them."""
    values = [b"", b"x", *(bytes([number]) * (number * 497) for number in range(50))]
    fetched = batch_of(values, codec, [("a", b"1"), ("b", b"")]) + batch_of([b"next batch"], codec)
    assert BoundedPolls(fetched, poll_bytes=64 * MIB).poll() == FakeFetcher(fetched).poll()


@pytest.mark.parametrize("codec", CODECS)
def test_a_poll_ends_with_the_record_that_reaches_the_bound(codec: str) -> None:
    """The other records come with the next polls, each once and in order."""
    polls = BoundedPolls(batch_of([b"x" * 300 * KIB] * 20, codec)).all_polls()
    assert [len(records) for records in polls] == [4] * 5
    assert [record.offset for records in polls for record in records] == list(range(20))


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "snappy"])
def test_memory_does_not_grow_with_the_batch(codec: str) -> None:
    """A batch of 12 MiB is read with the memory of a poll and a record."""
    fetched = batch_of([b"y" * 256 * KIB] * 48, codec)
    polls = BoundedPolls(fetched, poll_bytes=256 * KIB)
    tracemalloc.start()
    try:
        count = 0
        while records := polls.poll():
            count += len(records)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 48
    assert peak < 2 * MIB + 2 * len(fetched)


@pytest.mark.parametrize("codec", CODECS)
def test_a_record_above_the_limit_is_passed_over(codec: str) -> None:
    """Its place has a corrupt record with the reason. The records around it are read, in polls that are bounded."""
    fetched = batch_of([b"before", b"z" * 3 * MIB, b"after"], codec)
    polls = BoundedPolls(fetched, record_bytes=2 * MIB).all_polls()
    assert [[record.offset for record in records] for records in polls] == [[0, 1], [2]]
    message = to_input(polls[0][1], assignment=3)
    assert isinstance(message, CorruptRecord)
    assert (message.offset, message.assignment) == (1, 3)
    assert message.reason is DeadLetterReason.MESSAGE_TOO_LARGE
    assert message.detail.endswith("bytes with key and headers")
    assert polls[0][1].timestamp == 1_700_000_000_000


def test_a_record_with_too_many_headers_is_passed_over() -> None:
    """A header of two bytes takes a hundred bytes of memory."""
    fetched = batch_of([b"v"], "gzip", [("", b"")] * 1001) + batch_of([b"v"], "gzip", [("", b"")] * 1000)
    (first, second) = BoundedPolls(fetched).poll()
    assert isinstance(first.value, OversizedRecord)
    assert first.value.reason == "1001 headers"
    assert second.value == b"v"
    assert len(second.headers) == 1000


def test_an_offset_in_the_middle_of_a_batch_is_found() -> None:
    """The records before it are decompressed and dropped."""
    fetched = batch_of([b"x" * 300 * KIB] * 20, "gzip")
    assert [record.offset for record in BoundedPolls(fetched, offset=13).poll()] == [13, 14, 15, 16]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "snappy"])
def test_a_truncated_batch_raises_after_its_whole_records(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next poll raises, as the client does for a batch that cannot be decompressed."""
    monkeypatch.setattr(DefaultRecordBatch, "validate_crc", lambda _: True)
    values = [random.Random(number).randbytes(100 * KIB) for number in range(8)]
    whole = batch_of(values, codec)
    cut = bytearray(whole[: len(whole) // 2])
    cut[8:12] = (len(cut) - 12).to_bytes(4, "big")
    polls = BoundedPolls(bytes(cut))
    read = []
    error = None
    while error is None:
        try:
            read += polls.poll(max_records=1)
        except Exception as raised:
            error = raised
    assert [record.value for record in read] == values[: len(read)]
    assert len(read) < 8


def test_bytes_behind_the_last_record_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of records in the head of a batch is too small."""
    monkeypatch.setattr(DefaultRecordBatch, "validate_crc", lambda _: True)
    builder = DefaultRecordBatchBuilder(2, 1, False, -1, -1, -1, 1 << 20)
    for offset in range(2):
        builder.append(offset, 1, b"k", b"v", [])
    built = bytearray(builder.build())
    built[57:61] = (1).to_bytes(4, "big")
    polls = BoundedPolls(bytes(built), record_bytes=MIB)
    assert len(polls.poll(max_records=1)) == 1
    with pytest.raises(CorruptRecordError, match="unconsumed bytes"):
        polls.poll()


def test_a_snappy_block_cannot_claim_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """The codec would allocate four gigabytes for these seven bytes."""
    monkeypatch.setattr(DefaultRecordBatch, "validate_crc", lambda _: True)
    whole = batch_of([b"x" * 1000], "snappy")
    head = whole[:61]
    fetched = bytearray(head + b"\xff\xff\xff\xff\x0f\x00x")
    fetched[8:12] = (len(fetched) - 12).to_bytes(4, "big")
    with pytest.raises(CorruptRecordError, match="claims to hold"):
        BoundedPolls(bytes(fetched)).poll()
