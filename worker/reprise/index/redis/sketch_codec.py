"""Sketches packed for storage: the differences of ascending hashes in Golomb-Rice codes.

Golomb, "Run-length encodings", 1966; Rice, "Some practical universal noiseless coding techniques", 1979. A difference d
is written as the k low bits of d, and d >> k in unary: that many zeros and a one. All low bits come first, then all
unary codes, so that both are read with whole-array operations. A sketch of 256 hashes of a text of 400 shingles takes
545 bytes in place of 768.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.sketch import Sketch
from reprise.index.types import EMPTY_SKETCH

#: Bits of the numbers that low bits are unpacked into.
_WORD_BITS: Final = 32


def encode_sketch(sketch: Sketch) -> bytes:
    """Pack ascending distinct hashes: count - 1 and k (one byte each), low bits, unary codes. Empty for no hash."""
    if not len(sketch):
        return b""
    gaps = sketch.astype(np.int64)
    gaps[1:] -= sketch[:-1]
    gaps[1:] -= 1
    k = _best_k(gaps)
    ends = ((gaps >> k) + 1).cumsum()
    unary = np.zeros(int(ends[-1]), dtype=np.uint8)
    unary[ends - 1] = 1
    low = np.unpackbits(gaps.astype(">u4").view(np.uint8)).reshape(-1, _WORD_BITS)[:, _WORD_BITS - k :]
    return bytes((len(sketch) - 1, k)) + np.packbits(low).tobytes() + np.packbits(unary).tobytes()


def decode_sketch(packed: bytes) -> Sketch:
    """Undo `encode_sketch`."""
    if not packed:
        return EMPTY_SKETCH
    count, k = packed[0] + 1, packed[1]
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8, offset=2))
    ends = bits[(count * k + 7) // 8 * 8 :].nonzero()[0][:count]
    # value i = the i-th one's position - i zeros before it, shifted, plus the sum of the low bits, plus i
    low = np.zeros((count, _WORD_BITS), dtype=np.uint8)
    low[:, _WORD_BITS - k :] = bits[: count * k].reshape(count, k)
    positions = np.arange(count)
    values = ends - positions
    values <<= k
    values += np.packbits(low).view(">u4").cumsum(dtype=np.int64)
    values += positions
    return values.astype(np.uint32)


def _best_k(gaps: NDArray[np.int64]) -> int:
    """Return the number of low bits: the logarithm of the mean gap times ln 2, within 1 % of the shortest code."""
    return max(0, (int(gaps.sum()) * 89 // (128 * len(gaps))).bit_length() - 1)
