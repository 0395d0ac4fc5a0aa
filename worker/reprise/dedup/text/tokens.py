"""Split normalised text into words, or single characters in scripts that do not separate words by spaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass
from reprise.dedup.text.code_points import from_code_points
from reprise.dedup.text.hashing import U64, Offsets, window_hashes
from reprise.dedup.text.layout import find_line_ends
from reprise.dedup.text.normalisation import Normalised, concatenate
from reprise.dedup.text.sentences import find_sentence_ends, split_long_sentences

#: Tokens of a shingle, by the script of its first token. Three words are the usual choice in the literature on
#: near-duplicate news. In scripts without spaces a shingle has as many characters as three words on average, and in
#: Vietnamese, which writes syllables apart, as many syllables.
WORDS_PER_SHINGLE: Final = 3
SYLLABLES_PER_SHINGLE: Final = 5
IDEOGRAPHS_PER_SHINGLE: Final = 5
COMPLEX_PER_SHINGLE: Final = 6

# Combinations of classes as numpy numbers. Arithmetic on enum members takes as long as a pass over a page.
_WORD: Final = np.uint16(CharClass.WORD)
_MARK: Final = np.uint16(CharClass.MARK)
_IDEOGRAPH: Final = np.uint16(CharClass.IDEOGRAPH)
_COMPLEX: Final = np.uint16(CharClass.COMPLEX)
_UNSEPARATED: Final = np.uint16(CharClass.IDEOGRAPH | CharClass.COMPLEX)
_ANY_TERMINATOR: Final = np.uint16(CharClass.TERMINATOR | CharClass.UNSPACED_TERMINATOR)
_IGNORABLE: Final = np.uint16(CharClass.IGNORABLE)
_MENU_SEPARATOR: Final = np.uint16(CharClass.MENU_SEPARATOR)
_TEXT_END: Final = np.uint16(CharClass.TEXT_END)
_DIGIT: Final = np.uint16(CharClass.DIGIT)
_VIETNAMESE: Final = np.uint16(CharClass.VIETNAMESE)

#: A text is Vietnamese if it has at least one letter that only Vietnamese has in this many tokens. In Vietnamese news
#: every third syllable has one.
_TOKENS_PER_VIETNAMESE_LETTER: Final = 10

_NO_OFFSETS: Final = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of one or several texts. A segment is a run of tokens between line ends.

    Over the characters:
    characters            code points of the normalised texts without ignorable characters; TEXT_END between two texts
    classes               the CharClass of each
    line_ends             offsets of line ends; tabs and runs of spaces count as line ends
    text_ends             offset of each TEXT_END, shape (texts - 1,)

    Over the tokens, shape (tokens,):
    starts, ends          offsets into `characters`
    hashes                64-bit hash of each token
    shingle_lengths       tokens of a shingle that starts with this token
    has_digit             whether the token contains a digit
    segments              number of the token's segment, from 0
    sentences             number of the token's sentence, from 0; a sentence never crosses a segment
    sentence_parts        the same, with long sentences split into parts; see sentences.py

    Over the lines, shape (line_ends + 1,):
    line_has_token        whether the line contains a token; if so it is a segment

    Over the segments, shape (segments,):
    sentence_end_counts   sentence ends in each segment
    separator_counts      menu separators in each segment

    text_slices           the tokens of each text
    """

    characters: NDArray[np.uint32]
    classes: NDArray[np.uint16]
    line_ends: Offsets
    text_ends: Offsets
    starts: Offsets
    ends: Offsets
    hashes: U64
    shingle_lengths: Offsets
    has_digit: NDArray[np.bool_]
    segments: Offsets
    sentences: Offsets
    sentence_parts: Offsets
    line_has_token: NDArray[np.bool_]
    sentence_end_counts: Offsets
    separator_counts: Offsets
    text_slices: Sequence[slice]

    @property
    def text(self) -> str:
        """Return the normalised characters of a single text as a string."""
        return self.text_at(0)

    @property
    def segment_slices(self) -> Sequence[slice]:
        """Return the segments of each text."""
        ends = [int(self.segments[tokens.stop - 1]) + 1 if tokens.stop else 0 for tokens in self.text_slices]
        return _slices(ends[:-1], len(self.sentence_end_counts))

    def text_at(self, number: int) -> str:
        """Return the normalised characters of one text as a string; texts are numbered from 0."""
        start = int(self.text_ends[number - 1]) + 1 if number else 0
        end = int(self.text_ends[number]) if number < len(self.text_ends) else len(self.characters)
        return from_code_points(self.characters[start:end])

    @property
    def word_weights(self) -> NDArray[np.float64]:
        """Return the words that each token counts for, shape (tokens,): 1 for a word, less for a single character."""
        return WORDS_PER_SHINGLE / self.shingle_lengths

    def count_by_segment(self, offsets: Offsets) -> Offsets:
        """Count the offsets in each segment, shape (segments,). Offsets on lines without a token are not counted."""
        return _count_by_segment(offsets, self.line_ends, self.line_has_token)

    def __len__(self) -> int:
        return len(self.hashes)


