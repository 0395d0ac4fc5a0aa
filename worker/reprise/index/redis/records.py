"""Representatives as Redis stores them: `r:NUMBER`, one string each.

    last_seen_ms 6   story number 5   shingle count 4   source 8   story id 16   renewed_ms 6   length of article id 2
    article id   shards of its bands   sketch

Integers are unsigned and big-endian. `renewed_ms` is the time at which the times to live of its buckets were last
renewed. A shard number has log2(shards of the index) bits; sketch_codec.py packs the sketch. lua/parts/layout.lua names
the offsets that the scripts use.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.sketch import Sketch
from reprise.index.redis.keys import bucket_shards
from reprise.index.redis.sketch_codec import decode_sketch, encode_sketch
from reprise.index.types import EMPTY_SKETCH, RepresentativeRecord
from reprise.model import Signature

#: Bytes before the article id.
HEAD_BYTES: Final = 47

#: The source in the record of an article without a source.
NO_SOURCE: Final = bytes(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as read from Redis: the representative, and the fields that the renewal of its buckets needs.

    shards  shard of each band's bucket: four bytes each, big-endian, as the scripts take them
    """

    representative: RepresentativeRecord
    renewed_ms: int
    shards: bytes


def pack48(*numbers: int) -> bytes:
    """Pack times and durations in ms, six bytes each."""
    return b"".join(number.to_bytes(6, "big") for number in numbers)


def pack_record(record: RepresentativeRecord, signature: Signature | None, shards: int) -> bytes:
    """Pack a new representative. `shards` is the number of shards of each kind."""
    article_id = record.article_id.encode("utf-8", "surrogatepass")
    return b"".join(
        (
            record.last_seen_ms.to_bytes(6, "big"),
            record.story_number.to_bytes(5, "big"),
            record.shingle_count.to_bytes(4, "big"),
            record.source or NO_SOURCE,
            bytes.fromhex(record.story_id),
            record.last_seen_ms.to_bytes(6, "big"),
            len(article_id).to_bytes(2, "big"),
            article_id,
            _pack_shards(bucket_shards(signature, shards), shards) if signature else b"",
            encode_sketch(record.sketch),
        )
    )


def unpack_record(number: int, packed: bytes, *, bands: int, shards: int) -> StoredRecord:
    """Unpack a whole record."""
    end = HEAD_BYTES + int.from_bytes(packed[45:47], "big")
    shingle_count = int.from_bytes(packed[11:15], "big")
    shards_end = end + (_shards_bytes(bands, shards) if shingle_count else 0)
    return StoredRecord(
        representative=_representative(number, packed, decode_sketch(packed[shards_end:])),
        renewed_ms=int.from_bytes(packed[39:45], "big"),
        shards=_unpack_shards(packed[end:shards_end], bands, shards) if shingle_count else b"",
    )


def unpack_head(number: int, packed: bytes) -> RepresentativeRecord:
    """Unpack a record up to its article id; the sketch is left empty."""
    return _representative(number, packed, EMPTY_SKETCH)


def _representative(number: int, packed: bytes, sketch: Sketch) -> RepresentativeRecord:
    source = packed[15:23]
    length = int.from_bytes(packed[45:47], "big")
    return RepresentativeRecord(
        number=number,
        story_number=int.from_bytes(packed[6:11], "big"),
        story_id=packed[23:39].hex(),
        article_id=packed[HEAD_BYTES : HEAD_BYTES + length].decode("utf-8", "surrogatepass"),
        last_seen_ms=int.from_bytes(packed[0:6], "big"),
        source=b"" if source == NO_SOURCE else source,
        shingle_count=int.from_bytes(packed[11:15], "big"),
        sketch=sketch,
    )


def _shard_bits(shards: int) -> int:
    return (shards - 1).bit_length()


def _shards_bytes(bands: int, shards: int) -> int:
    return (bands * _shard_bits(shards) + 7) // 8


def _pack_shards(numbers: NDArray[np.uint32], shards: int) -> bytes:
    bits = _shard_bits(shards)
    spread = (numbers[:, np.newaxis] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.astype(np.uint8)).tobytes()


def _unpack_shards(packed: bytes, bands: int, shards: int) -> bytes:
    bits = _shard_bits(shards)
    spread = np.unpackbits(np.frombuffer(packed, dtype=np.uint8))[: bands * bits].reshape(bands, bits)
    numbers = spread @ (1 << np.arange(bits - 1, -1, -1)) if bits else np.zeros(bands)
    return numbers.astype(">u4").tobytes()
