"""Hash the shingles of kept tokens.

A shingle is a run of consecutive tokens inside one sentence (Broder, "On the resemblance and containment of documents",
1997). Its length depends on the script; see tokens.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.hashing import U64, Offsets, is_run_start, window_hashes
from reprise.dedup.text.tokens import WORDS_PER_SHINGLE, Tokens

#: Layout of a sort key: 32 bits of hash above 32 bits of position.
_HASH_SHIFT: Final = np.uint64(32)
_POSITION_MASK: Final = np.uint64(0xFFFFFFFF)

#: Bit 8 of the hash in a sort key: set if the shingle contains a digit. The flag is part of the hash, so the index
#: needs no byte for it. It does not change which shingles of a text are sampled; it only doubles accidental collisions.
_DIGIT_SHIFT: Final = np.uint64(40)
_HASH_MASK: Final = np.uint64(0xFFFFFEFF00000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shingles:
    """The distinct shingles of a text.

    hashes      32-bit hashes, ascending; bit 8, the lowest bit of a sketch, is set if the shingle contains a digit
    sentences   number of the part of a sentence with each shingle's first occurrence; kept parts are numbered from 0
    word_count  words that the kept tokens count for; see Tokens.word_weights
    """

    hashes: NDArray[np.uint32]
    sentences: Offsets
    word_count: int


def hash_shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Sequence[Shingles | None]:
    """Hash the shingles of the kept tokens of each text; None for a text without a kept token.

    A sentence with fewer tokens than a shingle is one shingle.

    kept  shape (tokens,)
    """
    kept_tokens = kept.nonzero()[0]
    lengths = tokens.shingle_lengths.take(kept_tokens)
    starts_sentence = is_run_start(tokens.sentences.take(kept_tokens))
    sentence_starts = starts_sentence.nonzero()[0]
    sentence_numbers = starts_sentence.cumsum() - 1
    parts = sentence_numbers
    if tokens.sentence_parts is not tokens.sentences:
        parts = is_run_start(tokens.sentence_parts.take(kept_tokens)).cumsum() - 1
    starts = np.arange(len(kept_tokens))
    ends = starts + lengths
    sentence_ends = np.concatenate((sentence_starts[1:], (len(kept_tokens),))).take(sentence_numbers)
    shingle_starts = ((ends <= sentence_ends) | starts_sentence).nonzero()[0]
    np.minimum(ends, sentence_ends, out=ends)
    # Hash and position form one sort key: sorting plain integers is fast, and equal hashes stay in text order.
    keys = window_hashes(tokens.hashes.take(kept_tokens), starts, ends)
    keys &= _HASH_MASK
    keys |= starts.astype(np.uint64)
    digits = np.concatenate(((0,), tokens.has_digit.take(kept_tokens).cumsum()))
    keys |= (digits.take(ends) > digits.take(starts)).astype(np.uint64) << _DIGIT_SHIFT
    keys = keys.take(shingle_starts)
    word_weights = WORDS_PER_SHINGLE / lengths
    text_ends = kept_tokens.searchsorted([text.stop for text in tokens.text_slices])
    shingles: list[Shingles | None] = []
    token = shingle = 0
    for last_token, last_shingle in zip(
        text_ends.tolist(), shingle_starts.searchsorted(text_ends).tolist(), strict=True
    ):
        if token == last_token:
            shingles.append(None)
            continue
        hashes, positions = _distinct(keys[shingle:last_shingle])
        shingles.append(
            Shingles(
                hashes=hashes,
                sentences=parts.take(positions) - parts[token],
                word_count=round(word_weights[token:last_token].sum().round(6)),
            )
        )
        token, shingle = last_token, last_shingle
    return shingles


def _distinct(keys: U64) -> tuple[NDArray[np.uint32], Offsets]:
    """Sort the keys in place; return the distinct hashes, ascending, and the first position of each."""
    keys.sort()
    hashes = (keys >> _HASH_SHIFT).astype(np.uint32)
    first = is_run_start(hashes).nonzero()[0]
    return hashes.take(first), (keys.take(first) & _POSITION_MASK).astype(np.intp)
