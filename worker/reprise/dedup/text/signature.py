"""Make a signature, MinHash rows and a bottom-k sketch, from the shingle hashes of a text.

The rows are MinHash values (Broder, "On the resemblance and containment of documents", 1997). They equal those of
datasketch 2 with its scheme `affine32` and the same seed: `datasketch.MinHash(num_perm, seed, hashfunc=int,
scheme="affine32")` with `update_batch(hashes)`. The bottom-k sketch holds the k smallest of the same hashes, a uniform
sample of the set without replacement (Thorup, "Bottom-k and priority sampling, set similarity and subset sums with
minimal independence", 2013).
"""

from functools import lru_cache, reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.hashing import Offsets, is_run_start
from reprise.dedup.text.shingles import Shingles
from reprise.model import FIXED_SEED, Signature

#: Bits of a hash in a sketch. Two unrelated pages of 600 shingles share one of 256 hashes by accident in about 1 of 100
#: pairs, far below the evidence that a match needs. Each bit less saves 32 bytes an indexed article.
SKETCH_BITS: Final = 24

#: Shingles permuted at once. It bounds the memory for a huge text: 4 bytes for each shingle and row of a block.
SHINGLES_PER_BLOCK: Final = 4096

#: Seeds whose permutations are kept. A worker has at most some hundred namespaces, 300 bytes each.
_CACHED_SEEDS: Final = 1024

#: Constants of MurmurHash3's 32-bit finaliser.
_SHIFTS: Final = np.array([16, 13, 16], dtype=np.uint32)
_FACTORS: Final = np.array([0x85EBCA6B, 0xC2B2AE35], dtype=np.uint32)


def make_signature(shingles: Shingles, permutations: int, sketch_size: int, seed: int = FIXED_SEED) -> Signature:
    """Make the signature of the shingles of a text; there must be at least one.

    permutations  number of MinHash rows
    sketch_size   maximum hashes of the sketch, at most 256: the number of a sampled sentence must fit into a byte
    seed          seed of the permutations
    """
    # The hashes ascend, so the first hash of each prefix is in ascending order, too.
    prefixes = shingles.hashes >> np.uint32(32 - SKETCH_BITS)
    first = is_run_start(prefixes).nonzero()[0][:sketch_size]
    sentence_ids = _ranks(shingles.sentences.take(first))
    return Signature(
        rows=minhash_rows(shingles.hashes, permutations, seed).astype("<u4").tobytes(),
        sketch=prefixes.take(first).astype("<u4").tobytes(),
        sentence_ids=sentence_ids.astype(np.uint8).tobytes(),
        shingle_count=len(shingles.hashes),
        word_count=shingles.word_count,
    )


def unpack_rows(signature: Signature) -> list[int]:
    """Return the MinHash rows of a signature as numbers."""
    rows: list[int] = np.frombuffer(signature.rows, dtype="<u4").tolist()
    return rows


def minhash_rows(hashes: NDArray[np.uint32], permutations: int, seed: int = FIXED_SEED) -> NDArray[np.uint32]:
    """Return the minimum of each permutation over all hashes, shape (permutations,)."""
    mixed = _mix32(hashes)
    blocks = (mixed[start : start + SHINGLES_PER_BLOCK] for start in range(0, len(mixed), SHINGLES_PER_BLOCK))
    return reduce(np.minimum, (_block_minimum(block, permutations, seed) for block in blocks))


def _block_minimum(mixed: NDArray[np.uint32], permutations: int, seed: int) -> NDArray[np.uint32]:
    multipliers, offsets = permutation_constants(permutations, seed)
    permuted = multipliers * mixed
    permuted += offsets
    minimum: NDArray[np.uint32] = permuted.min(axis=1)
    return minimum


def _ranks(numbers: Offsets) -> Offsets:
    """Return the rank of each number among the distinct numbers: the inverse of `np.unique`, without sorting."""
    seen = np.zeros(int(numbers.max()) + 1, dtype=np.bool_)
    seen[numbers] = True
    return (seen.cumsum() - 1).take(numbers)


def _mix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Apply MurmurHash3's 32-bit finaliser (Appleby, 2011), as datasketch does before its permutations."""
    values = values ^ (values >> _SHIFTS[0])
    values *= _FACTORS[0]
    values ^= values >> _SHIFTS[1]
    values *= _FACTORS[1]
    values ^= values >> _SHIFTS[2]
    return values


@lru_cache(maxsize=_CACHED_SEEDS)
def permutation_constants(count: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the odd multipliers and the offsets of datasketch's permutations, each of shape (count, 1).

    They are drawn as datasketch draws them; importing datasketch would take 0.5 s and 60 MB.
    """
    generator = np.random.RandomState(seed)
    multipliers = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    offsets = generator.randint(0, 1 << 32, count, dtype=np.uint32)
    return multipliers[:, np.newaxis], offsets[:, np.newaxis]
