"""Text to tokens: words, or single characters in the scripts that do not separate words."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import PAGE_END, Char, classes, normal_forms
from reprise.dedup.text.code_points import code_points, stream_safe, text_of
from reprise.dedup.text.hashing import U64, Offsets, window_hashes

#: Tokens a shingle, by the script it begins in. Three words are the literature's choice for near-duplicate news; the
#: unseparated scripts take as many characters as three of their words have on average.
WORDS_A_SHINGLE: Final = 3
IDEOGRAPHS_A_SHINGLE: Final = 5
COMPLEX_A_SHINGLE: Final = 6

# Combinations of flags as numbers: an enum's own arithmetic costs as much as a pass over a page.
_WORD: Final = np.uint16(Char.WORD)
_MARK: Final = np.uint16(Char.MARK)
_IDEOGRAPH: Final = np.uint16(Char.IDEOGRAPH)
_COMPLEX: Final = np.uint16(Char.COMPLEX)
_UNSEPARATED: Final = np.uint16(Char.IDEOGRAPH | Char.COMPLEX)
_COMPLEX_OR_MARK: Final = np.uint16(Char.COMPLEX | Char.MARK)
_BREAK: Final = np.uint16(Char.BREAK)
_SPACE: Final = np.uint16(Char.SPACE)
_BEHIND_A_STOP: Final = np.uint16(Char.SPACE | Char.IDEOGRAPH | Char.PAGE_END)
_ANY_STOP: Final = np.uint16(Char.STOP | Char.HARD_STOP)
_HARD_STOP: Final = np.uint16(Char.HARD_STOP)
_CLOSER: Final = np.uint16(Char.CLOSER)
_IGNORED: Final = np.uint16(Char.IGNORED)
_SEPARATOR: Final = np.uint16(Char.SEPARATOR)
_PAGE_END: Final = np.uint16(Char.PAGE_END)
_DIGIT: Final = np.uint16(Char.DIGIT)

#: Closing quotes and brackets that may stand between a stop and the space behind it.
_CLOSERS: Final = 3

#: Characters of many pages that NFKC makes several of. Without them most pages normalise one character at a time.
_COMMON: Final = (("…", "..."), ("™", "TM"))

#: What stands behind a text, for what looks at the characters that follow.
_END: Final = np.full(_CLOSERS + 1, Char.PAGE_END, dtype=np.uint16)

_NONE: Final = np.zeros(0, dtype=np.intp)

_BETWEEN: Final = np.array([PAGE_END], dtype=np.uint32)

#: How many times longer NFKC may make a text beyond so many characters; prose grows by a tenth at most. One Arabic
#: ligature becomes 18 letters, and a text of nothing else would take 500 MB and 2 s.
_GROWTH: Final = 4
_GROWTH_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of texts, as arrays of one length; `starts` and `ends` are offsets into `characters`.

    characters  code points of the normalised texts without their invisible characters, PAGE_END between two texts
    hashes      64-bit hash of each token
    widths      tokens in a shingle that begins here
    figures     whether the token holds a digit
    segments    number of the segment: of lines that hold a token
    sentences   number of the sentence; a sentence never crosses a segment
    line_ends   offsets of the line ends (tabs and runs of spaces among them)
    holds       for each line, the one behind the last line end included, whether it holds a token
    stops       sentence ends by segment
    separators  menu separators by segment
    page_ends   offset of each PAGE_END: one less than there are texts
    pages       the tokens of each text
    """

    characters: NDArray[np.uint32]
    starts: Offsets
    ends: Offsets
    hashes: U64
    widths: Offsets
    figures: NDArray[np.bool_]
    segments: Offsets
    sentences: Offsets
    line_ends: Offsets
    holds: NDArray[np.bool_]
    stops: Offsets
    separators: Offsets
    page_ends: Offsets
    pages: Sequence[slice]

    @property
    def text(self) -> str:
        """The characters as a string, where the tokens are of one text."""
        return self.page_text(0)

    @property
    def page_segments(self) -> Sequence[slice]:
        """The segments of each text."""
        before = [int(self.segments[page.stop - 1]) + 1 if page.stop else 0 for page in self.pages]
        return _slices(before[:-1], len(self.stops))

    def page_text(self, number: int) -> str:
        """One text as a string."""
        begin = int(self.page_ends[number - 1]) + 1 if number else 0
        end = int(self.page_ends[number]) if number < len(self.page_ends) else len(self.characters)
        return text_of(self.characters[begin:end])

    @property
    def words(self) -> NDArray[np.float64]:
        """What each token is worth in words."""
        return WORDS_A_SHINGLE / self.widths

    def count_by_segment(self, offsets: Offsets) -> Offsets:
        """How many of these offsets fall into each segment; those on a line without a token fall into none."""
        return _by_segment(offsets, self.line_ends, self.holds)

    def __len__(self) -> int:
        return len(self.hashes)


