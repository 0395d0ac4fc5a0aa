"""The text step for a single text, where the worker's functions process several, and for both implementations."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.rule import Rule
from reprise.dedup.text.backend import TextBackend, choose_backend
from reprise.dedup.text.fingerprint import fingerprint_batch
from reprise.dedup.text.shingles import Shingles, hash_shingles
from reprise.dedup.text.tokens import Tokens
from reprise.model import FIXED_SEED, Article, Fingerprint

#: The implementations that are installed.
BACKENDS: Final = tuple(dict.fromkeys((TextBackend.NUMPY, choose_backend())))


def shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Shingles:
    """Hash the shingles of the kept tokens (one at least) of one text."""
    (of_text,) = hash_shingles(tokens, kept)
    if of_text is None:
        raise ValueError("no token is kept")
    return of_text


def fingerprints_of_all_backends(
    articles: Sequence[Article], rule: Rule, *, seed: int = FIXED_SEED
) -> Sequence[Fingerprint]:
    """Return the fingerprints of articles, after a check that all installed implementations return the same."""
    expected, *others = (fingerprint_batch(articles, rule, seed=seed, backend=backend) for backend in BACKENDS)
    for other in others:
        for article, one, another in zip(articles, expected, other, strict=True):
            assert one == another, f"the implementations differ on {article.text[:1000]!r}"
    return expected
