"""Chance that repeats itself: raw bits of one generator, and integer arithmetic on them.

May live here: draws and tables of weights. May not: numpy's distributions, whose streams may change from version to
version, or floating-point functions other than the four exactly rounded operations, whose last bit differs by platform.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

#: draws fetched at once for the scalar calls; large enough that a draw costs a list's pop
_DRAWS = 4096

#: fixed-point one of a weight, in bits; leaves room for the sum of 2^20 weights in 63 bits
_WEIGHT_BITS = 40


def zipf_weights(*, size: int, offset: int) -> NDArray[np.int64]:
    """Weigh ranks 0..size-1 by 1 / (rank + offset) (Zipf-Mandelbrot law, exponent 1), in fixed point."""
    weights: NDArray[np.int64] = (1 << _WEIGHT_BITS) // (np.arange(size, dtype=np.int64) + offset)
    return weights


def zipf_table(*, size: int, offset: int, bits: int) -> NDArray[np.int64]:
    """Lay out 2**bits ranks, rank r (0..size-1) as often as 1 / (r + offset) asks."""
    return table(zipf_weights(size=size, offset=offset), bits=bits)


def table(weights: NDArray[np.int64], *, bits: int) -> NDArray[np.int64]:
    """Lay out 2**bits indexes of the weights, each as often as its weight asks. The weights' sum is below 2**63.

    One whose weight is under 2**-bits of the sum may be missing.
    """
    ends = np.cumsum(weights)
    total = int(ends[-1])
    # Steps of total / 2**bits, rounded down, so that the product stays inside 63 bits.
    marks = np.arange(1 << bits, dtype=np.int64) * (total >> bits)
    return np.searchsorted(ends, marks, side="right").astype(np.int64)


class Rng:
    """A stream of random bits, fixed by its seeds (non-negative integers)."""

    __slots__ = ("_bits", "_ready")

    def __init__(self, *seeds: int) -> None:
        self._bits = np.random.PCG64(seeds)
        self._ready: list[int] = []

    def raw(self, count: int) -> NDArray[np.uint64]:
        """Draw `count` integers of 64 random bits."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def ranks(self, table: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Draw `count` entries of a table whose length is a power of two."""
        shift = 65 - int(table.size).bit_length()
        return table[(self.raw(count) >> np.uint64(shift)).astype(np.int64)]

    def below(self, bound: int) -> int:
        """Draw an integer in 0..bound-1."""
        if not self._ready:
            self._ready = self.raw(_DRAWS).tolist()
        return (self._ready.pop() * bound) >> 64

    def chance(self, share: float) -> bool:
        """Say yes in `share` (0..1) of the calls."""
        return self.below(1 << 53) < share * (1 << 53)

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of the items, each as likely."""
        return items[self.below(len(items))]
