"""Record batches that no client can decode, written into the log of a broker that is down.

A batch of format 2: base offset (8 bytes), length of what follows (4), leader epoch (4), magic (1), CRC-32C of the rest
(4), attributes (2, the codec in the lowest three bits), last offset delta (4), and more.
https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from enum import StrEnum
from pathlib import Path
from typing import Final

from crc32c import crc32c

#: Where fields begin in a batch, in bytes.
_LENGTH, _CRC, _ATTRIBUTES, _LAST_DELTA = 8, 17, 21, 23

#: Bytes before those that the length counts.
_BEFORE_LENGTH: Final = 12

#: A codec that is none: Kafka has 0 to 4.
_UNKNOWN_CODEC: Final = 7


class Damage(StrEnum):
    """What is wrong with a batch."""

    CORRUPT = "corrupt"
    UNKNOWN_CODEC = "unknown codec"


def damage(segment: Path, offset: int, what: Damage) -> set[int]:
    """Damage the batch that holds an offset, and return all offsets in it. Raises LookupError where there is none."""
    log = bytearray(segment.read_bytes())
    at = 0
    while at < len(log):
        (base, length) = struct.unpack_from(">qi", log, at)
        (last,) = struct.unpack_from(">i", log, at + _LAST_DELTA)
        end = at + _BEFORE_LENGTH + length
        if base <= offset <= base + last:
            _damage(log, at, end, what)
            segment.write_bytes(log)
            return set(range(base, base + last + 1))
        at = end
    raise LookupError(offset)


def _damage(log: bytearray, at: int, end: int, what: Damage) -> None:
    match what:
        case Damage.CORRUPT:
            log[end - 1] ^= 0xFF  # its CRC tells
        case Damage.UNKNOWN_CODEC:
            log[at + _ATTRIBUTES + 1] |= _UNKNOWN_CODEC
            struct.pack_into(">I", log, at + _CRC, crc32c(bytes(log[at + _ATTRIBUTES : end])))
