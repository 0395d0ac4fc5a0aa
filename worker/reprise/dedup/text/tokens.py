"""Normalise and tokenise text: words, or single characters in scripts that do not separate words by spaces."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import TEXT_END, CharClass, char_classes, normal_forms
from reprise.dedup.text.code_points import from_code_points, limit_marks, to_code_points
from reprise.dedup.text.hashing import U64, Offsets, window_hashes

#: Tokens of a shingle, by the script of its first token. Three words are the usual choice in the literature on
#: near-duplicate news. In scripts without spaces a shingle has as many characters as three words on average.
WORDS_PER_SHINGLE: Final = 3
IDEOGRAPHS_PER_SHINGLE: Final = 5
COMPLEX_PER_SHINGLE: Final = 6

# Combinations of classes as numpy numbers. Arithmetic on enum members takes as long as a pass over a page.
_WORD: Final = np.uint16(CharClass.WORD)
_MARK: Final = np.uint16(CharClass.MARK)
_IDEOGRAPH: Final = np.uint16(CharClass.IDEOGRAPH)
_COMPLEX: Final = np.uint16(CharClass.COMPLEX)
_UNSEPARATED: Final = np.uint16(CharClass.IDEOGRAPH | CharClass.COMPLEX)
_COMPLEX_OR_MARK: Final = np.uint16(CharClass.COMPLEX | CharClass.MARK)
_BREAK: Final = np.uint16(CharClass.BREAK)
_SPACE: Final = np.uint16(CharClass.SPACE)
_AFTER_SENTENCE: Final = np.uint16(CharClass.SPACE | CharClass.IDEOGRAPH | CharClass.TEXT_END)
_ANY_TERMINATOR: Final = np.uint16(CharClass.TERMINATOR | CharClass.UNSPACED_TERMINATOR)
_UNSPACED_TERMINATOR: Final = np.uint16(CharClass.UNSPACED_TERMINATOR)
_CLOSE: Final = np.uint16(CharClass.CLOSE)
_IGNORABLE: Final = np.uint16(CharClass.IGNORABLE)
_MENU_SEPARATOR: Final = np.uint16(CharClass.MENU_SEPARATOR)
_TEXT_END: Final = np.uint16(CharClass.TEXT_END)
_DIGIT: Final = np.uint16(CharClass.DIGIT)

#: Maximum closing quotes and brackets between a terminator and the white space after it.
_MAX_CLOSE_CHARACTERS: Final = 3

#: Frequent characters with an NFKC form of several characters. With these replaced first, most pages can be normalised
#: one character at a time.
REPLACEMENTS: Final = (("…", "..."), ("™", "TM"))

#: Classes appended to those of a text, so that the characters after a terminator can be read at the end of the text.
_END_PADDING: Final = np.full(_MAX_CLOSE_CHARACTERS + 1, CharClass.TEXT_END, dtype=np.uint16)

_NO_OFFSETS: Final = np.zeros(0, dtype=np.intp)

_TEXT_SEPARATOR: Final = np.array([TEXT_END], dtype=np.uint32)

#: Maximum growth of a text by NFKC: to this many times its length, or to this many characters if that is more. Prose
#: grows by a tenth at most. One Arabic ligature becomes 18 letters, and a text of nothing else would take
#: 500 MB and 2 s.
_MAX_GROWTH: Final = 4
_MAX_GROWTH_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of one or several texts. A segment is a run of tokens between line ends.

    Over the characters:
    characters            code points of the normalised texts without ignorable characters; TEXT_END between two texts
    line_ends             offsets of line ends; tabs and runs of spaces count as line ends
    text_ends             offset of each TEXT_END, shape (texts - 1,)

    Over the tokens, shape (tokens,):
    starts, ends          offsets into `characters`
    hashes                64-bit hash of each token
    shingle_lengths       tokens of a shingle that starts with this token
    has_digit             whether the token contains a digit
    segments              number of the token's segment, from 0
    sentences             number of the token's sentence, from 0; a sentence never crosses a segment

    Over the lines, shape (line_ends + 1,):
    line_has_token        whether the line contains a token; if so it is a segment

    Over the segments, shape (segments,):
    sentence_end_counts   sentence ends in each segment
    separator_counts      menu separators in each segment

    text_slices           the tokens of each text
    """

    characters: NDArray[np.uint32]
    line_ends: Offsets
    text_ends: Offsets
    starts: Offsets
    ends: Offsets
    hashes: U64
    shingle_lengths: Offsets
    has_digit: NDArray[np.bool_]
    segments: Offsets
    sentences: Offsets
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


def normalise(text: str) -> NDArray[np.uint32]:
    """Return the lower case of the NFKC form (UAX #15) as code points.

    Runs of combining marks are limited first. A text that NFKC would lengthen beyond _MAX_GROWTH is not brought into
    NFKC. The function is idempotent, except for a few characters whose lower case decomposes further.
    """
    for character, replacement in REPLACEMENTS:
        text = text.replace(character, replacement)
    forms = normal_forms().take(to_code_points(text))
    if forms.all():
        return forms
    limited = limit_marks(text)
    nfkc = unicodedata.normalize("NFKC", limited)
    bounded = nfkc if len(nfkc) <= max(_MAX_GROWTH * len(text), _MAX_GROWTH_CHARACTERS) else limited
    return to_code_points(bounded.lower())


