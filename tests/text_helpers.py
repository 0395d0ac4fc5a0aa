"""The text step for one text alone, where the worker's takes many at once."""

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.shingles import Shingles, hash_shingles
from reprise.dedup.text.tokens import Tokens


def shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Shingles:
    """Hash every shingle of the kept tokens (one at least) of one text."""
    (found,) = hash_shingles(tokens, kept)
    if found is None:
        raise ValueError("no token is kept")
    return found