def normalise(text: str) -> NDArray[np.uint32]:
    """NFKC, lower case, as code points. Idempotent but for a handful whose lower case decomposes further.

    A text that NFKC would make _GROWTH times longer, and longer than any text is, stays in the form that it came in.
    """
    for character, compatible in _COMMON:
        text = text.replace(character, compatible)
    normal = normal_forms().take(code_points(text))
    if normal.all():
        return normal
    safe = stream_safe(text)
    compatible = unicodedata.normalize("NFKC", safe)
    bounded = compatible if len(compatible) <= max(_GROWTH * len(text), _GROWTH_CHARACTERS) else safe
    return code_points(bounded.lower())


def tokenise(*texts: NDArray[np.uint32]) -> Tokens:
    """Cut normalised texts (one at least) into tokens, sentences and segments, all at once.

    Each is cut as it would be alone; what is begun ends with its text.
    """
    characters = texts[0] if len(texts) == 1 else _joined(texts)
    kinds = classes().take(characters)
    seen = np.bitwise_or.reduce(kinds)
    if seen & _IGNORED:
        visible = (kinds & _IGNORED) == 0
        characters, kinds = characters[visible], kinds[visible]
    # about a fifth of the characters: borders, lines and sentences are found among them alone
    gaps = ((kinds & _WORD) == 0).nonzero()[0]
    between = kinds.take(gaps)
    starts, ends = _runs_between(gaps, len(kinds))
    if seen & _UNSEPARATED:
        starts, ends = _parted(kinds, starts, ends)
    line_ends = gaps[_ends_line(gaps, between)]
    page_ends = gaps[(between & _PAGE_END) != 0] if seen & _PAGE_END else _NONE
    stops = _sentence_ends(kinds, gaps[(between & _ANY_STOP) != 0], page_ends, seen)
    line_starts = starts.searchsorted(line_ends)
    sizes = _sizes(line_starts, len(starts))
    holds = sizes > 0
    opens = np.zeros(len(starts) + 1, dtype=np.bool_)
    opens[line_starts] = True
    opens[starts.searchsorted(stops)] = True
    opens[0] = False
    return Tokens(
        characters=characters,
        starts=starts,
        ends=ends,
        hashes=window_hashes(characters.astype(np.uint64), starts, ends),
        widths=_widths(kinds, starts, seen),
        figures=_figures(kinds, starts, seen),
        segments=(holds.cumsum() - 1).repeat(sizes),
        sentences=opens[:-1].cumsum(),
        line_ends=line_ends,
        holds=holds,
        stops=_by_segment(stops, line_ends, holds),
        separators=_by_segment(gaps[(between & _SEPARATOR) != 0], line_ends, holds),
        page_ends=page_ends,
        pages=_slices(starts.searchsorted(page_ends).tolist(), len(starts)),
    )