def tokenise(*texts: NDArray[np.uint32]) -> Tokens:
    """Split normalised texts (one at least) into tokens, sentences and segments.

    Tokens are runs of word characters (UAX #29 without its exceptions inside words); in scripts without spaces each
    character with its marks is a token. The result for each text is the same as if it were tokenised alone.
    """
    characters = texts[0] if len(texts) == 1 else _concatenate(texts)
    classes = char_classes().take(characters)
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
    line_ends = gaps[_is_line_end(gaps, gap_classes)]
    text_ends = gaps[(gap_classes & _TEXT_END) != 0] if present & _TEXT_END else _NO_OFFSETS
    sentence_ends = _sentence_ends(classes, gaps[(gap_classes & _ANY_TERMINATOR) != 0], text_ends, present)
    line_starts = starts.searchsorted(line_ends)
    tokens_by_line = _part_sizes(line_starts, len(starts))
    line_has_token = tokens_by_line > 0
    starts_sentence = np.zeros(len(starts) + 1, dtype=np.bool_)
    starts_sentence[line_starts] = True
    starts_sentence[starts.searchsorted(sentence_ends)] = True
    starts_sentence[0] = False
    return Tokens(
        characters=characters,
        line_ends=line_ends,
        text_ends=text_ends,
        starts=starts,
        ends=ends,
        hashes=window_hashes(characters.astype(np.uint64), starts, ends),
        shingle_lengths=_shingle_lengths(classes, starts, present),
        has_digit=_has_digit(classes, starts, present),
        segments=(line_has_token.cumsum() - 1).repeat(tokens_by_line),
        sentences=starts_sentence[:-1].cumsum(),
        line_has_token=line_has_token,
        sentence_end_counts=_count_by_segment(sentence_ends, line_ends, line_has_token),
        separator_counts=_count_by_segment(gaps[(gap_classes & _MENU_SEPARATOR) != 0], line_ends, line_has_token),
        text_slices=_slices(starts.searchsorted(text_ends).tolist(), len(starts)),
    )


def _concatenate(texts: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    """Join texts with TEXT_END between two."""
    parts = [texts[0]]
    for text in texts[1:]:
        parts += (_TEXT_SEPARATOR, text)
    return np.concatenate(parts)


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


def _is_line_end(gaps: Offsets, gap_classes: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Mark line ends, tabs, and each space after another space, shape (gaps,)."""
    line_end: NDArray[np.bool_] = (gap_classes & _BREAK) != 0
    space = (gap_classes & _SPACE) != 0
    line_end[1:] |= space[1:] & space[:-1] & (gaps[1:] - gaps[:-1] == 1)
    return line_end


def _part_sizes(boundaries: Offsets, length: int) -> Offsets:
    """Return the sizes of the parts between ascending boundaries in an array, shape (boundaries + 1,)."""
    sizes = np.empty(len(boundaries) + 1, dtype=np.intp)
    sizes[:-1], sizes[-1] = boundaries, length
    sizes[1:] -= boundaries
    return sizes


def _sentence_ends(
    classes: NDArray[np.uint16], terminators: Offsets, text_ends: Offsets, present: np.uint16
) -> Offsets:
    """Return the offsets of sentence ends.

    A terminator ends a sentence before white space, before an ideograph or at the end of the text; quotes and brackets
    may come in between. This is a part of the rules SB6 to SB11 of UAX #29. In texts of scripts without a terminator,
    such as Thai and Lao, spaces between phrases end sentences.
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
        phrase_ends = _phrase_ends(classes)
        without_terminator = ~np.isin(text_ends.searchsorted(phrase_ends), text_ends.searchsorted(unspaced))
        ends = np.union1d(ends, phrase_ends[without_terminator])
    return ends


def _phrase_ends(classes: NDArray[np.uint16]) -> Offsets:
    """Return the offsets of spaces between two characters of complex-context scripts (Thai, Lao, Khmer, Burmese)."""
    spaces = (classes & _SPACE).nonzero()[0]
    spaces = spaces[(spaces > 0) & (spaces < len(classes) - 1)]
    between_phrases = ((classes[spaces - 1] & _COMPLEX_OR_MARK) != 0) & ((classes[spaces + 1] & _COMPLEX) != 0)
    ends: Offsets = spaces[between_phrases]
    return ends


def _shingle_lengths(classes: NDArray[np.uint16], starts: Offsets, present: np.uint16) -> Offsets:
    lengths = np.full(len(starts), WORDS_PER_SHINGLE, dtype=np.intp)
    if present & _UNSEPARATED:
        first = classes.take(starts)
        lengths[(first & _IDEOGRAPH) != 0] = IDEOGRAPHS_PER_SHINGLE
        lengths[(first & _COMPLEX) != 0] = COMPLEX_PER_SHINGLE
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
