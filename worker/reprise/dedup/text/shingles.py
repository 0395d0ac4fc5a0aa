"""Kept tokens to shingles: runs of tokens inside one sentence, as 32-bit hashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.hashing import U64, Offsets, begins, window_hashes
from reprise.dedup.text.tokens import WORDS_A_SHINGLE, Tokens

#: The halves of a number that holds a hash above a position.
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)

#: Bit 8 of a hash that has 32 bits of position below it. In the hash, so that it costs the index no byte: one text's
#: shingles are sampled alike with the bit and without it, only the accidental collisions double.
_FIGURE: Final = np.uint64(40)
_HASH: Final = np.uint64(0xFFFFFEFF00000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shingles:
    """The distinct shingles of a text.

    hashes     32-bit hashes, ascending; bit 8, the lowest that a sketch keeps, says whether the shingle holds a digit
    sentences  the sentence in which each stands first; kept sentences are numbered from 0
    words      what the kept tokens are worth in words
    """

    hashes: NDArray[np.uint32]
    sentences: Offsets
    words: int


def hash_shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Sequence[Shingles | None]:
    """Hash every shingle of the kept tokens; None for a text of which nothing is kept.

    A sentence shorter than a shingle is one shingle.
    """
    where = kept.nonzero()[0]
    widths = tokens.widths.take(where)
    opens = begins(tokens.sentences.take(where))
    firsts = opens.nonzero()[0]
    numbers = opens.cumsum() - 1
    starts = np.arange(len(where))
    ends = starts + widths
    ends_of_sentences = np.concatenate((firsts[1:], (len(where),))).take(numbers)
    fits = ((ends <= ends_of_sentences) | opens).nonzero()[0]
    np.minimum(ends, ends_of_sentences, out=ends)
    # hash and position in one number: one sort of plain integers, and equal hashes stay in the order of the text
    ranked = window_hashes(tokens.hashes.take(where), starts, ends)
    ranked &= _HASH
    ranked |= starts.astype(np.uint64)
    figures = np.concatenate(((0,), tokens.figures.take(where).cumsum()))
    ranked |= (figures.take(ends) > figures.take(starts)).astype(np.uint64) << _FIGURE
    ranked = ranked.take(fits)
    words = WORDS_A_SHINGLE / widths
    pages = where.searchsorted([page.stop for page in tokens.pages])
    found: list[Shingles | None] = []
    token = shingle = sentence = 0
    for last_token, last_shingle, last_sentence in zip(
        pages.tolist(), fits.searchsorted(pages).tolist(), firsts.searchsorted(pages).tolist(), strict=True
    ):
        if token == last_token:
            found.append(None)
            continue
        hashes, positions = _distinct(ranked[shingle:last_shingle])
        found.append(
            Shingles(
                hashes=hashes,
                sentences=numbers.take(positions) - sentence,
                words=round(words[token:last_token].sum()),
            )
        )
        token, shingle, sentence = last_token, last_shingle, last_sentence
    return found


def _distinct(ranked: U64) -> tuple[NDArray[np.uint32], Offsets]:
    """The distinct hashes, ascending, of numbers that hold a hash above a position, and the first position of each."""
    ranked.sort()
    hashes = (ranked >> _HALF).astype(np.uint32)
    first = begins(hashes).nonzero()[0]
    return hashes.take(first), (ranked.take(first) & _LOW).astype(np.intp)
