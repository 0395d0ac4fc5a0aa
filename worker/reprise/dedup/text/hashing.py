"""Hash many windows of one array at once.

The hash is a polynomial rolling hash (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987) over
the integers modulo 2**64, where numpy's unsigned arithmetic wraps around. With the prefix sums
P[i] = sum of v[j] * B**j over j < i, the window [a, b) hashes to (P[b] - P[a]) * B**-a. B is odd, so it has an inverse.
Every window costs the same, whatever its length. A polynomial is weak in its low bits, so MurmurHash3's 64-bit
finaliser (Appleby, 2011) mixes each result.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
Offsets = NDArray[np.intp]

#: The base B: 2**64 divided by the golden ratio, an odd number with well-mixed bits.
_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 1 << 64)

#: Constants of MurmurHash3's 64-bit finaliser.
_SHIFT: Final = np.uint64(33)
_FACTOR_1: Final = np.uint64(0xFF51AFD7ED558CCD)
_FACTOR_2: Final = np.uint64(0xC4CEB9FE1A85EC53)

_ONE: Final = np.uint64(1)

#: Length of the precomputed tables of powers, at 16 bytes an entry. Powers for a longer array are computed each time.
PRECOMPUTED_POWERS: Final = 1 << 16


def _powers(base: int, length: int) -> U64:
    factors = np.full(length, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


_POWERS: Final = _powers(_BASE, PRECOMPUTED_POWERS)
_INVERSE_POWERS: Final = _powers(_INVERSE, PRECOMPUTED_POWERS)


def mix64(values: U64) -> U64:
    """Apply MurmurHash3's 64-bit finaliser: a bijection in which every input bit affects every output bit."""
    values = values ^ (values >> _SHIFT)
    values *= _FACTOR_1
    values ^= values >> _SHIFT
    values *= _FACTOR_2
    values ^= values >> _SHIFT
    return values


def is_run_start(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the first value of each run of equal values, shape (values,)."""
    marks = np.empty(len(values), dtype=np.bool_)
    marks[:1] = True
    np.not_equal(values[1:], values[:-1], out=marks[1:])
    return marks


def window_hashes(values: U64, starts: Offsets, ends: Offsets) -> U64:
    """Hash the windows `values[starts[i]:ends[i]]`, shape (windows,). Equal windows have equal hashes."""
    length = len(values)
    powers, inverses = (
        (_POWERS[:length], _INVERSE_POWERS)
        if length <= PRECOMPUTED_POWERS
        else (_powers(_BASE, length), _powers(_INVERSE, length))
    )
    terms = values + _ONE  # so that the hash of a window of zeros depends on its length
    terms *= powers
    prefix_sums = np.empty(length + 1, dtype=np.uint64)
    prefix_sums[0] = 0
    terms.cumsum(out=prefix_sums[1:])
    sums = prefix_sums.take(ends)
    sums -= prefix_sums.take(starts)
    sums *= inverses.take(starts)
    return mix64(sums)
