"""Find the ends of lines that separate segments, whatever the layout of a text is.

Line feeds, tabs and runs of spaces separate the entries of menus, headlines and paragraphs. But a text may also have
them inside its sentences: it kept the line breaks of its HTML source, was cut anywhere, or has two spaces for one.
Those are recognised run by run, by the characters on both sides of a run of white space. Lines that were cut at one
width are joined before; see line_unwrapping.py.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass
from reprise.dedup.text.hashing import Offsets

#: Maximum quotes and brackets behind the end of a sentence at the end of a line, and before the first letter of a line.
_MAX_CLOSE: Final = 3

#: Minimum characters of a line of prose, in scripts with spaces between words and in others. Most entries of menus are
#: shorter.
_MIN_LINE: Final = 20
_MIN_LINE_UNSEPARATED: Final = 8

#: Maximum spaces after a comma or a semicolon; more separate columns. Spaces after a full stop are no such sign: they
#: separate teasers, too.
_MAX_AFTER_PUNCTUATION: Final = 3
_PUNCTUATION: Final = np.array(sorted(map(ord, ",;،؛")), dtype=np.uint32)

_LINE_FEED: Final = np.uint32(ord("\n"))
_WORD: Final = np.uint16(CharClass.WORD)
_BREAK: Final = np.uint16(CharClass.BREAK)
_SPACE: Final = np.uint16(CharClass.SPACE)
_CLOSE: Final = np.uint16(CharClass.CLOSE)
_TERMINATOR: Final = np.uint16(CharClass.TERMINATOR)
_LOWER: Final = np.uint16(CharClass.LOWER)
_CASE_OR_DIGIT: Final = np.uint16(CharClass.LOWER | CharClass.UPPER | CharClass.DIGIT)
_UPPER_OR_DIGIT: Final = np.uint16(CharClass.UPPER | CharClass.DIGIT)
_UNSEPARATED: Final = np.uint16(CharClass.IDEOGRAPH | CharClass.COMPLEX)

_NO_OFFSETS: Final = np.zeros(0, dtype=np.intp)

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Runs of white space in texts, in order.

    starts, ends  offsets of each run
    texts         number of the text of each run
    first, last   offsets of the first character of its text, and of the end of its text
    """

    starts: Offsets
    ends: Offsets
    texts: Offsets
    first: Offsets
    last: Offsets

    def take(self, numbers: Offsets) -> "_Runs":
        """Return the runs with these numbers."""
        return _Runs(
            starts=self.starts.take(numbers),
            ends=self.ends.take(numbers),
            texts=self.texts.take(numbers),
            first=self.first.take(numbers),
            last=self.last.take(numbers),
        )


def find_line_ends(
    characters: NDArray[np.uint32], classes: NDArray[np.uint16], gaps: Offsets, text_ends: Offsets
) -> tuple[Bools, Offsets]:
    """Mark the gaps that end a line, shape (gaps,), and return the offsets of the line feeds that do not.

    gaps       offsets of all characters that are no word characters
    text_ends  offset of each TEXT_END
    """
    gap_classes = classes.take(gaps)
    line_ends: Bools = (gap_classes & _BREAK) != 0
    is_space = (gap_classes & _SPACE) != 0
    continues = np.zeros(len(gaps) + 1, dtype=np.bool_)
    continues[1:-1] = is_space[1:] & is_space[:-1] & (gaps[1:] - gaps[:-1] == 1)
    # Most gaps are single spaces, which need no further check.
    spaces = ((continues[:-1] | continues[1:] | line_ends) & is_space).nonzero()[0]
    line_ends |= continues[:-1]
    starts_run = ~continues.take(spaces)
    run_starts = starts_run.nonzero()[0]
    if not len(run_starts):
        return line_ends, _NO_OFFSETS
    sizes = np.empty_like(run_starts)
    sizes[:-1], sizes[-1] = run_starts[1:], len(spaces)
    sizes -= run_starts
    is_feed = characters.take(gaps.take(spaces)) == _LINE_FEED
    feed_counts = np.add.reduceat(is_feed, run_starts, dtype=np.intp)
    has_break = np.logical_or.reduceat((gap_classes.take(spaces) & _BREAK) != 0, run_starts)
    starts = gaps.take(spaces.take(run_starts))
    texts = text_ends.searchsorted(starts)
    edges = np.concatenate(((-1,), text_ends, (len(characters),)))
    runs = _Runs(
        starts=starts, ends=starts + sizes, texts=texts, first=edges.take(texts) + 1, last=edges.take(texts + 1)
    )
    inside = np.zeros(len(starts), dtype=np.bool_)
    with_feed = feed_counts.nonzero()[0]
    inside[with_feed] = _join_lines(characters, classes, runs.take(with_feed), feed_counts.take(with_feed) > 1)
    is_wide = sizes > 1
    wide = (is_wide & ~has_break).nonzero()[0]
    if len(wide):
        single_counts = _count_runs(is_space & ~continues[:-1], gaps, text_ends) - np.bincount(
            texts[is_wide | (feed_counts > 0)], minlength=len(text_ends) + 1
        )
        inside[wide] = _join_words(characters, classes, runs.take(wide), single_counts)
    if not inside.any():
        return line_ends, _NO_OFFSETS
    joined = inside.repeat(sizes)
    line_ends[spaces[joined]] = False
    return line_ends, gaps.take(spaces[joined & is_feed])


