"""Corrupt record batches in the log segment of a stopped broker, so that no client can decode them.

Fields of a batch of format 2: base offset (8 bytes), length of the rest (4), leader epoch (4), magic (1), CRC-32C
of the rest (4), attributes (2, the codec in the lowest three bits), last offset delta (4), and more.
https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from enum import StrEnum
from pathlib import Path
from typing import Final

from crc32c import crc32c

#: Offsets of fields in a batch, in bytes.
_LENGTH, _CRC, _ATTRIBUTES, _LAST_DELTA = 8, 17, 21, 23

#: Bytes before those that the length counts.
_BEFORE_LENGTH: Final = 12

#: A codec that does not exist: Kafka has 0 to 4.
_UNKNOWN_CODEC: Final = 7


class BatchCorruption(StrEnum):
    """The kinds of corruption."""

    CHECKSUM = "corrupt"
    UNKNOWN_CODEC = "unknown codec"


def corrupt_batch(segment: Path, offset: int, corruption: BatchCorruption) -> set[int]:
    """Corrupt the batch with this offset and return all offsets in it. Raises LookupError if there is none."""
    log = bytearray(segment.read_bytes())
    start = 0
    while start < len(log):
        (base, length) = struct.unpack_from(">qi", log, start)
        (last,) = struct.unpack_from(">i", log, start + _LAST_DELTA)
        end = start + _BEFORE_LENGTH + length
        if base <= offset <= base + last:
            _corrupt(log, start, end, corruption)
            segment.write_bytes(log)
            return set(range(base, base + last + 1))
        start = end
    raise LookupError(offset)


def _corrupt(log: bytearray, start: int, end: int, corruption: BatchCorruption) -> None:
    match corruption:
        case BatchCorruption.CHECKSUM:
            log[end - 1] ^= 0xFF
        case BatchCorruption.UNKNOWN_CODEC:
            log[start + _ATTRIBUTES + 1] |= _UNKNOWN_CODEC
            struct.pack_into(">I", log, start + _CRC, crc32c(bytes(log[start + _ATTRIBUTES : end])))