def tokenise(*texts: Normalised) -> Tokens:
    """Split normalised texts (one at least) into tokens, sentences and segments.

    Tokens are runs of word characters (UAX #29 without its exceptions inside words); in scripts without spaces each
    character with its marks is a token. The result for each text is the same as if it were tokenised alone.
    """
    characters, classes = concatenate(texts)
    present = np.bitwise_or.reduce(classes)
    if present & _IGNORABLE:
        visible = (classes & _IGNORABLE) == 0
        characters, classes = characters[visible], classes[visible]
    # About a fifth of the characters: line ends, terminators and separators are searched among these alone.
    gaps = ((classes & _WORD) == 0).nonzero()[0]
    gap_classes = classes.take(gaps)
    starts, ends = _word_runs(gaps, len(classes))
    if present & _UNSEPARATED:
        starts, ends = _split_unseparated(classes, starts, ends)
    text_ends = gaps[(gap_classes & _TEXT_END) != 0] if present & _TEXT_END else _NO_OFFSETS
    is_line_end, joined_feeds = find_line_ends(characters, classes, gaps, text_ends)
    line_ends = gaps[is_line_end]
    terminators = gaps[(gap_classes & _ANY_TERMINATOR) != 0]
    sentence_ends = find_sentence_ends(classes, terminators, joined_feeds, text_ends, present)
    line_starts = starts.searchsorted(line_ends)
    tokens_by_line = _part_sizes(line_starts, len(starts))
    line_has_token = tokens_by_line > 0
    starts_sentence = np.zeros(len(starts) + 1, dtype=np.bool_)
    starts_sentence[line_starts] = True
    starts_sentence[starts.searchsorted(sentence_ends)] = True
    starts_sentence[0] = False
    sentences = starts_sentence[:-1].cumsum()
    text_slices = _slices(starts.searchsorted(text_ends).tolist(), len(starts))
    return Tokens(
        characters=characters,
        classes=classes,
        line_ends=line_ends,
        text_ends=text_ends,
        starts=starts,
        ends=ends,
        hashes=window_hashes(characters.astype(np.uint64), starts, ends),
        shingle_lengths=_shingle_lengths(classes, starts, text_ends, text_slices, present),
        has_digit=_has_digit(classes, starts, present),
        segments=(line_has_token.cumsum() - 1).repeat(tokens_by_line),
        sentences=sentences,
        sentence_parts=split_long_sentences(sentences, starts_sentence[:-1]),
        line_has_token=line_has_token,
        sentence_end_counts=_count_by_segment(sentence_ends, line_ends, line_has_token),
        separator_counts=_count_by_segment(gaps[(gap_classes & _MENU_SEPARATOR) != 0], line_ends, line_has_token),
        text_slices=text_slices,
    )


