"""The text step for a single text; the worker's functions process several at once."""

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.shingles import Shingles, hash_shingles
from reprise.dedup.text.tokens import Tokens


def shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Shingles:
    """Hash the shingles of the kept tokens (one at least) of one text."""
    (of_text,) = hash_shingles(tokens, kept)
    if of_text is None:
        raise ValueError("no token is kept")
    return of_text