def _joined(texts: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    parts = [texts[0]]
    for text in texts[1:]:
        parts += (_BETWEEN, text)
    return np.concatenate(parts)


def _runs_between(gaps: Offsets, length: int) -> tuple[Offsets, Offsets]:
    """Where runs of word characters start and end, given the offsets of all other characters."""
    edges = np.empty(len(gaps) + 2, dtype=np.intp)
    edges[0], edges[1:-1], edges[-1] = -1, gaps, length
    before = (edges[1:] - edges[:-1] > 1).nonzero()[0]
    return edges.take(before) + 1, edges.take(before + 1)


def _parted(kinds: NDArray[np.uint16], run_starts: Offsets, run_ends: Offsets) -> tuple[Offsets, Offsets]:
    """Cut runs of word characters around each character of a script that does not separate words."""
    alone = (kinds & _UNSEPARATED) != 0
    base = (kinds & _MARK) == 0
    # a mark belongs to the character before it, and what follows the mark begins anew
    bases = np.maximum.accumulate(np.where(base, np.arange(len(kinds)), 0))
    after_alone = np.zeros_like(alone)
    after_alone[1:] = alone[bases[:-1]]
    first = ((kinds & _WORD) != 0) & (alone | after_alone) & base
    first[run_starts] = True
    starts = np.flatnonzero(first)
    # a token ends where the next begins or where its run ends
    ends = run_ends[np.searchsorted(run_ends, starts, side="right")]
    ends[:-1] = np.minimum(ends[:-1], starts[1:])
    return starts, ends


def _ends_line(gaps: Offsets, between: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Mark line ends, tabs, and the second of two spaces."""
    broken: NDArray[np.bool_] = (between & _BREAK) != 0
    space = (between & _SPACE) != 0
    broken[1:] |= space[1:] & space[:-1] & (gaps[1:] - gaps[:-1] == 1)
    return broken


def _sizes(boundaries: Offsets, length: int) -> Offsets:
    """How many tokens stand between two boundaries, each given by the token after it; first and last part included."""
    sizes = np.empty(len(boundaries) + 1, dtype=np.intp)
    sizes[:-1], sizes[-1] = boundaries, length
    sizes[1:] -= boundaries
    return sizes


def _sentence_ends(kinds: NDArray[np.uint16], stops: Offsets, page_ends: Offsets, seen: np.uint16) -> Offsets:
    """Of the offsets of stops those that end a sentence: with white space, or the text's end, behind them.

    Quotes and brackets may stand between.
    """
    padded = np.concatenate((kinds, _END))
    following = stops + 1
    for _ in range(_CLOSERS):
        closed = (padded.take(following) & _CLOSER) != 0
        if not closed.any():
            break
        following += closed
    # a full-width stop has become a common one, without the space that these scripts leave out
    ended = (padded.take(following) & _BEHIND_A_STOP) != 0
    hard = _NONE
    if seen & _HARD_STOP:
        is_hard = (padded.take(stops) & _HARD_STOP) != 0
        ended |= is_hard
        hard = stops[is_hard]
    ends: Offsets = stops[ended]
    if seen & _COMPLEX:
        phrases = _phrase_ends(kinds)
        stopless = ~np.isin(page_ends.searchsorted(phrases), page_ends.searchsorted(hard))
        ends = np.union1d(ends, phrases[stopless])
    return ends


def _phrase_ends(kinds: NDArray[np.uint16]) -> Offsets:
    """The spaces between phrases, for texts that have no full stop, as Thai and Lao (Khmer and Burmese have one)."""
    space = (kinds & _SPACE).nonzero()[0]
    space = space[(space > 0) & (space < len(kinds) - 1)]
    around = ((kinds[space - 1] & _COMPLEX_OR_MARK) != 0) & ((kinds[space + 1] & _COMPLEX) != 0)
    between: Offsets = space[around]
    return between


def _widths(kinds: NDArray[np.uint16], starts: Offsets, seen: np.uint16) -> Offsets:
    widths = np.full(len(starts), WORDS_A_SHINGLE, dtype=np.intp)
    if seen & _UNSEPARATED:
        first = kinds.take(starts)
        widths[(first & _IDEOGRAPH) != 0] = IDEOGRAPHS_A_SHINGLE
        widths[(first & _COMPLEX) != 0] = COMPLEX_A_SHINGLE
    return widths


def _figures(kinds: NDArray[np.uint16], starts: Offsets, seen: np.uint16) -> NDArray[np.bool_]:
    """Which tokens hold a digit: those that start last before one."""
    found = np.zeros(len(starts), dtype=np.bool_)
    if seen & _DIGIT:
        found[starts.searchsorted((kinds & _DIGIT).nonzero()[0], side="right") - 1] = True
    return found


def _by_segment(offsets: Offsets, line_ends: Offsets, holds: NDArray[np.bool_]) -> Offsets:
    return np.bincount(line_ends.searchsorted(offsets), minlength=len(holds))[holds]


def _slices(boundaries: Sequence[int], length: int) -> Sequence[slice]:
    return [slice(begin, end) for begin, end in pairwise((0, *boundaries, length))]