def _count_runs(starts_run: Bools, gaps: Offsets, text_ends: Offsets) -> Offsets:
    """Count the runs of white space in each text, shape (texts,)."""
    edges = (0, *gaps.searchsorted(text_ends).tolist(), len(gaps))
    return np.array([np.count_nonzero(starts_run[start:end]) for start, end in pairwise(edges)], dtype=np.intp)


def _join_words(
    characters: NDArray[np.uint32], classes: NDArray[np.uint16], runs: _Runs, single_counts: Offsets
) -> Bools:
    """Mark the runs of several spaces that stand for one space, shape (runs,).

    They are all runs between words if at least half of the gaps of a text are such runs, else those after a comma, and
    the pairs of a space and a no-break space within a sentence: an editor's way to keep two spaces. Before a capital
    letter, such a pair may as well separate the entries of a menu.

    single_counts  for each text, its runs of one space
    """
    starts, ends = runs.starts, runs.ends
    inline = (starts > runs.first) & (ends < runs.last)
    wide_counts = np.bincount(runs.texts[inline], minlength=len(single_counts))
    is_wide_layout = wide_counts >= single_counts
    before, after = starts - 1, np.minimum(ends, len(characters) - 1)
    sizes = ends - starts
    after_comma = (sizes <= _MAX_AFTER_PUNCTUATION) & _is_punctuation(characters.take(before))
    is_pair = (sizes == 2) & (characters.take(starts) != characters.take(starts + 1))
    begins = classes.take(after)
    continues = ((classes.take(before) & begins & _WORD) != 0) & ((begins & _UPPER_OR_DIGIT) == 0)
    joined: Bools = inline & (is_wide_layout.take(runs.texts) | after_comma | (is_pair & continues))
    return joined


def _is_punctuation(characters: NDArray[np.uint32]) -> Bools:
    """Mark the commas and semicolons."""
    marks: Bools = _PUNCTUATION.take(_PUNCTUATION.searchsorted(characters), mode="clip") == characters
    return marks


def _join_lines(characters: NDArray[np.uint32], classes: NDArray[np.uint16], runs: _Runs, is_blank: Bools) -> Bools:
    """Mark the runs with a line feed that stand inside a paragraph, shape (runs,).

    A line that begins with a small letter continues the line before it, unless that ends a sentence. So does a line
    that begins with a capital or a digit next to such lines, and in scripts without capitals, one of two long lines.
    The next sentence of a paragraph is recognised by the lines on both sides.

    is_blank  whether the run has a blank line
    """
    same_text = runs.texts[1:] == runs.texts[:-1]
    line_starts = runs.first.copy()
    line_starts[1:][same_text] = runs.ends[:-1][same_text]
    line_ends = runs.last.copy()
    line_ends[:-1][same_text] = runs.starts[1:][same_text]
    has_neighbours = (runs.starts > line_starts) & (line_ends > runs.ends)
    begins = _first_beyond_close(classes, runs.ends, 1)
    is_end = (_first_beyond_close(classes, runs.starts - 1, -1) & _TERMINATOR) != 0
    is_open = has_neighbours & ~is_end
    unseparated = (begins & _UNSEPARATED) != 0
    is_long = np.minimum(runs.starts - line_starts, line_ends - runs.ends) >= np.where(
        unseparated, _MIN_LINE_UNSEPARATED, _MIN_LINE
    )
    is_long_before = runs.starts - line_starts >= _MIN_LINE
    is_word = (begins & _WORD) != 0
    has_case = (begins & _CASE_OR_DIGIT) != 0
    small = is_open & ((begins & _LOWER) != 0)
    before, after = _neighbours(small, same_text)
    beside_small = is_word & has_case & ((before & is_long_before) | after)
    joined: Bools = small | (is_open & ~is_blank & (beside_small | (is_word & ~has_case & is_long)))
    before, after = _neighbours(joined, same_text)
    joined |= has_neighbours & is_end & is_word & ~is_blank & before & after
    return joined


def _first_beyond_close(classes: NDArray[np.uint16], offsets: Offsets, step: int) -> NDArray[np.uint16]:
    """Return the classes of the first character that is no quote or bracket, in the direction of `step`."""
    found = classes.take(offsets, mode="clip")
    for _ in range(_MAX_CLOSE):
        is_close = (found & _CLOSE) != 0
        if not is_close.any():
            break
        offsets = offsets + step * is_close
        found = classes.take(offsets, mode="clip")
    return found


def _neighbours(marks: Bools, same_text: Bools) -> tuple[Bools, Bools]:
    """Return whether the run before, and the run after, each run is marked and in the same text."""
    before, after = np.zeros_like(marks), np.zeros_like(marks)
    before[1:] = marks[:-1] & same_text
    after[:-1] = marks[1:] & same_text
    return before, after
