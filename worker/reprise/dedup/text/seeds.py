"""The seeds of the MinHash permutations.

Someone who knows the permutations can choose short texts whose shingles are the minima of a known text, and so fill the
buckets of that text. Each namespace therefore has a secret seed, which is stored with its index.
"""

from collections.abc import Callable
from typing import Final

from reprise.model import FIXED_SEED

#: Bits of a seed: numpy's RandomState, from which datasketch draws its permutations, accepts no more.
SEED_BITS: Final = 32

#: Return the seed of a namespace.
SeedOf = Callable[[str], int]


def fixed_seed(namespace: str) -> int:
    """Return the seed of the commands that keep no index."""
    return FIXED_SEED
