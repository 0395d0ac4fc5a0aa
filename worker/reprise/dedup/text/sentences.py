"""Find the ends of sentences, and split sentences that are too long."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass
from reprise.dedup.text.hashing import Offsets

#: Maximum tokens of a part of a sentence. A transcript without a full stop is one sentence, and so could only be copied
#: as a whole.
_MAX_PART: Final = 64

#: Maximum closing quotes and brackets between a terminator and the white space after it.
_MAX_CLOSE_CHARACTERS: Final = 3

#: Classes appended to those of a text, so that the characters after a terminator can be read at the end of the text.
_END_PADDING: Final = np.full(_MAX_CLOSE_CHARACTERS + 1, CharClass.TEXT_END, dtype=np.uint16)

# Combinations of classes as numpy numbers. Arithmetic on enum members takes as long as a pass over a page.
_CLOSE: Final = np.uint16(CharClass.CLOSE)
_COMPLEX: Final = np.uint16(CharClass.COMPLEX)
_COMPLEX_OR_MARK: Final = np.uint16(CharClass.COMPLEX | CharClass.MARK)
_SPACE: Final = np.uint16(CharClass.SPACE)
_AFTER_SENTENCE: Final = np.uint16(CharClass.SPACE | CharClass.IDEOGRAPH | CharClass.TEXT_END)
_UNSPACED_TERMINATOR: Final = np.uint16(CharClass.UNSPACED_TERMINATOR)

_NO_OFFSETS: Final = np.zeros(0, dtype=np.intp)


def find_sentence_ends(
    classes: NDArray[np.uint16], terminators: Offsets, joined_feeds: Offsets, text_ends: Offsets, present: np.uint16
) -> Offsets:
    """Return the offsets of sentence ends.

    A terminator ends a sentence before white space, before an ideograph or at the end of the text; quotes and brackets
    may come in between. This is a part of the rules SB6 to SB11 of UAX #29. In texts of scripts without a terminator,
    such as Thai and Lao, spaces between phrases end sentences.

    joined_feeds  offsets of the line feeds that do not end a line, so that they do not separate two phrases either
    """
    padded = np.concatenate((classes, _END_PADDING))
    following = terminators + 1
    for _ in range(_MAX_CLOSE_CHARACTERS):
        is_close = (padded.take(following) & _CLOSE) != 0
        if not is_close.any():
            break
        following += is_close
    # NFKC turns full-width terminators into common ones, and no space follows them: hence the ideographs.
    is_end = (padded.take(following) & _AFTER_SENTENCE) != 0
    unspaced = _NO_OFFSETS
    if present & _UNSPACED_TERMINATOR:
        is_unspaced = (padded.take(terminators) & _UNSPACED_TERMINATOR) != 0
        is_end |= is_unspaced
        unspaced = terminators[is_unspaced]
    ends: Offsets = terminators[is_end]
    if present & _COMPLEX:
        phrase_ends = _phrase_ends(classes, joined_feeds)
        without_terminator = ~np.isin(text_ends.searchsorted(phrase_ends), text_ends.searchsorted(unspaced))
        ends = np.union1d(ends, phrase_ends[without_terminator])
    return ends


def _phrase_ends(classes: NDArray[np.uint16], joined_feeds: Offsets) -> Offsets:
    """Return the offsets of spaces between two characters of complex-context scripts (Thai, Lao, Khmer, Burmese)."""
    is_space = (classes & _SPACE) != 0
    is_space[joined_feeds] = False
    spaces = is_space.nonzero()[0]
    spaces = spaces[(spaces > 0) & (spaces < len(classes) - 1)]
    between_phrases = ((classes[spaces - 1] & _COMPLEX_OR_MARK) != 0) & ((classes[spaces + 1] & _COMPLEX) != 0)
    ends: Offsets = spaces[between_phrases]
    return ends


def split_long_sentences(sentences: Offsets, starts_sentence: NDArray[np.bool_]) -> Offsets:
    """Split sentences of more than _MAX_PART tokens; return the number of each token's part, shape (tokens,).

    sentences        number of each token's sentence
    starts_sentence  whether each token starts a sentence that is not the first
    """
    edges = np.concatenate(((0,), starts_sentence.nonzero()[0], (len(sentences),)))
    sizes = edges[1:] - edges[:-1]
    if sizes.max() <= _MAX_PART:
        return sentences
    positions = np.arange(len(sentences)) - edges[:-1].repeat(sizes)
    starts_part = positions % _MAX_PART == 0
    starts_part[0] = False
    parts: Offsets = starts_part.cumsum()
    return parts
