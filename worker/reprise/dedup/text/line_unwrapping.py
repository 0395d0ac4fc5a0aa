"""Hard-wrapped text: lines that were cut at one width, as in mail, wire feeds and old archives."""

from typing import Final

import numpy as np

from reprise.dedup.text.code_points import code_points
from reprise.dedup.text.hashing import Offsets

#: Characters a line. Narrower columns are lists; wider lines are paragraphs.
_NARROWEST: Final = 40
_WIDEST: Final = 120

#: Share of the line ends at which the next word would not have fitted any more. Text wrapped by a program reaches
#: nearly 1; the rest allows for headings and lines that were edited afterwards.
_FULL: Final = 0.6

#: Share of the lines that may be wider than the rest: a link or a teaser that was not wrapped.
_OVERLONG: Final = 0.05

#: Line ends needed to tell: a text of two lines may be anything.
_FEWEST: Final = 3


def unwrap(text: str) -> str:
    """Join the lines of each paragraph where the text is hard-wrapped; else return it as it is.

    A blank line or an indented line begins a paragraph.
    """
    lengths = _line_lengths(text)
    if len(lengths) <= _FEWEST:
        return text
    lengths.sort()
    width = lengths[-1 - int(_OVERLONG * len(lengths))]
    if not _NARROWEST <= width <= _WIDEST:
        return text
    return _unwrapped(text, int(width))


def _unwrapped(text: str, width: int) -> str:
    """The text with its paragraphs joined, if enough of its lines are full."""
    lines = text.split("\n")
    inner = [index for index in range(1, len(lines)) if _continues(lines[index - 1], lines[index])]
    full = sum(_is_full(lines[index - 1], lines[index], width) for index in inner)
    if len(inner) < _FEWEST or full < _FULL * len(inner):
        return text
    joined = set(inner)
    return "".join(
        (" " if index in joined else "\n" if index else "") + line for index, line in enumerate(map(str.rstrip, lines))
    )


def _line_lengths(text: str) -> Offsets:
    """Characters of each line; no string is cut, since most texts are not hard-wrapped."""
    breaks = (code_points(text) == ord("\n")).nonzero()[0]
    edges = np.concatenate(((-1,), breaks, (len(text),)))
    return edges[1:] - edges[:-1] - 1


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether the next line's first word would not have fitted; without spaces, whether no character would have."""
    word = len(following.split(" ", 1)[0])
    return len(line) + (1 + word if word < _NARROWEST else 1) > width


def _continues(line: str, following: str) -> bool:
    return bool(line.strip()) and bool(following) and not following[0].isspace()
