"""Join the lines of hard-wrapped text: lines cut at one width, as in mail, wire feeds and old archives."""

from typing import Final

import numpy as np

from reprise.dedup.text.code_points import to_code_points
from reprise.dedup.text.hashing import Offsets

#: Range of the line width of hard-wrapped text, in characters. Narrower lines are lists, wider ones are paragraphs.
_MIN_WIDTH: Final = 40
_MAX_WIDTH: Final = 120

#: Minimum share of full lines: those that the first word of the next line did not fit into. Text that a program wrapped
#: reaches nearly 1; the rest allows for headings and for lines that were edited later.
_MIN_FULL_SHARE: Final = 0.6

#: Maximum share of lines wider than the width: links and teasers that were not wrapped.
_MAX_OVERLONG_SHARE: Final = 0.05

#: Minimum line ends inside paragraphs; fewer are no evidence of a width.
_MIN_LINE_ENDS: Final = 3


def join_wrapped_lines(text: str) -> str:
    """Join the lines of each paragraph if the text is hard-wrapped; else return the text unchanged.

    A blank line or an indented line starts a paragraph.
    """
    lengths = _line_lengths(text)
    if len(lengths) <= _MIN_LINE_ENDS:
        return text
    lengths.sort()
    width = lengths[-1 - int(_MAX_OVERLONG_SHARE * len(lengths))]
    if not _MIN_WIDTH <= width <= _MAX_WIDTH:
        return text
    return _join_if_full(text, int(width))


def _join_if_full(text: str, width: int) -> str:
    """Join the lines of each paragraph if enough of them are full."""
    lines = text.split("\n")
    continuations = [index for index in range(1, len(lines)) if _continues(lines[index - 1], lines[index])]
    # A shorter line has room for any word that is shorter than a narrow line.
    min_length = width - _MIN_WIDTH + 1
    full = sum(
        len(lines[index - 1]) >= min_length and _is_full(lines[index - 1], lines[index], width)
        for index in continuations
    )
    if len(continuations) < _MIN_LINE_ENDS or full < _MIN_FULL_SHARE * len(continuations):
        return text
    joined = set(continuations)
    return "".join(
        (" " if index in joined else "\n" if index else "") + line for index, line in enumerate(map(str.rstrip, lines))
    )


def _line_lengths(text: str) -> Offsets:
    """Return the characters of each line. No line is copied, because most texts are not hard-wrapped."""
    breaks = (to_code_points(text) == ord("\n")).nonzero()[0]
    edges = np.concatenate(((-1,), breaks, (len(text),)))
    return edges[1:] - edges[:-1] - 1


def _is_full(line: str, following: str, width: int) -> bool:
    """Return whether the first word of the next line did not fit into the line.

    A first word as long as a narrow line is text without spaces: there, whether no further character fitted.
    """
    space = following.find(" ")
    word = space if space >= 0 else len(following)
    return len(line) + (1 + word if word < _MIN_WIDTH else 1) > width


def _continues(line: str, following: str) -> bool:
    """Return whether the next line belongs to the same paragraph."""
    return bool(line.strip()) and bool(following) and not following[0].isspace()
