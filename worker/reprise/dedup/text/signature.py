"""Shingle hashes to what the index keeps: MinHash rows and a bottom-k sketch.

MinHash: Broder, "On the resemblance and containment of documents", 1997. The rows are those of datasketch 2, with its
scheme `affine32` and its seed 1: `datasketch.MinHash(num_perm, hashfunc=int).update_batch(hashes)` gives the same.
The bottom-k sketch is of the same hashes: k smallest values, a uniform sample of the set without replacement; see
Thorup, "Bottom-k and priority sampling, set similarity and subset sums with minimal independence", 2013.
"""

from functools import cache, reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.hashing import Offsets, begins
from reprise.dedup.text.shingles import Shingles
from reprise.model import Signature

#: Bits of a sketch's hash. Two unrelated pages of 600 shingles share one of 256 by accident once in some 100 pairs,
#: far below what counts as evidence; each bit less saves 32 bytes an indexed article.
SKETCH_BITS: Final = 24

#: Shingles whose permutations are held in memory at once (4 bytes a row each); it bounds what a huge text takes.
_BLOCK: Final = 4096

#: MurmurHash3's constants.
_SHIFTS: Final = np.array([16, 13, 16], dtype=np.uint32)
_FACTORS: Final = np.array([0x85EBCA6B, 0xC2B2AE35], dtype=np.uint32)


def sign(found: Shingles, permutations: int, sketch_size: int) -> Signature:
    """Sign the shingles of a text (one at least); a sketch has at most 256 hashes, so that its sentences fit a byte."""
    # the hashes ascend, so the first occurrence of each prefix stands in order, too
    prefixes = found.hashes >> np.uint32(32 - SKETCH_BITS)
    first = begins(prefixes).nonzero()[0][:sketch_size]
    passages = _ranks(found.sentences.take(first))
    return Signature(
        rows=tuple(minhash_rows(found.hashes, permutations).tolist()),
        sketch=tuple(prefixes.take(first).tolist()),
        passages=passages.astype(np.uint8).tobytes(),
        size=len(found.hashes),
        words=found.words,
    )


def minhash_rows(hashes: NDArray[np.uint32], permutations: int) -> NDArray[np.uint32]:
    """The minimum of each permutation over all hashes, shape (permutations,)."""
    mixed = _mix32(hashes)
    blocks = (mixed[begin : begin + _BLOCK] for begin in range(0, len(mixed), _BLOCK))
    return reduce(np.minimum, (_lowest(block, permutations) for block in blocks))


def _lowest(mixed: NDArray[np.uint32], permutations: int) -> NDArray[np.uint32]:
    multipliers, offsets = _permutations(permutations)
    permuted = multipliers * mixed
    permuted += offsets
    lowest: NDArray[np.uint32] = permuted.min(axis=1)
    return lowest


def _ranks(numbers: Offsets) -> Offsets:
    """The rank of each number among the distinct ones: `np.unique`'s inverse without a sort."""
    seen = np.zeros(int(numbers.max()) + 1, dtype=np.bool_)
    seen[numbers] = True
    return (seen.cumsum() - 1).take(numbers)


def _mix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's 32-bit finaliser, which datasketch applies before its permutations."""
    values = values ^ (values >> _SHIFTS[0])
    values *= _FACTORS[0]
    values ^= values >> _SHIFTS[1]
    values *= _FACTORS[1]
    values ^= values >> _SHIFTS[2]
    return values


@cache
def _permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Odd multipliers and offsets, drawn as datasketch draws them: its import takes half a second and 60 MB."""
    generator = np.random.RandomState(1)
    multipliers = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    offsets = generator.randint(0, 1 << 32, count, dtype=np.uint32)
    return multipliers[:, np.newaxis], offsets[:, np.newaxis]