def _word_runs(gaps: Offsets, length: int) -> tuple[Offsets, Offsets]:
    """Return the starts and ends of runs of word characters, from the offsets of all other characters."""
    edges = np.empty(len(gaps) + 2, dtype=np.intp)
    edges[0], edges[1:-1], edges[-1] = -1, gaps, length
    before = (edges[1:] - edges[:-1] > 1).nonzero()[0]
    return edges.take(before) + 1, edges.take(before + 1)


def _split_unseparated(classes: NDArray[np.uint16], run_starts: Offsets, run_ends: Offsets) -> tuple[Offsets, Offsets]:
    """Split runs of word characters around each character of a script without spaces; return starts and ends.

    A mark belongs to the token of the character before it.
    """
    unseparated = (classes & _UNSEPARATED) != 0
    is_base = (classes & _MARK) == 0
    # For each character, the offset of the last character up to it that is no mark.
    base_offsets = np.maximum.accumulate(np.where(is_base, np.arange(len(classes)), 0))
    follows_unseparated = np.zeros_like(unseparated)
    follows_unseparated[1:] = unseparated[base_offsets[:-1]]
    starts_token = ((classes & _WORD) != 0) & (unseparated | follows_unseparated) & is_base
    starts_token[run_starts] = True
    starts = np.flatnonzero(starts_token)
    # A token ends at the start of the next token or at the end of its run.
    ends = run_ends[np.searchsorted(run_ends, starts, side="right")]
    ends[:-1] = np.minimum(ends[:-1], starts[1:])
    return starts, ends


def _part_sizes(boundaries: Offsets, length: int) -> Offsets:
    """Return the sizes of the parts between ascending boundaries in an array, shape (boundaries + 1,)."""
    sizes = np.empty(len(boundaries) + 1, dtype=np.intp)
    sizes[:-1], sizes[-1] = boundaries, length
    sizes[1:] -= boundaries
    return sizes


def _shingle_lengths(
    classes: NDArray[np.uint16],
    starts: Offsets,
    text_ends: Offsets,
    text_slices: Sequence[slice],
    present: np.uint16,
) -> Offsets:
    lengths = np.full(len(starts), WORDS_PER_SHINGLE, dtype=np.intp)
    if present & _VIETNAMESE:
        letters = ((classes & _VIETNAMESE) != 0).nonzero()[0]
        counts = np.bincount(text_ends.searchsorted(letters), minlength=len(text_slices)).tolist()
        for count, text in zip(counts, text_slices, strict=True):
            if count * _TOKENS_PER_VIETNAMESE_LETTER >= text.stop - text.start:
                lengths[text] = SYLLABLES_PER_SHINGLE
    if present & _UNSEPARATED:
        first_classes = classes.take(starts)
        lengths[(first_classes & _IDEOGRAPH) != 0] = IDEOGRAPHS_PER_SHINGLE
        lengths[(first_classes & _COMPLEX) != 0] = COMPLEX_PER_SHINGLE
    return lengths


def _has_digit(classes: NDArray[np.uint16], starts: Offsets, present: np.uint16) -> NDArray[np.bool_]:
    """Mark the tokens with a digit, shape (tokens,): for each digit, the last token that starts at or before it."""
    marks = np.zeros(len(starts), dtype=np.bool_)
    if present & _DIGIT:
        marks[starts.searchsorted((classes & _DIGIT).nonzero()[0], side="right") - 1] = True
    return marks


def _count_by_segment(offsets: Offsets, line_ends: Offsets, line_has_token: NDArray[np.bool_]) -> Offsets:
    return np.bincount(line_ends.searchsorted(offsets), minlength=len(line_has_token))[line_has_token]


def _slices(boundaries: Sequence[int], length: int) -> Sequence[slice]:
    return [slice(start, end) for start, end in pairwise((0, *boundaries, length))]
