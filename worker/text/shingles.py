"""Kept tokens to shingles: runs of tokens inside one sentence, as 32-bit hashes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.text.hashing import Offsets, begins, window_hashes
from worker.text.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Shingles:
    """The distinct shingles of a text.

    hashes     32-bit hashes, ascending
    sentences  the sentence in which each stands first; kept sentences are numbered from 0
    places     for each kept sentence, the number of its segment
    words      what the kept tokens are worth in words
    """

    hashes: NDArray[np.uint32]
    sentences: Offsets
    places: Offsets
    words: int


def shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Shingles:
    """Hash every shingle of the kept tokens (one at least). A sentence shorter than a shingle is one shingle."""
    hashes = tokens.hashes[kept]
    sentences = tokens.sentences[kept]
    opens = begins(sentences)
    firsts = opens.nonzero()[0]
    numbers = opens.cumsum() - 1
    ends_of_sentences = np.concatenate((firsts[1:], (len(hashes),)))[numbers]
    starts = np.arange(len(hashes))
    ends = starts + tokens.widths[kept]
    fits = (ends <= ends_of_sentences) | opens
    starts = starts[fits]
    ends = np.minimum(ends[fits], ends_of_sentences[fits])
    # hash and position in one number: one sort of plain integers, and equal hashes stay in the order of the text
    ranked = window_hashes(hashes, starts, ends) & np.uint64(0xFFFFFFFF00000000)
    ranked |= starts.astype(np.uint64)
    ranked.sort()
    values = (ranked >> np.uint64(32)).astype(np.uint32)
    first = begins(values).nonzero()[0]
    where = (ranked[first] & np.uint64(0xFFFFFFFF)).astype(np.intp)
    return Shingles(
        hashes=values[first],
        sentences=numbers[where],
        places=tokens.segments[kept][firsts],
        words=round(tokens.words[kept].sum()),
    )
