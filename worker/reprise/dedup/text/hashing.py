"""Hashes of many windows of one array at once.

A polynomial over the ring of integers modulo 2**64 (numpy's unsigned arithmetic wraps around): with
P[i] = sum of v[j] * B**j over j < i, the window [a, b) hashes to (P[b] - P[a]) * B**-a. B is odd, so it has an inverse.
The prefix sums make every window cost the same, whatever its length; see Karp and Rabin, 1987. A polynomial alone is
weak in its low bits, so each result goes through MurmurHash3's 64-bit finaliser (Appleby, 2011).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
Offsets = NDArray[np.intp]

#: An odd multiplier with well-mixed bits: 2**64 divided by the golden ratio.
_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 1 << 64)

#: MurmurHash3's constants.
_SHIFT: Final = np.uint64(33)
_FIRST: Final = np.uint64(0xFF51AFD7ED558CCD)
_SECOND: Final = np.uint64(0xC4CEB9FE1A85EC53)

_ONE: Final = np.uint64(1)

#: Powers are kept for arrays up to this length (16 bytes an entry); a longer array has its own computed.
_KEPT: Final = 1 << 16


def _powers(base: int, length: int) -> U64:
    factors = np.full(length, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


_POWERS: Final = _powers(_BASE, _KEPT)
_INVERSES: Final = _powers(_INVERSE, _KEPT)


def mix(values: U64) -> U64:
    """MurmurHash3's finaliser of each value: a bijection in which every input bit reaches every output bit."""
    values = values ^ (values >> _SHIFT)
    values *= _FIRST
    values ^= values >> _SHIFT
    values *= _SECOND
    values ^= values >> _SHIFT
    return values


def begins(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark each value that differs from the one before it, and the first."""
    marks = np.empty(len(values), dtype=np.bool_)
    marks[:1] = True
    np.not_equal(values[1:], values[:-1], out=marks[1:])
    return marks


def window_hashes(values: U64, starts: Offsets, ends: Offsets) -> U64:
    """Hash the windows `values[starts[i]:ends[i]]`; equal windows hash alike wherever they stand."""
    length = len(values)
    powers, inverses = (
        (_POWERS[:length], _INVERSES) if length <= _KEPT else (_powers(_BASE, length), _powers(_INVERSE, length))
    )
    terms = values + _ONE  # a window of zeros must still depend on its length
    terms *= powers
    prefix = np.empty(length + 1, dtype=np.uint64)
    prefix[0] = 0
    terms.cumsum(out=prefix[1:])
    sums = prefix.take(ends)
    sums -= prefix.take(starts)
    sums *= inverses.take(starts)
    return mix(sums)
