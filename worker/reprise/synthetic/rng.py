"""Draw random numbers that are equal on every platform.

The module uses the raw bits of one generator and integer arithmetic. It avoids numpy's distributions, because their
streams may change between versions. Of floating-point arithmetic it uses only the four operations that IEEE 754 rounds
exactly: the last bit of other functions differs between platforms.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

#: integers drawn at once for the scalar methods, so that one draw costs no more than `list.pop`
_BUFFER_SIZE = 4096

#: fractional bits of a weight; 2**20 weights then sum to less than 2**63
_WEIGHT_BITS = 40


def zipf_weights(*, size: int, offset: int) -> NDArray[np.int64]:
    """Return fixed-point weights 1 / (rank + offset) for the ranks 0..size-1.

    This is the Zipf-Mandelbrot law with exponent 1.
    """
    weights: NDArray[np.int64] = (1 << _WEIGHT_BITS) // (np.arange(size, dtype=np.int64) + offset)
    return weights


def zipf_table(*, size: int, offset: int, bits: int) -> NDArray[np.int64]:
    """Return a sampling table of 2**bits ranks in 0..size-1, rank r in proportion to 1 / (r + offset)."""
    return sampling_table(zipf_weights(size=size, offset=offset), bits=bits)


def sampling_table(weights: NDArray[np.int64], *, bits: int) -> NDArray[np.int64]:
    """Return a table of 2**bits indexes of `weights`, each index in proportion to its weight.

    A uniform draw from the table is a weighted draw of an index. The sum of the weights must be below 2**63. The table
    may lack an index whose weight is less than 2**-bits of the sum.
    """
    ends = np.cumsum(weights)
    total = int(ends[-1])
    # Each step is total / 2**bits, rounded down, so that the products fit in 63 bits.
    marks = np.arange(1 << bits, dtype=np.int64) * (total >> bits)
    return np.searchsorted(ends, marks, side="right").astype(np.int64)


class Rng:
    """A random number generator. Its seeds (non-negative integers) determine every number."""

    __slots__ = ("_bits", "_buffer")

    def __init__(self, *seeds: int) -> None:
        self._bits = np.random.PCG64(seeds)
        self._buffer: list[int] = []

    def uint64(self, count: int) -> NDArray[np.uint64]:
        """Draw `count` integers of 64 random bits."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def sample(self, table: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Draw `count` entries of a table, with replacement. Its length must be a power of two."""
        shift = 65 - int(table.size).bit_length()
        return table[(self.uint64(count) >> np.uint64(shift)).astype(np.int64)]

    def randbelow(self, bound: int) -> int:
        """Draw an integer in 0..bound-1."""
        if not self._buffer:
            self._buffer = self.uint64(_BUFFER_SIZE).tolist()
        return (self._buffer.pop() * bound) >> 64

    def bernoulli(self, probability: float) -> bool:
        """Return True with the given probability (0..1)."""
        return self.randbelow(1 << 53) < probability * (1 << 53)

    def choice(self, items: Sequence[T]) -> T:
        """Draw one item. All items are equally likely."""
        return items[self.randbelow(len(items))]
