"""Bound the memory of a poll: it ends after a number of bytes, and decompresses record batches in pieces.

Defect of the client: `poll(max_records)` bounds the number of records, not their bytes, and a record batch is
decompressed as a whole. One megabyte of gzip can become a gigabyte, twice in memory, before the first record is
returned.
Met with: 3.0.12. Upstream: no issue known. The Java client decompresses while it iterates, but has no bound of bytes.
Remove when: a poll has a bound of bytes, and record batches are decompressed while they are iterated.

With these functions a poll holds the records that it returns, one record more, and one piece of its record batch. A
record that is larger than a record may be is passed over while it is decompressed; an OversizedRecord takes its place.
Record batches of message formats before version 2 (Kafka 0.11) are still decompressed as a whole.
"""

import gzip
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import lz4.frame
import snappy
import zstandard
from kafka import KafkaConsumer, errors
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

#: Bytes that are decompressed at once.
_PIECE_BYTES: Final = 65_536

#: Bytes of the longest head of a record: its length, attributes, timestamp and offset.
_HEAD_BYTES: Final = 5 + 1 + 10 + 5

#: Bytes of Python objects for a record and for one of its headers, beside their content. They count as bytes of a poll.
_RECORD_OVERHEAD: Final = 500
_HEADER_OVERHEAD: Final = 150

#: Snappy can expand three bytes to 64. A block that claims more is corrupt; the codec would allocate what it claims.
_SNAPPY_MAX_RATIO: Final = 32

#: Bytes of the head of a stream of snappy blocks, and the magic bytes that it begins with.
_XERIAL_HEAD_BYTES: Final = 16
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """Bounds of a poll.

    poll_bytes      a poll ends with the record that reaches this many bytes of keys, values and headers
    record_bytes    bytes of a record; a larger one becomes an OversizedRecord
    record_headers  headers of a record; one with more becomes an OversizedRecord, as each header is three objects
    """

    poll_bytes: int
    record_bytes: int
    record_headers: int = 1_000


class OversizedRecord(bytes):
    """The empty value of a record that exceeds the limits.

    length  bytes of the record; all of them were decompressed
    reason  one line for people
    """

    length: int
    reason: str

    def __new__(cls, length: int, reason: str) -> "OversizedRecord":
        """Make an empty value for a record of `length` bytes."""
        value = super().__new__(cls)
        value.length, value.reason = length, reason
        return value


