"""Text to tokens: words, or single characters in the scripts that do not separate words."""

import unicodedata
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from worker.text.characters import Char, classes
from worker.text.codepoints import code_points, stream_safe, text_of
from worker.text.hashing import U64, Offsets, window_hashes

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
_SPACE_OR_IDEOGRAPH: Final = np.uint16(Char.SPACE | Char.IDEOGRAPH)
_ANY_STOP: Final = np.uint16(Char.STOP | Char.HARD_STOP)
_HARD_STOP: Final = np.uint16(Char.HARD_STOP)
_CLOSER: Final = np.uint16(Char.CLOSER)
_IGNORED: Final = np.uint16(Char.IGNORED)
_SEPARATOR: Final = np.uint16(Char.SEPARATOR)

#: Closing quotes and brackets that may stand between a stop and the space behind it.
_CLOSERS: Final = 3

#: Compatibility characters that stand in most pages, and what NFKC makes of them. Without them most pages pass the
#: quick check for NFKC (UAX #15), and are not taken apart and put together again.
_COMMON: Final = (("\u00a0", " "), ("\u2026", "..."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of one text, as arrays of one length; `starts` and `ends` are offsets into `text`.

    text        the normalised text without its invisible characters
    hashes      64-bit hash of each token
    widths      tokens in a shingle that begins here
    lines       number of the line: of line ends (tabs and runs of spaces among them) before the token
    segments    number of the segment: of lines that hold a token
    sentences   number of the sentence; a sentence never crosses a segment
    line_ends   offsets of the line ends
    stops       sentence ends by segment
    separators  menu separators by segment
    """

    text: str
    starts: Offsets
    ends: Offsets
    hashes: U64
    widths: Offsets
    lines: Offsets
    segments: Offsets
    sentences: Offsets
    line_ends: Offsets
    stops: Offsets
    separators: Offsets

    @property
    def words(self) -> NDArray[np.float64]:
        """What each token is worth in words."""
        return WORDS_A_SHINGLE / self.widths

    def count_by_segment(self, offsets: Offsets) -> Offsets:
        """How many of these offsets fall into each segment; those on a line without a token fall into none."""
        return _by_segment(offsets, self.line_ends, self.lines, self.segments)

    def __len__(self) -> int:
        return len(self.hashes)


def normalise(text: str) -> str:
    """NFKC, lower case. Idempotent but for a handful of code points whose lower case decomposes further."""
    for character, compatible in _COMMON:
        text = text.replace(character, compatible)
    return unicodedata.normalize("NFKC", stream_safe(text)).lower()


def tokenise(normalised: str) -> Tokens:
    """Cut a normalised text into tokens, sentences and segments, all at once."""
    characters = code_points(normalised)
    kinds = classes().take(characters)
    ignored = (kinds & _IGNORED) != 0
    if ignored.any():
        characters, kinds = characters[~ignored], kinds[~ignored]
        normalised = text_of(characters)
    starts, ends = _borders(kinds)
    hashes = window_hashes(characters.astype(np.uint64), starts, ends)
    line_ends = _line_ends(kinds)
    breaks = np.searchsorted(starts, line_ends)
    lines = np.bincount(breaks, minlength=len(starts) + 1)[: len(starts)].cumsum()
    segments = _numbered(breaks, len(starts))
    stops = _sentence_ends(kinds)
    return Tokens(
        text=normalised,
        starts=starts,
        ends=ends,
        hashes=hashes,
        widths=_widths(kinds[starts]),
        line_ends=line_ends,
        lines=lines,
        segments=segments,
        sentences=_numbered(np.concatenate((breaks, np.searchsorted(starts, stops))), len(starts)),
        stops=_by_segment(stops, line_ends, lines, segments),
        separators=_by_segment(np.flatnonzero(kinds & _SEPARATOR), line_ends, lines, segments),
    )


def _borders(kinds: NDArray[np.uint16]) -> tuple[Offsets, Offsets]:
    """Where tokens start and end: at the edges of words, and around each character of an unseparated script."""
    word = (kinds & _WORD) != 0
    before = np.empty_like(word)
    before[:1] = False
    before[1:] = word[:-1]
    first = word & ~before
    alone = (kinds & _UNSEPARATED) != 0
    if alone.any():
        after_alone = np.zeros_like(alone)
        # a mark belongs to the character before it, and what follows the mark begins anew
        base = np.maximum.accumulate(np.where((kinds & _MARK) == 0, np.arange(len(kinds)), 0))
        after_alone[1:] = alone[base[:-1]]
        first |= word & (alone | after_alone) & ((kinds & _MARK) == 0)
    starts = np.flatnonzero(first)
    last = np.flatnonzero(before & ~word)
    if len(starts) == len(last) + 1 and not alone.any():
        last = np.append(last, len(kinds))
    if not alone.any():
        return starts, last
    # with tokens that touch, one ends where the next begins or where its run of word characters ends
    run_ends = np.append(last, len(kinds))
    ends = run_ends[np.searchsorted(run_ends, starts, side="right")]
    ends[:-1] = np.minimum(ends[:-1], starts[1:])
    return starts, ends


def _line_ends(kinds: NDArray[np.uint16]) -> Offsets:
    """Offsets of breaks: line ends, tabs, and the second of two spaces."""
    broken = (kinds & _BREAK) != 0
    space = (kinds & _SPACE) != 0
    broken[1:] |= space[1:] & space[:-1]
    return np.flatnonzero(broken)


def _sentence_ends(kinds: NDArray[np.uint16]) -> Offsets:
    """Offsets of the stops that end a sentence: those with white space, or the text's end, behind them.

    Quotes and brackets may stand between.
    """
    stops = np.flatnonzero(kinds & _ANY_STOP)
    padded = np.empty(len(kinds) + _CLOSERS + 1, dtype=np.uint16)
    padded[: len(kinds)], padded[len(kinds) :] = kinds, _SPACE
    following = stops + 1  # a full-width stop has become a common one, without the space that these scripts leave out
    for _ in range(_CLOSERS):
        following = following + ((padded[following] & _CLOSER) != 0)
    hard = (kinds[stops] & _HARD_STOP) != 0
    ends: Offsets = stops[hard | ((padded[following] & _SPACE_OR_IDEOGRAPH) != 0)]
    if (kinds & _COMPLEX).any() and not hard.any():
        ends = np.union1d(ends, _phrase_ends(kinds))
    return ends


def _phrase_ends(kinds: NDArray[np.uint16]) -> Offsets:
    """The spaces between phrases, for scripts that have no full stop, as Thai and Lao (Khmer and Burmese have one)."""
    space = np.flatnonzero(kinds & _SPACE)
    space = space[(space > 0) & (space < len(kinds) - 1)]
    unseparated = _COMPLEX_OR_MARK
    around = ((kinds[space - 1] & unseparated) != 0) & ((kinds[space + 1] & _COMPLEX) != 0)
    between: Offsets = space[around]
    return between


def _widths(kinds: NDArray[np.uint16]) -> Offsets:
    widths = np.full(len(kinds), WORDS_A_SHINGLE, dtype=np.intp)
    if (kinds & _UNSEPARATED).any():
        widths[(kinds & _IDEOGRAPH) != 0] = IDEOGRAPHS_A_SHINGLE
        widths[(kinds & _COMPLEX) != 0] = COMPLEX_A_SHINGLE
    return widths


def _numbered(boundaries: Offsets, length: int) -> Offsets:
    """Number runs of tokens, given the token before which each boundary stands; runs without a token get no number."""
    begins = np.zeros(length + 1, dtype=np.intp)
    begins[boundaries] = 1
    begins[:1] = 0
    return np.cumsum(begins[:length])


def _by_segment(offsets: Offsets, line_ends: Offsets, lines: Offsets, segments: Offsets) -> Offsets:
    if not len(lines):
        return np.zeros(0, dtype=np.intp)
    on = np.searchsorted(line_ends, offsets)
    at = np.searchsorted(lines, on)
    inside = at < len(lines)
    at, on = at[inside], on[inside]
    return np.bincount(segments[at[lines[at] == on]], minlength=int(segments[-1]) + 1)