class PollBudget:
    """The bytes that the current poll may still return."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits
        self._bytes_left = limits.poll_bytes

    def restart(self) -> None:
        """Begin a poll."""
        self._bytes_left = self._limits.poll_bytes

    @property
    def is_spent(self) -> bool:
        """Whether the poll has returned its bytes."""
        return self._bytes_left <= 0

    def spend(self, record: Any) -> None:
        """Count a record of the client, and the bytes that were decompressed to pass over it."""
        if isinstance(record.value, OversizedRecord):
            self._bytes_left -= record.value.length
        sizes = (record.serialized_key_size, record.serialized_value_size, record.serialized_header_size)
        self._bytes_left -= sum(size for size in sizes if size > 0)
        self._bytes_left -= _RECORD_OVERHEAD + _HEADER_OVERHEAD * len(record.headers)


def bound_fetches(consumer: KafkaConsumer, limits: FetchLimits) -> PollBudget:
    """Make the polls of a consumer keep to the limits. Call `restart` of the returned budget before each poll."""
    budget, fetcher = PollBudget(limits), consumer._fetcher
    append = fetcher._append

    def append_within_budget(drained: Any, part: Any, max_records: int, update_offsets: bool) -> int:
        count: int = append(drained, part, max_records, update_offsets)
        # The fetcher stops once it has as many records as it was asked for. The others stay in `part`.
        return max_records if budget.is_spent else count

    fetcher.PartitionRecords = partial(_BoundedPartitionRecords, budget, limits)
    fetcher._append = append_within_budget
    return budget


class _BoundedPartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc] # the client has no types
    """The fetched records of a partition, of which `take` returns as many as the budget has bytes for."""

    def __init__(self, budget: PollBudget, limits: FetchLimits, *args: Any, **options: Any) -> None:
        self._budget = budget
        self._limits = limits
        super().__init__(*args, **options)

    def take(self, n: int | None = None) -> list[Any]:
        """Return up to `n` records: the next ones, up to the one that spends the budget."""
        self._maybe_raise_next_inline_exception()
        taken: list[Any] = []
        try:
            while (n is None or len(taken) < n) and not self._budget.is_spent:
                record = next(self.record_iterator, None)
                if record is None:
                    break
                self._budget.spend(record)
                taken.append(record)
        except Exception as error:
            if not taken:
                raise
            self._next_inline_exception = error  # the next call raises it, as in the client
        return taken

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        unpacked: Iterator[Any] = super()._unpack_records(tp, _StreamedRecords(records, self._limits), *deserializers)
        return unpacked


class _StreamedRecords:
    """The batches of a fetch, each to be decompressed while it is iterated."""

    def __init__(self, records: Any, limits: FetchLimits) -> None:
        self._records = records
        self._limits = limits

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        return _StreamedBatch(batch, self._limits) if isinstance(batch, DefaultRecordBatch) else batch


class _Stream(Protocol):
    """Decompressed bytes; `read` returns no bytes at the end."""

    def read(self, size: int, /) -> bytes: ...


class _StreamedBatch(DefaultRecordBatch):  # type: ignore[misc] # the client has no types
    """A record batch whose buffer holds a piece of the decompressed bytes, from the next record on."""

    # the client's attributes that this class changes
    _buffer: bytearray
    _pos: int
    _decompressed: bool
    _next_record_index: int

    def __init__(self, batch: DefaultRecordBatch, limits: FetchLimits) -> None:
        for name in DefaultRecordBatch.__slots__:
            setattr(self, name, getattr(batch, name))
        self._limits = limits
        self._stream: _Stream | None = None

    def __iter__(self) -> "_StreamedBatch":
        return self

    def __next__(self) -> DefaultRecord:
        if not self._decompressed:
            self._open_stream()
        try:
            if self._next_record_index >= self._num_records:
                if self._available(1):
                    raise errors.CorruptRecordError("unconsumed bytes after all records consumed")
                raise StopIteration
            record = self._read_record()
        except (ValueError, IndexError, struct.error) as error:
            raise errors.CorruptRecordError(f"Found invalid record structure: {error!r}") from error
        self._next_record_index += 1
        return record

    next = __next__

    def _open_stream(self) -> None:
        self._decompressed = True
        if self.compression_type == self.CODEC_NONE:
            return
        self._assert_has_codec(self.compression_type)
        self._stream = _open_stream(self.compression_type, bytes(memoryview(self._buffer)[self._pos :]))
        self._buffer, self._pos = bytearray(), 0

    def _available(self, count: int) -> bool:
        """Decompress until the buffer holds this many bytes from the position on; return whether it does."""
        if len(self._buffer) - self._pos < count and self._stream is not None:
            del self._buffer[: self._pos]
            self._pos = 0
            while len(self._buffer) < count:
                piece = self._stream.read(max(_PIECE_BYTES, count - len(self._buffer)))
                if not piece:
                    break
                self._buffer += piece
        return len(self._buffer) - self._pos >= count

    def _read_record(self) -> DefaultRecord:
        self._available(_HEAD_BYTES)
        length, start = decode_varint(self._buffer, self._pos)
        if length < 0:
            raise ValueError(f"length {length}")
        if length > self._limits.record_bytes:
            return self._pass_over(length, f"{length} bytes with key and headers")
        # the head of a short last record may be all that is left
        if not self._available(start - self._pos + length):
            raise ValueError("the record is truncated")
        headers = self._count_headers()
        if headers > self._limits.record_headers:
            return self._pass_over(length, f"{headers} headers")
        return self._read_msg()

    def _count_headers(self) -> int:
        """Return the number of headers of the next record, which the buffer holds."""
        buffer, position = self._buffer, self._pos
        _, position = decode_varint(buffer, position)
        for _ in range(3):  # attributes, timestamp, offset
            _, position = decode_varint(buffer, position)
        for _ in range(2):  # key, value
            size, position = decode_varint(buffer, position)
            position += max(0, size)
        count: int = decode_varint(buffer, position)[0]
        return count

    def _pass_over(self, length: int, reason: str) -> DefaultRecord:
        """Discard the next record while it is decompressed, and return one with an OversizedRecord as its value."""
        buffer, position = self._buffer, self._pos
        _, start = decode_varint(buffer, position)
        _, position = decode_varint(buffer, start)
        timestamp_delta, position = decode_varint(buffer, position)
        offset_delta, _ = decode_varint(buffer, position)
        self._pos, left = start, length
        while left:
            if not self._available(1):
                raise ValueError("the record is truncated")
            passed = min(left, len(self._buffer) - self._pos)
            self._pos += passed
            left -= passed
        is_append_time = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if is_append_time else self.first_timestamp + timestamp_delta
        value, offset = OversizedRecord(length, reason), self.base_offset + offset_delta
        return DefaultRecord(length, offset, timestamp, self.timestamp_type, None, value, [])


def _open_stream(codec: int, compressed: bytes) -> _Stream:
    if codec == DefaultRecordBatch.CODEC_GZIP:
        return gzip.GzipFile(fileobj=io.BytesIO(compressed))
    if codec == DefaultRecordBatch.CODEC_LZ4:
        stream: _Stream = lz4.frame.LZ4FrameFile(io.BytesIO(compressed))
        return stream
    if codec == DefaultRecordBatch.CODEC_ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(compressed, read_across_frames=True)
    return _SnappyStream(compressed)


class _SnappyStream:
    """Decompressed snappy: a stream of blocks as Kafka's producers write it (Xerial's format), or one block."""

    def __init__(self, compressed: bytes) -> None:
        self._blocks = self._split(compressed)

    def read(self, _size: int, /) -> bytes:
        """Return the next block that is not empty, whatever the size."""
        for block in self._blocks:
            claimed, shift = 0, 0
            for byte in block[:5]:
                claimed |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            if claimed > _SNAPPY_MAX_RATIO * len(block):
                raise errors.CorruptRecordError(f"a snappy block of {len(block)} bytes claims to hold {claimed}")
            content: bytes = snappy.decompress(block)
            if content:
                return content
        return b""

    @staticmethod
    def _split(compressed: bytes) -> Iterator[bytes]:
        if len(compressed) <= _XERIAL_HEAD_BYTES or not compressed.startswith(_XERIAL_MAGIC):
            yield compressed
            return
        position = _XERIAL_HEAD_BYTES
        while position < len(compressed):
            (size,) = struct.unpack_from("!i", compressed, position)
            position += 4
            yield compressed[position : position + size]
            position += max(0, size)
